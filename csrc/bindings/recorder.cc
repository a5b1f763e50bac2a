// stepwell._core.Recorder: its Python type and arguments. What it does is in recording.h.
// Made with the C API and not with pybind11, whose call dispatch alone would cost more than the whole log
// call may.
#include "bindings/recorder.h"

#include <Python.h>

#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "bindings/bindings.h"
#include "bindings/recording.h"
#include "bindings/reference.h"
#include "bindings/values.h"
#include "ring/clock.h"

namespace stepwell::bindings {
namespace {

struct RecorderObject {
  PyObject_HEAD Recording* recording;
};

Recording& of(PyObject* self) { return *reinterpret_cast<RecorderObject*>(self)->recording; }

PyObject* g_names[3] = {};  // "data", "step", "time", interned

// step as None or an int64; false: neither, or beyond int64.
bool exact_step(PyObject* step, std::optional<std::int64_t>& out) {
  if (step == Py_None) return true;
  if (!PyLong_CheckExact(step)) return false;
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(step, &overflow);
  if (overflow != 0) return false;
  out = value;
  return true;
}

bool log_arguments(PyObject* const* args, Py_ssize_t nargs, PyObject* names, PyObject** out) {
  if (nargs > 3) {
    PyErr_Format(PyExc_TypeError, "log() takes data, step and time, but %zd arguments were given", nargs);
    return false;
  }
  for (Py_ssize_t i = 0; i < nargs; ++i) out[i] = args[i];
  const Py_ssize_t named = names != nullptr ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    int which = 0;
    while (which < 3 && name != g_names[which] && PyUnicode_Compare(name, g_names[which]) != 0) ++which;
    if (which == 3 || out[which] != nullptr) {
      PyErr_Format(PyExc_TypeError, which == 3 ? "log() has no argument %R" : "log() got %R twice", name);
      return false;
    }
    out[which] = args[nargs + i];
  }
  if (out[0] == nullptr) {
    PyErr_SetString(PyExc_TypeError, "log() needs data, a dict of metric names and values");
    return false;
  }
  return true;
}

// False: nothing was done.
bool log_numbers(Recording& recording, PyObject* data, std::optional<std::int64_t> step) {
  if (recording.log(data, step) == Recording::Logged::kDone) return true;
  const Reference numbers(recording.host_numbers(data));
  return numbers && recording.log(numbers.get(), step) == Recording::Logged::kDone;
}

PyObject* recorder_log(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* names) {
  PyObject* given[3] = {};
  if (!log_arguments(args, nargs, names, given)) return nullptr;
  PyObject* const step = given[1] != nullptr ? given[1] : Py_None;
  PyObject* const time = given[2] != nullptr ? given[2] : Py_None;
  Recording& recording = of(self);
  std::optional<std::int64_t> exact;
  try {
    if (!recording.held() && PyDict_CheckExact(given[0]) && time == Py_None && exact_step(step, exact) &&
        log_numbers(recording, given[0], exact)) {
      Py_RETURN_NONE;
    }
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
  PyObject* const borrowed = recording.slow();
  if (borrowed == nullptr) Py_RETURN_NONE;  // being collected
  PyObject* const slow = Py_NewRef(borrowed);
  PyObject* const result = PyObject_CallFunctionObjArgs(slow, given[0], step, time, nullptr);
  Py_DECREF(slow);
  if (result == nullptr) return nullptr;
  Py_DECREF(result);
  Py_RETURN_NONE;
}

// What `log` does of a row that needs no slow path, held or not.
PyObject* recorder_log_plain(PyObject* self, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs != 2) return PyErr_Format(PyExc_TypeError, "log_plain() takes data and step");
  std::optional<std::int64_t> exact;
  if (!PyDict_CheckExact(args[0]) || !exact_step(args[1], exact)) Py_RETURN_FALSE;
  try {
    return PyBool_FromLong(log_numbers(of(self), args[0], exact) ? 1 : 0);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

// A value of `write`: what `log` reads, and subclasses of float and int.
bool lenient_cell(PyObject* value, ring::CellType& type, std::uint64_t& bits) {
  if (read_cell(value, type, bits)) return true;
  if (learn_numpy(value) && read_known_numpy(value, type, bits)) return true;
  if (PyFloat_Check(value)) {
    type = ring::CellType::kF64;
    bits = std::bit_cast<std::uint64_t>(PyFloat_AS_DOUBLE(value));
    return true;
  }
  if (PyLong_Check(value)) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    type = ring::CellType::kI64;
    bits = static_cast<std::uint64_t>(number);
    if (overflow == 0) return true;
    PyErr_SetString(PyExc_OverflowError, "a cell takes integers of 64 bits; give a float for a larger one");
    return false;
  }
  PyErr_Format(PyExc_TypeError, "a cell takes float, int or bool, not %.100s", Py_TYPE(value)->tp_name);
  return false;
}

// Adds cells (an iterable of (str, value)) to a row. Returns how many were refused, -1 with an exception.
Py_ssize_t read_cells(Recording& recording, PyObject* cells, Recording::Cells& row) {
  const Reference sequence(PySequence_Fast(cells, "cells must be a sequence of (name, value)"));
  if (!sequence) return -1;
  Py_ssize_t refused = 0;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence.get()); ++i) {
    PyObject* cell = PySequence_Fast_GET_ITEM(sequence.get(), i);
    if (!PyTuple_Check(cell) || PyTuple_GET_SIZE(cell) != 2 ||
        !PyUnicode_CheckExact(PyTuple_GET_ITEM(cell, 0))) {
      PyErr_SetString(PyExc_TypeError, "a cell is a tuple (name, value)");
      return -1;
    }
    ring::CellType type = {};
    std::uint64_t bits = 0;
    if (!lenient_cell(PyTuple_GET_ITEM(cell, 1), type, bits)) return -1;
    if (!recording.add_cell(row, PyTuple_GET_ITEM(cell, 0), type, bits)) ++refused;
  }
  return refused;
}

