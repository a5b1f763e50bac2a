// What each room shows to Python. The only folder that includes Python.h; the rooms know nothing of it.
#pragma once

#include <pybind11/pybind11.h>

namespace stepwell::bindings {

void register_ring(pybind11::module_& module);       // recorder.cc, ring.cc
void register_spool(pybind11::module_& module);      // spool.cc
void register_codec(pybind11::module_& module);      // codec.cc
void register_histogram(pybind11::module_& module);  // histogram.cc
void register_native(pybind11::module_& module);     // native.cc

}  // namespace stepwell::bindings
