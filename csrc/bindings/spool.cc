// stepwell._core's SegmentWriter, SpoolFrame, scan_segment and crc32c.
#include <cerrno>
#include <system_error>

#include "bindings/bindings.h"
#include "spool/crc32c.h"
#include "spool/segment.h"

namespace py = pybind11;

namespace stepwell::bindings {
namespace {

[[noreturn]] void raise_os_error(const std::system_error& error, const std::string& path) {
  errno = error.code().value();
  // Picks the subclass, FileExistsError and the like, by errno.
  PyErr_SetFromErrnoWithFilename(PyExc_OSError, path.c_str());
  throw py::error_already_set();
}

struct SpoolFrame {
  std::uint64_t offset;
  std::uint64_t length;
  std::uint16_t kind;
  std::uint64_t writer;
  std::uint64_t first_seq;
  std::uint64_t last_seq;
  std::uint32_t crc32c;
  py::bytes payload;
};

class SegmentWriter {
 public:
  explicit SegmentWriter(const std::string& path) : path_(path) {
    call([&] { writer_ = std::make_unique<spool::SegmentWriter>(path); });
  }

  std::uint64_t append(std::uint16_t kind, std::uint64_t writer, std::uint64_t first_seq,
                       std::uint64_t last_seq, const py::bytes& payload) {
    const std::string_view view = payload;
    std::uint64_t offset = 0;
    call([&] {
      offset = writer_->append(kind, writer, first_seq, last_seq,
                               std::as_bytes(std::span(view.data(), view.size())));
    });
    return offset;
  }
  std::uint64_t size() const { return writer_->size(); }
  void sync() {
    call([&] { writer_->sync(); });
  }
  void close() { writer_->close(); }

 private:
  template <typename Work>
  void call(Work work) {
    try {
      const py::gil_scoped_release released;
      work();
    } catch (const std::system_error& error) {
      raise_os_error(error, path_);
    }
  }

  std::string path_;
  std::unique_ptr<spool::SegmentWriter> writer_;
};

py::tuple scan_segment(const std::string& path, std::uint64_t offset, std::uint64_t max_bytes,
                       bool payloads) {
  spool::Scan scan;
  try {
    const py::gil_scoped_release released;
    scan = spool::scan_segment(path, offset, max_bytes, payloads);
  } catch (const std::system_error& error) {
    raise_os_error(error, path);
  } catch (const spool::SegmentTooNew& error) {
    throw py::value_error(error.what());
  }
  py::list frames;
  for (const spool::Frame& frame : scan.frames) {
    const spool::FrameHeader& header = frame.header;
    frames.append(
        SpoolFrame{frame.offset, frame.bytes(), header.kind, header.writer, header.first_seq, header.last_seq,
                   header.payload_crc,
                   py::bytes(reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size())});
  }
  py::list damaged;
  for (const spool::DamagedRange& range : scan.damaged)
    damaged.append(py::make_tuple(range.offset, range.bytes));
  return py::make_tuple(frames, scan.end, damaged);
}

}  // namespace

void register_spool(py::module_& module) {
  py::class_<SpoolFrame>(module, "SpoolFrame", py::is_final(), "One whole frame of a segment.")
      .def_readonly("offset", &SpoolFrame::offset)
      .def_readonly("length", &SpoolFrame::length)
      .def_readonly("kind", &SpoolFrame::kind)
      .def_readonly("writer", &SpoolFrame::writer)
      .def_readonly("first_seq", &SpoolFrame::first_seq)
      .def_readonly("last_seq", &SpoolFrame::last_seq)
      .def_readonly("crc32c", &SpoolFrame::crc32c)
      .def_readonly("payload", &SpoolFrame::payload);

  py::class_<SegmentWriter>(module, "SegmentWriter", py::is_final(),
                            "Appends frames to one new segment file.")
      .def(py::init<const std::string&>(), py::arg("path"))
      .def("append", &SegmentWriter::append, py::arg("kind"), py::arg("writer"), py::arg("first_seq"),
           py::arg("last_seq"), py::arg("payload"))
      .def_property_readonly("size", &SegmentWriter::size)
      .def("sync", &SegmentWriter::sync)
      .def("close", &SegmentWriter::close);

  module.def(
      "scan_segment", &scan_segment, py::arg("path"), py::arg("offset") = 0,
      py::arg("max_bytes") = std::uint64_t{1} << 26, py::arg("payloads") = true,
      "(frames, end, damaged): whole frames from offset on; where the next scan starts; damaged ranges.");
  module.def(
      "crc32c",
      [](const py::buffer& data, std::uint32_t crc) {
        const py::buffer_info info = data.request();
        return spool::crc32c(info.ptr, static_cast<std::size_t>(info.size * info.itemsize), crc);
      },
      py::arg("data"), py::arg("crc") = 0);
}

}  // namespace stepwell::bindings
