#include "bindings/keys.h"

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace stepwell::bindings {
namespace {

template <typename Word>
bool same_word(const char* a, const char* b) {
  Word left;
  Word right;
  std::memcpy(&left, a, sizeof(Word));
  std::memcpy(&right, b, sizeof(Word));
  return left == right;
}

// Names are short: a few words, of which the last two may overlap, take less than a call of memcmp.
bool same_bytes(const char* a, const char* b, std::size_t n) {
  constexpr std::size_t kShort = 64;
  if (n < sizeof(std::uint64_t) || n > kShort) return std::memcmp(a, b, n) == 0;
  const std::size_t last = n - sizeof(std::uint64_t);
  for (std::size_t at = 0; at < last; at += sizeof(std::uint64_t)) {
    if (!same_word<std::uint64_t>(a + at, b + at)) return false;
  }
  return same_word<std::uint64_t>(a + last, b + last);
}

// Of two exact str.
bool same_text(PyObject* a, PyObject* b) {
  const Py_ssize_t length = PyUnicode_GET_LENGTH(a);
  const auto kind = PyUnicode_KIND(a);
  if (length != PyUnicode_GET_LENGTH(b) || kind != PyUnicode_KIND(b)) return false;
  return same_bytes(static_cast<const char*>(PyUnicode_DATA(a)), static_cast<const char*>(PyUnicode_DATA(b)),
                    static_cast<std::size_t>(length) * kind);
}

}  // namespace

bool same_key(PyObject* key, PyObject* known) {
  return PyUnicode_CheckExact(key) && key_hash(key) == key_hash(known) && same_text(key, known);
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

Shape* Shapes::find_free(std::uint64_t tag) {
  for (std::size_t at = home(tag), end = at + kProbes; at < end; ++at) {
    Shape& shape = shapes_[at & (shapes_.size() - 1)];
    if (shape.tag == 0) return &shape;
  }
  return nullptr;
}

bool Shapes::grow() {
  if (bits_ == kBitsMost) return false;
  std::vector<Shape> before;
  try {
    before.resize(shapes_.size() * 2);
  } catch (const std::bad_alloc&) {
    return false;  // then it forgets one: what comes to be written is written all the same
  }
  before.swap(shapes_);
  ++bits_;
  for (Shape& shape : before) {
    if (shape.tag == 0) continue;
    if (Shape* const room = find_free(shape.tag)) *room = std::move(shape);
  }
  return true;
}

Shape& Shapes::place(std::uint64_t tag) {
  if (Shape* const known = find(tag)) return *known;
  Shape* found = find_free(tag);
  while (found == nullptr && grow()) found = find_free(tag);
  if (found == nullptr) {
    found = &shapes_[home(tag)];
    found->generation = 0;  // of no ring
  }
  found->tag = tag;
  return *found;
}

}  // namespace stepwell::bindings
