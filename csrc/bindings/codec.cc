// BlockBuilder and the header of a block, as Python sees them. The builder's one user at a time is its
// owner's duty.
#include <pybind11/pybind11.h>

#include <string>
#include <string_view>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/buffer.h"
#include "codec/builder.h"
#include "codec/column.h"
#include "codec/header.h"

namespace py = pybind11;

namespace stepwell::bindings {

namespace {

using codec::BlockBuilder;
using codec::CellType;
using codec::FormatError;

codec::Origin make_origin(std::string project, std::string id, const py::bytes& run, uint32_t rank,
                          uint32_t attempt, uint64_t writer, int64_t created_ms, std::string host) {
  codec::Origin origin{std::move(project), std::move(id),  {}, rank, attempt, writer,
                       created_ms,         std::move(host)};
  const auto bytes = static_cast<std::string_view>(run);
  if (bytes.size() != origin.run.size()) throw FormatError("run is the 16 bytes of a UUID");
  std::copy(bytes.begin(), bytes.end(), origin.run.begin());
  return origin;
}

struct Cell {
  CellType type;
  uint64_t value;
};

Cell cell_of(py::handle value) {
  if (PyBool_Check(value.ptr())) return {CellType::kBool, value.ptr() == Py_True ? 1ULL : 0ULL};
  if (PyLong_Check(value.ptr())) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
    if (overflow == 0) return {CellType::kI64, static_cast<uint64_t>(number)};
  }
  const double number = PyFloat_AsDouble(value.ptr());
  if (number == -1.0 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return {CellType::kF64, std::bit_cast<uint64_t>(number)};
}

void add_row(BlockBuilder& builder, const py::sequence& cells, uint64_t row_seq, int64_t step,
             int64_t time_ms, int64_t at) {
  std::vector<uint32_t> types;
  std::vector<uint64_t> values;
  types.reserve(cells.size());
  values.reserve(cells.size());
  for (const py::handle item : cells) {
    const auto pair = py::reinterpret_borrow<py::object>(item).cast<py::tuple>();
    if (pair.size() != 2) throw FormatError("a cell is a pair of metric name and value");
    const Cell cell = cell_of(pair[1]);
    types.push_back(ring::make_cell(builder.metric(pair[0].cast<std::string_view>()), cell.type));
    values.push_back(cell.value);
  }
  builder.add_row({row_seq, step, time_ms, at}, types, values);
}

void add_record(BlockBuilder& builder, uint16_t kind, const py::tuple& parts, uint64_t row_seq, int64_t step,
                int64_t time_ms) {
  std::vector<std::string_view> views;
  views.reserve(parts.size());
  for (const py::handle part : parts)
    views.push_back(static_cast<std::string_view>(py::cast<py::bytes>(part)));
  builder.add_record(static_cast<codec::Kind>(kind), views, {row_seq, step, time_ms});
}

template <typename Data>
py::bytes to_bytes(const Data& data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

py::tuple encode(BlockBuilder& builder) {
  const codec::EncodedBlock block = [&] {
    const py::gil_scoped_release release;
    return builder.encode();
  }();
  return py::make_tuple(to_bytes(block.header), to_bytes(block.body));
}

py::tuple block_header(const py::buffer& block) {
  const codec::Header header = codec::read_header(Buffer(block, PyBUF_SIMPLE).bytes());
  return py::make_tuple(header.version, header.min_reader, header.body_bytes);
}

// One column alone, for measuring and tests: the bytes that a block would hold.
py::bytes encode_column(const py::buffer& values) {
  const Buffer buffer(values, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS);
  const std::string_view format = buffer.view().format == nullptr ? "B" : buffer.view().format;
  const bool doubles = format == "d";
  if (buffer.view().itemsize != sizeof(uint64_t) || (!doubles && format != "q" && format != "l")) {
    throw py::type_error("a column is float64 or int64, not items of buffer format '" + std::string(format) +
                         "'");
  }
  codec::ByteWriter out;
  {
    const py::gil_scoped_release release;
    const std::span column(static_cast<const uint64_t*>(buffer.view().buf),
                           buffer.bytes().size() / sizeof(uint64_t));
    doubles ? codec::encode_doubles(column, out) : codec::encode_ints(column, out);
  }
  return {reinterpret_cast<const char*>(out.bytes().data()), out.size()};
}

py::bytes decode_column(const py::buffer& column, size_t count, bool doubles) {
  if (count > codec::kMaxPoints) throw FormatError("no column has more than 2^20 values");
  const Buffer buffer(column, PyBUF_SIMPLE);
  std::vector<uint64_t> values(count);
  {
    const py::gil_scoped_release release;
    codec::ByteReader in(buffer.bytes());
    doubles ? codec::decode_doubles(in, values) : codec::decode_ints(in, values);
    in.finish("a column");
  }
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(uint64_t)};
}

}  // namespace

void register_codec(py::module_& module) {
  const auto& error = py::register_exception<FormatError>(module, "BlockError", PyExc_ValueError);
  py::register_exception<codec::TooNewError>(module, "BlockTooNew", error);
  module.attr("BLOCK_VERSION") = codec::kBlockVersion;
  module.attr("BLOCK_HEADER_BYTES") = codec::kBlockHeaderBytes;

  py::class_<BlockBuilder>(module, "BlockBuilder")
      .def(py::init([](std::string project, std::string id, const py::bytes& run, uint32_t rank,
                       uint32_t attempt, uint64_t writer, int64_t created_ms, std::string host) {
             return std::make_unique<BlockBuilder>(make_origin(std::move(project), std::move(id), run, rank,
                                                               attempt, writer, created_ms, std::move(host)));
           }),
           py::kw_only(), py::arg("project"), py::arg("id"), py::arg("run"), py::arg("rank"),
           py::arg("attempt"), py::arg("writer"), py::arg("created_ms"), py::arg("host") = "")
      .def_property_readonly("records", &BlockBuilder::records)
      .def_property_readonly("points", &BlockBuilder::points)
      .def_property_readonly("first_seq", &BlockBuilder::first_seq)
      .def_property_readonly("last_seq", &BlockBuilder::last_seq)
      .def_property_readonly("refused", &BlockBuilder::refused)
      .def("add_row", add_row, py::arg("cells"), py::arg("row_seq"), py::arg("step"), py::arg("time_ms"),
           py::arg("at") = 0)
      .def("add_record", add_record, py::arg("kind"), py::arg("parts"), py::arg("row_seq"), py::arg("step"),
           py::arg("time_ms"))
      .def("encode", encode);

  module.def("block_header", block_header, py::arg("block"));
  module.def("encode_column", encode_column, py::arg("values"));
  module.def("decode_column", decode_column, py::arg("column"), py::arg("count"), py::kw_only(),
             py::arg("doubles"));
}

}  // namespace stepwell::bindings
