#include "bindings/keys.h"

#include <cstring>

namespace stepwell::bindings {

bool same_text(PyObject* a, PyObject* b) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(a);
  const auto kind = PyUnicode_KIND(a);
  if (length != PyUnicode_GET_LENGTH(b) || kind != PyUnicode_KIND(b)) return false;
  return std::memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b), static_cast<std::size_t>(length) * kind) == 0;
}

KeyTable::KeyTable() : slots_(64, kNone) {}

KeyTable::~KeyTable() {
  for (PyObject* key : keys_) Py_DECREF(key);
}

std::uint32_t KeyTable::find(PyObject* key) const {
  const Py_hash_t hash = key_hash(key);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = static_cast<std::size_t>(hash) & mask;; at = (at + 1) & mask) {
    const std::uint32_t metric = slots_[at];
    if (metric == kNone) return kNone;
    PyObject* const known = keys_[metric];
    if (known == key || (key_hash(known) == hash && same_text(known, key))) return metric;
  }
}

void KeyTable::place(std::uint32_t metric) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>(key_hash(keys_[metric])) & mask;
  while (slots_[at] != kNone) at = (at + 1) & mask;
  slots_[at] = metric;
}

void KeyTable::add(PyObject* key) {
  Py_INCREF(key);
  keys_.push_back(key);
  if (keys_.size() * 2 > slots_.size()) {
    slots_.assign(slots_.size() * 2, kNone);
    for (std::uint32_t metric = 0; metric < keys_.size(); ++metric) place(metric);
  } else {
    place(static_cast<std::uint32_t>(keys_.size() - 1));
  }
}

}  // namespace stepwell::bindings