bool add_record(ring::Batch& batch, long kind, PyObject* parts) {
  const auto wanted = kind > 0 && kind <= UINT16_MAX ? ring::parts_of(static_cast<ring::Kind>(kind)) : 0;
  if (wanted == 0) {
    PyErr_Format(PyExc_ValueError, "no record has kind %ld", kind);
    return false;
  }
  if (!PyTuple_Check(parts) || PyTuple_GET_SIZE(parts) != static_cast<Py_ssize_t>(wanted)) {
    PyErr_Format(PyExc_ValueError, "a record of kind %ld is a tuple of %u bytes objects", kind, wanted);
    return false;
  }
  std::string_view views[ring::kPartsMax];
  for (std::uint32_t i = 0; i < wanted; ++i) {
    PyObject* part = PyTuple_GET_ITEM(parts, i);
    if (!PyBytes_Check(part)) {
      PyErr_Format(PyExc_TypeError, "part %u of a record of kind %ld must be bytes, not %.100s", i, kind,
                   Py_TYPE(part)->tp_name);
      return false;
    }
    views[i] = {PyBytes_AS_STRING(part), static_cast<std::size_t>(PyBytes_GET_SIZE(part))};
    if (views[i].size() > ring::kDataBytesMax) {
      PyErr_Format(PyExc_ValueError, "part %u of a record is larger than any ring", i);
      return false;
    }
  }
  batch.add_parts(static_cast<ring::Kind>(kind), {views, wanted});
  return true;
}

// (kind, parts) pairs into the batch; the number added, -1 with an exception.
Py_ssize_t read_records(PyObject* records, ring::Batch& batch) {
  const Reference sequence(PySequence_Fast(records, "records must be a sequence of (kind, parts)"));
  if (!sequence) return -1;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(sequence.get());
  for (Py_ssize_t i = 0; i < count; ++i) {
    long kind = 0;
    PyObject* parts = nullptr;
    PyObject* record = PySequence_Fast_GET_ITEM(sequence.get(), i);
    if (!PyTuple_Check(record)) {
      PyErr_SetString(PyExc_TypeError, "a record is a tuple (kind, parts)");
      return -1;
    }
    if (PyArg_ParseTuple(record, "lO", &kind, &parts) == 0 || !add_record(batch, kind, parts)) return -1;
  }
  return count;
}

bool optional_int64(PyObject* value, const char* what, std::optional<std::int64_t>& out) {
  if (value == nullptr || value == Py_None) return true;
  const long long number = PyLong_AsLongLong(value);
  if (number == -1 && PyErr_Occurred() != nullptr) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError) != 0)
      PyErr_Format(PyExc_OverflowError, "%s is beyond 64 bits", what);
    return false;
  }
  out = number;
  return true;
}

