// From a dict's keys to metric ids: by pointer where the key is the very object seen before, by hash and
// comparison where it is another one of the same text (an f-string makes a new object each time). Keeps a
// reference to the first object of each metric, so that its address cannot come to mean another name; later
// objects of the same text are compared, never remembered. Runs no Python: keys are exact str.
#pragma once

#include <Python.h>

#include <bit>
#include <cstdint>
#include <vector>

namespace stepwell::bindings {

/// The hash of an exact str; computed once by Python and kept in the object.
inline Py_hash_t key_hash(PyObject* key) {
  const Py_hash_t hash = reinterpret_cast<PyASCIIObject*>(key)->hash;
  return hash != -1 ? hash : PyObject_Hash(key);
}

/// Whether a key has the text of a known one (an exact str). Apart from the loops that call it, which keep
/// their registers.
[[nodiscard]] bool same_key(PyObject* key, PyObject* known);

class KeyTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  KeyTable();
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;
  ~KeyTable();

  /// The metric of this key, or kNone.
  [[nodiscard]] std::uint32_t find(PyObject* key) const;
  /// Names the next metric: its id is how many were added before.
  void add(PyObject* key);
  [[nodiscard]] PyObject* key(std::uint32_t metric) const { return keys_[metric]; }
  [[nodiscard]] bool is(PyObject* key, std::uint32_t metric) const {
    return keys_[metric] == key || same_key(key, keys_[metric]);
  }

 private:
  void place(std::uint32_t metric);

  std::vector<PyObject*> keys_;  // owned, by metric id
  std::vector<std::uint32_t> slots_;
};

/// The keys of a former row, in order: what the next row of the same call site will most likely have.
struct Shape {
  std::uint64_t tag = 0;         // of what such rows begin with and their width; 0: none
  std::uint64_t generation = 0;  // of the ring in which all these metrics are defined
  std::vector<std::uint32_t> cells;
};

/// The shapes of thousands of call sites, so that none undoes another's.
class Shapes {
 public:
  Shapes() : shapes_(std::size_t{1} << kBitsAtFirst) {}

  static std::uint64_t tag_of(Py_hash_t first_key, Py_hash_t second_key, Py_ssize_t n) {
    const auto mixed = static_cast<std::uint64_t>(first_key) +
                       std::rotl(static_cast<std::uint64_t>(second_key), 23) + static_cast<std::uint64_t>(n);
    return mixed * 0x9E3779B97F4A7C15u | 1;
  }
  /// Null: no such row came yet, or it was forgotten.
  Shape* find(std::uint64_t tag) {
    for (std::size_t at = home(tag), end = at + kProbes; at < end; ++at) {
      Shape& shape = shapes_[at & (shapes_.size() - 1)];
      if (shape.tag == tag) return &shape;
    }
    return nullptr;
  }
  /// Where it is to be remembered. Moves all others where there is no room, and forgets one where there are
  /// too many.
  Shape& place(std::uint64_t tag);

 private:
  static constexpr int kBitsAtFirst = 8;
  static constexpr int kBitsMost = 13;
  static constexpr std::size_t kProbes = 4;

  [[nodiscard]] std::size_t home(std::uint64_t tag) const { return tag >> (64 - bits_); }
  Shape* find_free(std::uint64_t tag);
  bool grow();

  int bits_ = kBitsAtFirst;
  std::vector<Shape> shapes_;
};

}  // namespace stepwell::bindings
