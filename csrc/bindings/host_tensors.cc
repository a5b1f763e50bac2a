#include "bindings/host_tensors.h"

#include "bindings/reference.h"
#include "bindings/values.h"

namespace stepwell::bindings {
namespace {

PyObject* interned(const char* name) { return PyUnicode_InternFromString(name); }

// The number that a tensor holds; null without an exception: it lies elsewhere, has many elements, or stands
// for others (vmap).
PyObject* number_of(PyObject* value) {
  static PyObject* const kIsCpu = interned("is_cpu");
  static PyObject* const kItem = interned("item");
  const Reference is_cpu(PyObject_GetAttr(value, kIsCpu));
  PyObject* const number = is_cpu.get() == Py_True ? PyObject_CallMethodNoArgs(value, kItem) : nullptr;
  if (number == nullptr) PyErr_Clear();
  return number;
}

// Whether any value is such a tensor, and all others are cells: nothing is read of the tensors yet.
bool promising(PyObject* data, PyTypeObject* tensor) {
  bool found = false;
  Py_ssize_t at = 0;
  PyObject* value = nullptr;
  while (PyDict_Next(data, &at, nullptr, &value) != 0) {
    ring::CellType type = {};
    std::uint64_t bits = 0;
    if (Py_IS_TYPE(value, tensor)) {
      found = true;
    } else if (!read_cell(value, type, bits)) {
      return false;
    }
  }
  return found;
}

}  // namespace

PyObject* numbers_of_host_tensors(PyObject* data, PyTypeObject* tensor) {
  // Nobody else has the copy: it stays as it is while the tensors' code runs, but for the values set here.
  Reference numbers(PyDict_Copy(data));
  if (!numbers) PyErr_Clear();
  if (!numbers || !promising(numbers.get(), tensor)) return nullptr;
  Py_ssize_t at = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(numbers.get(), &at, &key, &value) != 0) {
    if (!Py_IS_TYPE(value, tensor)) continue;
    const Reference number(number_of(value));
    if (!number) return nullptr;
    if (PyDict_SetItem(numbers.get(), key, number.get()) < 0) {
      PyErr_Clear();
      return nullptr;
    }
  }
  return numbers.release();
}

}  // namespace stepwell::bindings