PyObject* recorder_write(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* const kNames[] = {"cells", "records", "step", "time_ms", nullptr};
  PyObject* cells = nullptr;
  PyObject* records = nullptr;
  PyObject* step = Py_None;
  PyObject* time = Py_None;
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OO:write", const_cast<char**>(kNames), &cells, &records,
                                  &step, &time) == 0) {
    return nullptr;
  }
  Recording& recording = of(self);
  std::optional<std::int64_t> step_given;
  std::optional<std::int64_t> time_given;
  if (!optional_int64(step, "step", step_given) || !optional_int64(time, "time_ms", time_given))
    return nullptr;
  if (recording.closed()) return PyLong_FromLong(0);
  try {
    Recording::Cells row;
    ring::Batch batch;
    Py_ssize_t refused = read_cells(recording, cells, row);
    if (refused < 0) return nullptr;
    if (!row.cells.empty()) batch.add_row(row.cells, row.values);
    if (read_records(records, batch) < 0) return nullptr;
    const std::int64_t taken = recording.take_step(step_given);
    if (!batch.items().empty())
      refused += recording.publish_apart(batch, taken, time_given.value_or(recording.now_ms()));
    return PyLong_FromSsize_t(refused);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

PyObject* recorder_take_step(PyObject* self, PyObject* step) {
  std::optional<std::int64_t> given;
  if (!optional_int64(step, "step", given)) return nullptr;
  return PyLong_FromLongLong(of(self).take_step(given));
}

PyObject* recorder_record(PyObject* self, PyObject* args, PyObject* kwargs) {
  static const char* const kNames[] = {"kind", "parts", "step", "time_ms", nullptr};
  long kind = 0;
  PyObject* parts = nullptr;
  long long step = 0;
  PyObject* time = Py_None;
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "lO|LO:record", const_cast<char**>(kNames), &kind, &parts,
                                  &step, &time) == 0) {
    return nullptr;
  }
  Recording& recording = of(self);
  std::optional<std::int64_t> time_given;
  if (!optional_int64(time, "time_ms", time_given)) return nullptr;
  try {
    ring::Batch batch;
    if (!add_record(batch, kind, parts)) return nullptr;
    if (recording.closed()) return PyLong_FromLong(0);
    const std::int64_t time_ms = time_given.value_or(recording.now_ms());
    return PyLong_FromUnsignedLongLong(recording.publish(batch, step, time_ms).row_seq);
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

PyObject* recorder_close(PyObject* self, PyObject*) {
  of(self).close();
  Py_RETURN_NONE;
}

PyObject* recorder_now_ms(PyObject* self, PyObject*) { return PyLong_FromLongLong(of(self).now_ms()); }

// --- properties: the closure is what to read

const ring::ControlLine* control_line(Recording& recording) {
  return recording.producer().file() ? &recording.producer().header().control : nullptr;
}

PyObject* get_last_step(PyObject* self, void*) {
  const auto step = of(self).last_step();
  if (!step) Py_RETURN_NONE;
  return PyLong_FromLongLong(*step);
}
PyObject* get_row_seq(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(of(self).producer().row_seq());
}
PyObject* get_writer(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(of(self).producer().writer());
}
PyObject* get_path(PyObject* self, void*) {
  const std::string& path = of(self).producer().file().path();
  return PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size()));
}
PyObject* get_ring_bytes(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(of(self).producer().file().data_bytes());
}
PyObject* get_dropped(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(of(self).producer().dropped());
}
PyObject* get_refused(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(of(self).producer().refused());
}
PyObject* get_drained(PyObject* self, void*) {
  return PyBool_FromLong(of(self).producer().drained() ? 1 : 0);
}
PyObject* get_acked_seq(PyObject* self, void*) {
  const auto* line = control_line(of(self));
  return PyLong_FromUnsignedLongLong(line != nullptr ? line->acked_seq.load(std::memory_order_relaxed) : 0);
}
PyObject* get_service(PyObject* self, void*) {
  const auto* line = control_line(of(self));
  return PyLong_FromUnsignedLong(line != nullptr ? line->service.load(std::memory_order_relaxed) : 0);
}
PyObject* get_control(PyObject* self, void*) {
  const auto* line = control_line(of(self));
  return PyLong_FromUnsignedLong(line != nullptr ? line->control.load(std::memory_order_relaxed) : 0);
}
PyObject* get_consumer_age(PyObject* self, void*) { return PyFloat_FromDouble(of(self).consumer_age_s()); }
PyObject* get_held(PyObject* self, void*) { return PyBool_FromLong(of(self).held() ? 1 : 0); }
int set_held(PyObject* self, PyObject* value, void*) {
  const int held = value != nullptr ? PyObject_IsTrue(value) : 0;
  if (held < 0) return -1;
  of(self).hold(held != 0);
  return 0;
}
PyObject* get_host_tensor(PyObject* self, void*) { return Py_NewRef(of(self).host_tensor()); }
int set_host_tensor(PyObject* self, PyObject* value, void*) {
  if (value == nullptr || (value != Py_None && PyType_Check(value) == 0)) {
    PyErr_SetString(PyExc_TypeError, "host_tensor is a type or None");
    return -1;
  }
  of(self).set_host_tensor(value);
  return 0;
}
PyObject* get_in_memory(PyObject* self, void*) {
  return PyBool_FromLong(of(self).producer().in_memory() ? 1 : 0);
}

