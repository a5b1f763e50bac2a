// A reference to a Python object that is given back at the end of its scope.
#pragma once

#include <Python.h>

#include <memory>

namespace stepwell::bindings {

using Reference = std::unique_ptr<PyObject, decltype([](PyObject* object) { Py_XDECREF(object); })>;

}  // namespace stepwell::bindings
