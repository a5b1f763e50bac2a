// A borrowed buffer of a Python object, given back when it goes out of scope (with the GIL held).
#pragma once

#include <pybind11/pybind11.h>

#include "codec/bytes.h"

namespace stepwell::bindings {

class Buffer {
 public:
  // Throws what Python raised: BufferError, TypeError.
  Buffer(pybind11::handle object, int flags) {
    if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) throw pybind11::error_already_set();
  }
  ~Buffer() { PyBuffer_Release(&view_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  const Py_buffer& view() const { return view_; }
  codec::Bytes bytes() const {
    return {static_cast<const uint8_t*>(view_.buf), static_cast<size_t>(view_.len)};
  }

 private:
  Py_buffer view_ = {};
};

}  // namespace stepwell::bindings