// --- making and unmaking

bool is_ring_size(unsigned long long bytes) {
  return bytes >= ring::kDataBytesMin && bytes <= ring::kDataBytesMax && (bytes & (bytes - 1)) == 0;
}

PyObject* recorder_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* const kNames[] = {"mailbox",
                                       "fallback",
                                       "identity",
                                       "run",
                                       "rank",
                                       "attempt",
                                       "ring_bytes",
                                       "child_ring_bytes",
                                       "ring_bytes_min",
                                       "ring_bytes_max",
                                       "ring_full_budget_s",
                                       "ring_share_max",
                                       "agent_stale_s",
                                       "wake_interval_s",
                                       "first_step",
                                       "slow",
                                       "wake",
                                       nullptr};
  const char* mailbox = nullptr;
  const char* fallback = nullptr;
  Py_buffer identity = {};
  Py_buffer run = {};
  unsigned int rank = 0;
  unsigned int attempt = 0;
  unsigned long long sizes[4] = {};
  double budget = 0;
  double share = 0;
  double stale = 0;
  double interval = 0;
  long long first_step = 0;
  PyObject* slow = nullptr;
  PyObject* wake = nullptr;
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "$ssy*y*IIKKKKddddLOO:Recorder", const_cast<char**>(kNames),
                                  &mailbox, &fallback, &identity, &run, &rank, &attempt, &sizes[0], &sizes[1],
                                  &sizes[2], &sizes[3], &budget, &share, &stale, &interval, &first_step,
                                  &slow, &wake) == 0) {
    return nullptr;
  }
  ring::ProducerOptions options;
  options.mailbox = mailbox;
  options.fallback = fallback;
  options.identity.assign(static_cast<const char*>(identity.buf), static_cast<std::size_t>(identity.len));
  const bool run_fits = run.len == sizeof(options.run);
  if (run_fits) std::memcpy(options.run, run.buf, sizeof(options.run));
  PyBuffer_Release(&identity);
  PyBuffer_Release(&run);
  if (!run_fits) return PyErr_Format(PyExc_ValueError, "run must be 16 bytes");
  if (!(is_ring_size(sizes[0]) && is_ring_size(sizes[1]) && is_ring_size(sizes[2]) &&
        is_ring_size(sizes[3]))) {
    return PyErr_Format(PyExc_ValueError, "ring sizes must be powers of two from %llu to %llu bytes",
                        static_cast<unsigned long long>(ring::kDataBytesMin),
                        static_cast<unsigned long long>(ring::kDataBytesMax));
  }
  if (PyCallable_Check(slow) == 0 || PyCallable_Check(wake) == 0) {
    return PyErr_Format(PyExc_TypeError, "slow and wake must be callable");
  }
  options.rank = rank;
  options.attempt = attempt;
  options.ring_bytes = sizes[0];
  options.child_ring_bytes = sizes[1];
  options.ring_bytes_min = sizes[2];
  options.ring_bytes_max = std::max(sizes[3], sizes[0]);
  options.share_max = share;
  const auto nanoseconds = [](double seconds) {
    constexpr double kMost = 9e9;  // about 285 years, in seconds
    return static_cast<std::int64_t>(std::fmin(std::fmax(seconds, 0), kMost) * 1e9);
  };
  const RecordingLimits limits = {nanoseconds(budget), nanoseconds(stale), nanoseconds(interval), first_step};
  PyObject* self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  try {
    reinterpret_cast<RecorderObject*>(self)->recording =
        new Recording(std::move(options), limits, slow, wake);
  } catch (const ring::RingError& error) {
    PyErr_SetString(ring_error(), error.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  }
  if (PyErr_Occurred() != nullptr) {
    Py_DECREF(self);
    return nullptr;
  }
  return self;
}

