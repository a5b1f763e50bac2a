// NativeBatch as Python sees it. Decoding and building run without the GIL; a mutex, never held while the GIL
// is waited for by its taker, keeps two threads out of one batch.
#include <pybind11/pybind11.h>

#include <mutex>
#include <string>

#include "bindings/bindings.h"
#include "bindings/buffer.h"
#include "native/batch.h"

namespace py = pybind11;

namespace stepwell::bindings {

namespace {

struct BlockInfo {
  std::string project;
  std::string id;
  std::string run;
  uint32_t rank;
  uint32_t attempt;
  uint64_t writer;
  uint64_t first_seq;
  uint64_t last_seq;
  uint64_t records;
  uint64_t points;
};

BlockInfo info_of(const codec::Block& block) {
  const codec::Origin& origin = block.origin;
  return {origin.project,  origin.id,      std::string(origin.run.begin(), origin.run.end()),
          origin.rank,     origin.attempt, origin.writer,
          block.first_seq, block.last_seq, block.rows + block.records.size(),
          block.points};
}

class NativeBatch {
  template <typename Ask>
  auto locked(Ask ask) const {
    const py::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    return ask(batch_);
  }

 public:
  BlockInfo add(const py::buffer& body) {
    const Buffer buffer(body, PyBUF_SIMPLE);
    const py::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    return info_of(batch_.add(buffer.bytes()));
  }

  py::list tables() const {
    py::list names;
    for (const auto name : locked([](const native::Batch& batch) { return batch.table_names(); })) {
      names.append(py::str(name.data(), name.size()));
    }
    return names;
  }

  uint64_t rows(const std::string& table) const {
    return locked([&](const native::Batch& batch) { return batch.rows(table); });
  }
  uint64_t total_rows() const {
    return locked([](const native::Batch& batch) { return batch.total_rows(); });
  }
  uint64_t bytes() const {
    return locked([](const native::Batch& batch) { return batch.bytes(); });
  }

  py::bytes build(const std::string& table) const {
    const py::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    const native::Plan plan = batch_.plan(table);
    const py::gil_scoped_acquire acquire;
    auto block = py::reinterpret_steal<py::bytes>(
        PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(plan.bytes())));
    if (!block) throw py::error_already_set();
    // Laid down straight into the bytes object, which nobody else knows yet.
    auto* memory = reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(block.ptr()));
    const py::gil_scoped_release release_again;
    plan.fill(memory);
    return block;
  }

  void clear() {
    const py::gil_scoped_release release;
    const std::lock_guard lock(mutex_);
    batch_.clear();
  }

 private:
  mutable std::mutex mutex_;
  native::Batch batch_;
};

}  // namespace

void register_native(py::module_& module) {
  py::class_<BlockInfo>(module, "BlockInfo")
      .def_readonly("project", &BlockInfo::project)
      .def_readonly("id", &BlockInfo::id)
      .def_property_readonly("run", [](const BlockInfo& info) { return py::bytes(info.run); })
      .def_readonly("rank", &BlockInfo::rank)
      .def_readonly("attempt", &BlockInfo::attempt)
      .def_readonly("writer", &BlockInfo::writer)
      .def_readonly("first_seq", &BlockInfo::first_seq)
      .def_readonly("last_seq", &BlockInfo::last_seq)
      .def_readonly("records", &BlockInfo::records)
      .def_readonly("points", &BlockInfo::points);

  py::class_<NativeBatch>(module, "NativeBatch")
      .def(py::init<>())
      .def("add", &NativeBatch::add, py::arg("body"))
      .def_property_readonly("tables", &NativeBatch::tables)
      .def("rows", &NativeBatch::rows, py::arg("table"))
      .def_property_readonly("total_rows", &NativeBatch::total_rows)
      .def_property_readonly("bytes", &NativeBatch::bytes)
      .def("build", &NativeBatch::build, py::arg("table"))
      .def("clear", &NativeBatch::clear);
}

}  // namespace stepwell::bindings
