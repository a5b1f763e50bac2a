// The Recorder's type, made with the C API; register_ring puts it into the module.
#pragma once

#include <pybind11/pybind11.h>

namespace stepwell::bindings {

void register_recorder(pybind11::module_& module);
/// stepwell._core.RingError; borrowed.
PyObject* ring_error();

}  // namespace stepwell::bindings