int recorder_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  auto* recording = reinterpret_cast<RecorderObject*>(self)->recording;
  return recording != nullptr ? recording->traverse(visit, arg) : 0;
}

int recorder_clear(PyObject* self) {
  auto* recording = reinterpret_cast<RecorderObject*>(self)->recording;
  if (recording != nullptr) recording->clear();
  return 0;
}

void recorder_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  delete reinterpret_cast<RecorderObject*>(self)->recording;
  type->tp_free(self);
  Py_DECREF(type);
}

template <typename Function>
PyCFunction as_c_function(Function function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef g_methods[] = {
    {"log", as_c_function(recorder_log), METH_FASTCALL | METH_KEYWORDS,
     "log($self, data, step=None, time=None)\n--\n\nOne row: all cells of the dict, or none, whatever dies "
     "when."},
    {"write", as_c_function(recorder_write), METH_VARARGS | METH_KEYWORDS,
     "write($self, cells, records, step, time_ms)\n--\n\nOne row and the records beside it, published at "
     "once."},
    {"record", as_c_function(recorder_record), METH_VARARGS | METH_KEYWORDS,
     "record($self, kind, parts, step=0, time_ms=None)\n--\n\nOne record without a step of its own."},
    {"log_plain", as_c_function(recorder_log_plain), METH_FASTCALL,
     "log_plain($self, data, step)\n--\n\nThe row, if it takes no slow path: whether it is written."},
    {"take_step", recorder_take_step, METH_O,
     "take_step($self, step)\n--\n\nThe step of a row that is written later; counts as logged."},
    {"close", recorder_close, METH_NOARGS,
     "close($self)\n--\n\nMarks the ring as ended in order. Idempotent."},
    {"now_ms", recorder_now_ms, METH_NOARGS, "now_ms($self)\n--\n\nWall time as this recorder stamps it."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef g_properties[] = {
    {"last_step", get_last_step, nullptr, "Highest step logged; None before the first.", nullptr},
    {"row_seq", get_row_seq, nullptr, "Sequence of the last published record; 0 before the first.", nullptr},
    {"writer", get_writer, nullptr, "Random number of this writer.", nullptr},
    {"path", get_path, nullptr, "The ring's file.", nullptr},
    {"ring_bytes", get_ring_bytes, nullptr, "Size of the ring's data.", nullptr},
    {"dropped", get_dropped, nullptr, "Records dropped for want of room.", nullptr},
    {"refused_metrics", get_refused, nullptr, "Cells refused for their metric's name or number.", nullptr},
    {"drained", get_drained, nullptr, "Every ring of this recorder is in a spool.", nullptr},
    {"acked_seq", get_acked_seq, nullptr, "Sequence up to which a service has everything.", nullptr},
    {"service", get_service, nullptr, "SERVICE_* as the agent last said.", nullptr},
    {"control", get_control, nullptr, "CONTROL_* bits of the ring.", nullptr},
    {"consumer_age_s", get_consumer_age, nullptr, "Seconds since the agent last looked; inf before.",
     nullptr},
    {"held", get_held, set_held, "Whether every log call goes to `slow`.", nullptr},
    {"host_tensor", get_host_tensor, set_host_tensor,
     "The type of tensors that are read at once where they lie in host memory, or None.", nullptr},
    {"in_memory", get_in_memory, nullptr, "False where the ring is a file on a disk.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot g_slots[] = {
    {Py_tp_doc, const_cast<char*>("The producer of one process: its ring and its metric names.")},
    {Py_tp_new, reinterpret_cast<void*>(recorder_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(recorder_dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(recorder_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(recorder_clear)},
    {Py_tp_methods, g_methods},
    {Py_tp_getset, g_properties},
    {0, nullptr},
};

PyType_Spec g_spec = {
    "stepwell._core.Recorder",
    sizeof(RecorderObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    g_slots,
};

}  // namespace

void register_recorder(pybind11::module_& module) {
  const char* const names[] = {"data", "step", "time"};
  for (int i = 0; i < 3; ++i) g_names[i] = PyUnicode_InternFromString(names[i]);
  PyObject* type = PyType_FromSpec(&g_spec);
  if (type == nullptr) throw pybind11::error_already_set();
  module.add_object("Recorder", pybind11::reinterpret_steal<pybind11::object>(type));
}

}  // namespace stepwell::bindings
