// stepwell._core.Ring and the constants of the ring. Ring is what an agent reads with.
#include <cstring>
#include <string>

#include "bindings/bindings.h"
#include "bindings/recorder.h"
#include "codec/builder.h"
#include "codec/collect.h"
#include "ring/consumer.h"

namespace py = pybind11;

namespace stepwell::bindings {
namespace {

PyObject* g_ring_error = nullptr;

class Ring {
 public:
  explicit Ring(const std::string& path) : consumer_(std::make_unique<ring::Consumer>(path)), path_(path) {}

  ring::Consumer& consumer() {
    if (!consumer_) throw ring::RingError(path_ + " has been closed by this reader");
    return *consumer_;
  }
  const ring::Immutable& fixed() { return consumer().header().fixed; }
  const std::string& path() const { return path_; }
  std::uint64_t collect(codec::BlockBuilder& block, std::uint64_t max_bytes) {
    return codec::collect(consumer(), block, max_bytes);
  }
  void close() { consumer_.reset(); }

 private:
  std::unique_ptr<ring::Consumer> consumer_;
  std::string path_;
};

void register_constants(py::module_& module) {
  module.attr("RING_LAYOUT") = ring::kLayout;
  module.attr("KIND_ROW") = static_cast<int>(ring::Kind::kRow);
  module.attr("KIND_TEXT") = static_cast<int>(ring::Kind::kText);
  module.attr("KIND_HISTOGRAM") = static_cast<int>(ring::Kind::kHistogram);
  module.attr("KIND_FIELD") = static_cast<int>(ring::Kind::kField);
  module.attr("KIND_CONSOLE") = static_cast<int>(ring::Kind::kConsole);
  module.attr("KIND_EVENT") = static_cast<int>(ring::Kind::kEvent);
  module.attr("KIND_CHECKPOINT") = static_cast<int>(ring::Kind::kCheckpoint);
  module.attr("CONTROL_RETIRED") = static_cast<int>(ring::kRetired);
  module.attr("CONTROL_STOP") = static_cast<int>(ring::kStop);
  module.attr("CONTROL_UNLINKED") = static_cast<int>(ring::kUnlinked);
  module.attr("SERVICE_UNKNOWN") = static_cast<int>(ring::kUnknown);
  module.attr("SERVICE_CONNECTED") = static_cast<int>(ring::kConnected);
  module.attr("SERVICE_UNREACHABLE") = static_cast<int>(ring::kUnreachable);
  module.attr("SERVICE_OFFLINE") = static_cast<int>(ring::kOffline);
}

}  // namespace

PyObject* ring_error() { return g_ring_error; }

void register_ring(py::module_& module) {
  register_constants(module);
  g_ring_error = py::register_exception<ring::RingError>(module, "RingError").ptr();
  Py_INCREF(g_ring_error);
  py::register_exception<ring::RingBusy>(module, "RingBusy", g_ring_error);
  register_recorder(module);

  py::class_<Ring>(module, "Ring", py::is_final(),
                   "The consumer's end of one ring file, locked while it lives.")
      .def(py::init<const std::string&>(), py::arg("path"))
      .def_property_readonly("identity",
                             [](Ring& self) { return py::bytes(std::string(self.consumer().identity())); })
      .def_property_readonly("run",
                             [](Ring& self) {
                               return py::bytes(reinterpret_cast<const char*>(self.fixed().run),
                                                sizeof(ring::Immutable::run));
                             })
      .def_property_readonly("rank", [](Ring& self) { return self.fixed().rank; })
      .def_property_readonly("attempt", [](Ring& self) { return self.fixed().attempt; })
      .def_property_readonly("writer", [](Ring& self) { return self.fixed().writer; })
      .def_property_readonly("index", [](Ring& self) { return self.fixed().index; })
      .def_property_readonly("role",
                             [](Ring& self) { return self.fixed().role == ring::kMain ? "main" : "child"; })
      .def_property_readonly("created_ms", [](Ring& self) { return self.fixed().created_ms; })
      .def_property_readonly("first_seq", [](Ring& self) { return self.fixed().first_seq; })
      .def_property_readonly(
          "last_seq",
          [](Ring& self) {
            return self.consumer().header().producer.row_seq.load(std::memory_order_relaxed);
          })
      .def_property_readonly("path", &Ring::path)
      .def_property_readonly("ring_bytes", [](Ring& self) { return self.fixed().data_bytes; })
      .def_property_readonly("pending_bytes", [](Ring& self) { return self.consumer().pending_bytes(); })
      .def_property_readonly("collected_bytes", [](Ring& self) { return self.consumer().collected_bytes(); })
      .def_property_readonly("closed", [](Ring& self) { return self.consumer().closed(); })
      .def_property_readonly("owner_alive", [](Ring& self) { return self.consumer().owner_alive(); })
      .def_property_readonly("owner_pid", [](Ring& self) { return self.consumer().owner_pid(); })
      .def_property_readonly("dropped", [](Ring& self) { return self.consumer().dropped(); })
      .def_property_readonly("links", [](Ring& self) { return self.consumer().links(); })
      .def(
          "skip_to", [](Ring& self, std::uint64_t row_seq) { self.consumer().skip_to(row_seq); },
          py::arg("row_seq"))
      .def("collect", &Ring::collect, py::arg("block"), py::arg("max_bytes"))
      .def("commit", [](Ring& self) { self.consumer().commit(); })
      .def("rollback", [](Ring& self) { self.consumer().rollback(); })
      .def(
          "beat",
          [](Ring& self, std::uint32_t service, std::uint64_t acked_seq) {
            self.consumer().beat(service, acked_seq);
          },
          py::arg("service"), py::arg("acked_seq"))
      .def(
          "set_control", [](Ring& self, std::uint32_t bits) { self.consumer().set_control(bits); },
          py::arg("bits"))
      .def("unlink", [](Ring& self) { self.consumer().unlink(); })
      .def("close", &Ring::close);
}

}  // namespace stepwell::bindings
