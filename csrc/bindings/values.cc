#include "bindings/values.h"

#include <cmath>
#include <cstring>
#include <string_view>

namespace stepwell::bindings {
namespace {

enum class Scalar { kF64, kF32, kF16, kBool, kI64, kI32, kI16, kI8, kU64, kU32, kU16, kU8 };

struct NumpyType {
  const char* name;
  Scalar scalar;
  Py_ssize_t bytes;
  PyTypeObject* type;  // a reference for ever, as numpy itself is never unloaded
};

// Commonest first: they are looked for in this order. `longlong` is another type than `int64` where both have
// 8 bytes.
NumpyType g_types[] = {
    {"float32", Scalar::kF32, 4, nullptr},   {"float64", Scalar::kF64, 8, nullptr},
    {"int64", Scalar::kI64, 8, nullptr},     {"bool_", Scalar::kBool, 1, nullptr},
    {"int32", Scalar::kI32, 4, nullptr},     {"float16", Scalar::kF16, 2, nullptr},
    {"uint8", Scalar::kU8, 1, nullptr},      {"uint32", Scalar::kU32, 4, nullptr},
    {"uint64", Scalar::kU64, 8, nullptr},    {"longlong", Scalar::kI64, 8, nullptr},
    {"ulonglong", Scalar::kU64, 8, nullptr}, {"int16", Scalar::kI16, 2, nullptr},
    {"int8", Scalar::kI8, 1, nullptr},       {"uint16", Scalar::kU16, 2, nullptr},
};
bool g_learned = false;

double from_half(std::uint16_t half) {
  const double sign = (half & 0x8000) != 0 ? -1.0 : 1.0;
  const int exponent = (half >> 10) & 0x1F;
  const int mantissa = half & 0x3FF;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  if (exponent == 31) return mantissa == 0 ? sign * HUGE_VAL : std::copysign(std::nan(""), sign);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

// A numpy scalar keeps its value right behind the object header, in C's own type (arrayscalars.h), as numpy
// promises to extensions that use PyArrayScalar_VAL.
template <typename T>
T value_of(PyObject* object) {
  T value = {};
  std::memcpy(&value, reinterpret_cast<const char*>(object) + sizeof(PyObject), sizeof(value));
  return value;
}

bool real(double value, ring::CellType& type, std::uint64_t& bits) {
  type = ring::CellType::kF64;
  bits = std::bit_cast<std::uint64_t>(value);
  return true;
}

bool integer(std::int64_t value, ring::CellType& type, std::uint64_t& bits) {
  type = ring::CellType::kI64;
  bits = static_cast<std::uint64_t>(value);
  return true;
}

bool read_as(Scalar scalar, PyObject* value, ring::CellType& type, std::uint64_t& bits) {
  switch (scalar) {
    case Scalar::kF64:
      return real(value_of<double>(value), type, bits);
    case Scalar::kF32:
      return real(static_cast<double>(value_of<float>(value)), type, bits);
    case Scalar::kF16:
      return real(from_half(value_of<std::uint16_t>(value)), type, bits);
    case Scalar::kBool:
      type = ring::CellType::kBool;
      bits = value_of<std::uint8_t>(value) != 0 ? 1 : 0;
      return true;
    case Scalar::kI64:
      return integer(value_of<std::int64_t>(value), type, bits);
    case Scalar::kI32:
      return integer(value_of<std::int32_t>(value), type, bits);
    case Scalar::kI16:
      return integer(value_of<std::int16_t>(value), type, bits);
    case Scalar::kI8:
      return integer(value_of<std::int8_t>(value), type, bits);
    case Scalar::kU64: {
      const auto number = value_of<std::uint64_t>(value);
      return number <= INT64_MAX && integer(static_cast<std::int64_t>(number), type, bits);
    }
    case Scalar::kU32:
      return integer(value_of<std::uint32_t>(value), type, bits);
    case Scalar::kU16:
      return integer(value_of<std::uint16_t>(value), type, bits);
    case Scalar::kU8:
      return integer(value_of<std::uint8_t>(value), type, bits);
  }
  return false;
}

}  // namespace

bool read_known_numpy(PyObject* value, ring::CellType& type, std::uint64_t& bits) {
  PyTypeObject* const wanted = Py_TYPE(value);
  for (const NumpyType& known : g_types) {
    if (known.type == wanted) return read_as(known.scalar, value, type, bits);
  }
  return false;
}

bool read_other(PyObject* value, ring::CellType& type, std::uint64_t& bits) {
  if (PyLong_CheckExact(value)) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow != 0) return false;
    type = ring::CellType::kI64;
    bits = static_cast<std::uint64_t>(number);
    return true;
  }
  if (PyBool_Check(value)) {
    type = ring::CellType::kBool;
    bits = value == Py_True ? 1 : 0;
    return true;
  }
  return read_known_numpy(value, type, bits);
}

bool learn_numpy(PyObject* value) {
  if (g_learned || !std::string_view(Py_TYPE(value)->tp_name).starts_with("numpy.")) return false;
  PyObject* modules = PyImport_GetModuleDict();  // borrowed
  PyObject* numpy = modules != nullptr ? PyDict_GetItemString(modules, "numpy") : nullptr;
  if (numpy == nullptr) return false;
  for (NumpyType& known : g_types) {
    PyObject* found = PyObject_GetAttrString(numpy, known.name);
    if (found == nullptr) {
      PyErr_Clear();
      continue;
    }
    auto* type = reinterpret_cast<PyTypeObject*>(found);
    const auto least = static_cast<Py_ssize_t>(sizeof(PyObject)) + known.bytes;
    if (PyType_Check(found) && type->tp_basicsize >= least) {
      known.type = type;
    } else {
      Py_DECREF(found);
    }
  }
  g_learned = true;
  return true;
}

}  // namespace stepwell::bindings
