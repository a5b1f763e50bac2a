// Which Python values are cells, read without running any Python: exact float, int, bool and numpy scalars.
// Everything else is for the slow way.
#pragma once

#include <Python.h>

#include <bit>
#include <cstdint>

#include "ring/record.h"

namespace stepwell::bindings {

/// numpy scalars of the types found so far. Never allocates, never runs Python.
bool read_known_numpy(PyObject* value, ring::CellType& type, std::uint64_t& bits);
/// Learns numpy's scalar types if this value is of one and they are not known yet. May run Python; never
/// imports.
bool learn_numpy(PyObject* value);

/// The cell of a value that is no float. False: not a value that can be read here.
bool read_other(PyObject* value, ring::CellType& type, std::uint64_t& bits);

/// The cell of a value. False: not a value that can be read here.
inline bool read_cell(PyObject* value, ring::CellType& type, std::uint64_t& bits) {
  if (!PyFloat_CheckExact(value)) return read_other(value, type, bits);
  type = ring::CellType::kF64;
  bits = std::bit_cast<std::uint64_t>(PyFloat_AS_DOUBLE(value));
  return true;
}

}  // namespace stepwell::bindings
