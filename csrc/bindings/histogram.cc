// Histograms of anything with the buffer protocol, without importing numpy. A non-contiguous buffer is copied
// first; bfloat16, which buffers do not know, is recognised by its dtype's name and taken as 16-bit words.
#include "histogram/histogram.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/buffer.h"
#include "histogram/buckets.h"

namespace py = pybind11;

namespace stepwell::bindings {

namespace {

using histogram::Histogram;
using histogram::Type;

[[noreturn]] void refuse(std::string_view format) {
  throw py::type_error(
      "a histogram takes numbers of 8 to 64 bits (f2, bf16, f4, f8, integers, bool) in the "
      "machine's byte order, not items of buffer format '" +
      std::string(format) + "'; convert them first, e.g. array.astype('float32')");
}

Type integer_type(bool is_signed, Py_ssize_t size, std::string_view format) {
  switch (size) {
    case 1:
      return is_signed ? Type::kI8 : Type::kU8;
    case 2:
      return is_signed ? Type::kI16 : Type::kU16;
    case 4:
      return is_signed ? Type::kI32 : Type::kU32;
    case 8:
      return is_signed ? Type::kI64 : Type::kU64;
    default:
      refuse(format);
  }
}

// Buffer formats are those of the struct module; sizes are taken from the buffer, as 'l' differs by machine.
Type type_of(const Py_buffer& view) {
  const std::string_view format = view.format == nullptr ? "B" : view.format;
  std::string_view code = format;
  if (!code.empty() && std::string_view("@=<|").find(code[0]) != std::string_view::npos)
    code.remove_prefix(1);
  if (code.size() != 1) refuse(format);
  switch (code[0]) {
    case 'e':
      return Type::kF16;
    case 'f':
      return Type::kF32;
    case 'd':
      return Type::kF64;
    case '?':
      return Type::kBool;
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n':
      return integer_type(true, view.itemsize, format);
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
    case 'N':
      return integer_type(false, view.itemsize, format);
    default:
      refuse(format);
  }
}

std::string dtype_name(py::handle values) {
  const py::object dtype = py::getattr(values, "dtype", py::none());
  const py::object name = py::getattr(dtype, "name", py::none());
  return py::isinstance<py::str>(name) ? name.cast<std::string>() : std::string();
}

py::bytes to_bytes(const Histogram& histogram) {
  codec::ByteWriter out;
  histogram::encode(histogram, out);
  return {reinterpret_cast<const char*>(out.bytes().data()), out.size()};
}

Histogram from_bytes(std::string_view bytes) {
  return histogram::decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

py::bytes count(py::object values, const std::optional<std::string>& dtype) {
  const std::string name = dtype ? *dtype : dtype_name(values);
  const bool bfloat16 = name == "bfloat16";
  if (dtype && !bfloat16) throw py::value_error("dtype names what a buffer cannot: only 'bfloat16'");
  if (bfloat16 && !dtype && PyObject_HasAttrString(values.ptr(), "view"))
    values = values.attr("view")("uint16");
  if (PyObject_CheckBuffer(values.ptr()) == 0) {
    throw py::type_error("a histogram takes an array (anything with the buffer protocol), not " +
                         py::str(py::type::of(values)).cast<std::string>());
  }
  const Buffer buffer(values, PyBUF_FULL_RO);
  const Py_buffer& view = buffer.view();
  const Type type = bfloat16 ? Type::kBf16 : type_of(view);
  if (static_cast<size_t>(view.itemsize) != histogram::size_of(type))
    refuse(bfloat16 ? "bfloat16" : view.format);
  const size_t n = static_cast<size_t>(view.len) / histogram::size_of(type);
  std::vector<unsigned char> copy;
  const void* data = view.buf;
  if (PyBuffer_IsContiguous(&view, 'A') == 0) {
    copy.resize(static_cast<size_t>(view.len));
    // It changes nothing of the view; before Python 3.11 its declaration does not say so.
    auto* same_view = const_cast<Py_buffer*>(&view);
    if (PyBuffer_ToContiguous(copy.data(), same_view, view.len, 'C') != 0) throw py::error_already_set();
    data = copy.data();
  }
  const Histogram result = [&] {
    const py::gil_scoped_release release;
    return histogram::count_values(type, data, n);
  }();
  return to_bytes(result);
}

template <typename T>
std::vector<int64_t> widened(const Py_buffer& view) {
  std::vector<int64_t> counts(static_cast<size_t>(view.len) / sizeof(T));
  const auto* narrow = static_cast<const T*>(view.buf);
  std::copy(narrow, narrow + counts.size(), counts.begin());
  return counts;
}

py::bytes counted(py::object counts, double sum, double sum2, double min, double max) {
  const Buffer buffer(counts, PyBUF_FULL_RO);
  const Py_buffer& view = buffer.view();
  const Type type = type_of(view);
  if ((type != Type::kI32 && type != Type::kI64) || PyBuffer_IsContiguous(&view, 'C') == 0)
    throw py::type_error("counts by code are a contiguous buffer of int32 or int64");
  const auto wide = type == Type::kI32 ? widened<int32_t>(view) : widened<int64_t>(view);
  return to_bytes(histogram::from_counts(wide, {sum, sum2, min, max}));
}

py::dict decode(const py::bytes& data) {
  const Histogram histogram = from_bytes(static_cast<std::string_view>(data));
  py::dict result;
  result["count"] = histogram.count;
  result["sum"] = histogram.sum;
  result["sum2"] = histogram.sum2;
  result["min"] = histogram.min;
  result["max"] = histogram.max;
  result["nan"] = histogram.nan;
  result["pos_inf"] = histogram.pos_inf;
  result["neg_inf"] = histogram.neg_inf;
  result["buckets"] = histogram.buckets;
  result["counts"] = histogram.counts;
  result["edges"] = histogram.edges;
  return result;
}

py::bytes merge(const py::sequence& parts) {
  Histogram total;
  bool first = true;
  for (const py::handle part : parts) {
    Histogram next = from_bytes(static_cast<std::string_view>(py::cast<py::bytes>(part)));
    if (first) {
      total = std::move(next);
    } else {
      histogram::merge(total, next);
    }
    first = false;
  }
  return to_bytes(total);
}

std::vector<std::pair<double, double>> edges(const std::vector<uint32_t>& buckets) {
  std::vector<std::pair<double, double>> result;
  result.reserve(buckets.size());
  for (const uint32_t code : buckets) {
    if (!histogram::is_bucket(code)) throw codec::FormatError("there is no bucket " + std::to_string(code));
    result.push_back(histogram::edges_of(code));
  }
  return result;
}

}  // namespace

void register_histogram(py::module_& module) {
  module.def("histogram", count, py::arg("values"), py::arg("dtype") = py::none());
  module.def(
      "histogram_counts",
      [](const std::vector<uint64_t>& counts, const std::vector<double>& given) {
        return to_bytes(histogram::keep(counts, given));
      },
      py::arg("counts"), py::arg("edges"));
  module.def("histogram_counted", counted, py::arg("counts"), py::arg("sum"), py::arg("sum2"), py::arg("min"),
             py::arg("max"));
  module.def("histogram_decode", decode, py::arg("data"));
  module.def("histogram_merge", merge, py::arg("parts"));
  module.def("histogram_edges", edges, py::arg("buckets"));
  module.def(
      "histogram_rebin",
      [](const py::bytes& data, size_t bins) {
        histogram::Bins view = histogram::rebin(from_bytes(static_cast<std::string_view>(data)), bins);
        return std::pair(std::move(view.counts), std::move(view.edges));
      },
      py::arg("data"), py::arg("bins"));
}

}  // namespace stepwell::bindings
