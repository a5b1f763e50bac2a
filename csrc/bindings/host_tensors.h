// Tensors in host memory that hold one number each, as a training loop on a CPU logs them by the fifty.
#pragma once

#include <Python.h>

namespace stepwell::bindings {

/// A copy of the dict in which numbers stand for its tensors (exact instances of `tensor`: torch.Tensor). A
/// new reference; null, and no exception, where a value is neither such a tensor nor one that values.h reads,
/// or none is a tensor. Runs the tensors' own code and may let other threads run, so never between the
/// beginning of a row and its publishing.
PyObject* numbers_of_host_tensors(PyObject* data, PyTypeObject* tensor);

}  // namespace stepwell::bindings
