#include "bindings/recording.h"

#include <algorithm>
#include <mutex>

#include "bindings/host_tensors.h"
#include "bindings/reference.h"
#include "bindings/values.h"
#include "ring/clock.h"

#ifndef Py_BEGIN_CRITICAL_SECTION
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

namespace stepwell::bindings {
namespace {

constexpr std::int64_t kWaitSliceNs = 1'000'000;

// The hashes of a row's first two keys; the second's 0 where there is none, or none that is a str. False: the
// first is no str.
bool beginning(PyObject* data, Py_hash_t& first, Py_hash_t& second) {
  Py_ssize_t at = 0;
  PyObject* key = nullptr;
  if (PyDict_Next(data, &at, &key, nullptr) == 0 || !PyUnicode_CheckExact(key)) return false;
  first = key_hash(key);
  second = PyDict_Next(data, &at, &key, nullptr) != 0 && PyUnicode_CheckExact(key) ? key_hash(key) : 0;
  return true;
}

}  // namespace

Recording::Recording(ring::ProducerOptions options, const RecordingLimits& limits, PyObject* slow,
                     PyObject* wake)
    : producer_(std::move(options)), limits_(limits), slow_(Py_NewRef(slow)), wake_(Py_NewRef(wake)) {}

Recording::~Recording() { clear(); }

int Recording::traverse(visitproc visit, void* arg) {
  Py_VISIT(slow_);
  Py_VISIT(wake_);
  Py_VISIT(host_tensor_);
  return 0;
}

void Recording::clear() {
  Py_CLEAR(slow_);
  Py_CLEAR(wake_);
  Py_CLEAR(host_tensor_);
}

void Recording::set_host_tensor(PyObject* type) {
  Py_XSETREF(host_tensor_, type != Py_None ? Py_NewRef(type) : nullptr);
}

PyObject* Recording::host_numbers(PyObject* data) const {
  if (host_tensor_ == nullptr) return nullptr;
  const Reference type(Py_NewRef(host_tensor_));  // what is called may set another
  return numbers_of_host_tensors(data, reinterpret_cast<PyTypeObject*>(type.get()));
}

PyObject* Recording::slow() {
  if (!shielded_ && slow_ != nullptr) shield_slow();
  return slow_;
}

// Where torch's compiler is loaded it compiles every Python function that is called from within a compiled
// one; through its `disable` it lets the slow path alone. Only looked for, never imported.
void Recording::shield_slow() {
  PyObject* const modules = PyImport_GetModuleDict();  // borrowed
  PyObject* const compiler = modules != nullptr ? PyDict_GetItemString(modules, "torch._dynamo") : nullptr;
  if (compiler == nullptr) return;
  PyObject* const disable = PyObject_GetAttrString(compiler, "disable");
  if (disable == nullptr) {  // it is being imported
    PyErr_Clear();
    return;
  }
  shielded_ = true;  // first, as what we call may log
  PyObject* const shielded = PyObject_CallOneArg(disable, slow_);
  Py_DECREF(disable);
  if (shielded == nullptr) {
    PyErr_Clear();
    return;
  }
  Py_SETREF(slow_, shielded);
}

std::int64_t Recording::now_ms() const { return wall_ms(ring::monotonic_ns()); }

double Recording::consumer_age_s() const {
  if (!producer_.file()) return std::numeric_limits<double>::infinity();
  const std::int64_t beat = producer_.header().control.heartbeat_ns.load(std::memory_order_relaxed);
  if (beat == 0) return std::numeric_limits<double>::infinity();
  return static_cast<double>(std::max<std::int64_t>(ring::monotonic_ns() - beat, 0)) * 1e-9;
}

std::int64_t Recording::next_step() const {
  if (!last_step_) return limits_.first_step;
  return *last_step_ == INT64_MAX ? INT64_MAX : *last_step_ + 1;
}

std::int64_t Recording::take_step(std::optional<std::int64_t> step) {
  const std::int64_t taken = step ? *step : next_step();
  if (!last_step_ || taken > *last_step_) last_step_ = taken;
  return taken;
}

void Recording::close() {
  // In a forked child that never logged, the ring is still the parent's: not ours to end.
  if (producer_.is_attached()) producer_.close();
  closed_ = true;
}

// Writes the values of the dict straight behind the ring's head, as long as keys come in the order of the
// shape. Null: something was not as predicted; nothing has happened. Runs no Python and allocates nothing.
[[gnu::noinline]] std::byte* Recording::fill_predicted(PyObject* data, Shape& shape) {
  const std::size_t n = shape.cells.size();
  std::byte* const row = producer_.begin_row(n);
  if (row == nullptr) return nullptr;
  std::uint64_t* bits = ring::Producer::row_values(row, n);
  std::uint32_t* cell = shape.cells.data();
  Py_ssize_t at = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  for (; PyDict_Next(data, &at, &key, &value) != 0; ++cell, ++bits) {
    const std::uint32_t metric = ring::cell_metric(*cell);
    if (!keys_.is(key, metric)) return nullptr;
    ring::CellType type = {};
    if (!read_cell(value, type, *bits)) return nullptr;
    // Types seldom change from row to row; where one does, the shape follows.
    if (type != ring::cell_type(*cell)) *cell = ring::make_cell(metric, type);
  }
  return row;
}

std::uint32_t Recording::metric_of(PyObject* key) {
  const std::uint32_t known = keys_.find(key);
  if (known != KeyTable::kNone) return known;
  Py_ssize_t bytes = 0;
  const char* text = PyUnicode_AsUTF8AndSize(key, &bytes);
  if (text == nullptr) {
    PyErr_Clear();  // a lone surrogate: no UTF-8, so no name
    return KeyTable::kNone;
  }
  const auto added = producer_.add_metric({text, static_cast<std::size_t>(bytes)});
  if (!added) return KeyTable::kNone;
  keys_.add(key);
  return *added;
}

// Any dict of exact keys and values, in whatever order.
bool Recording::gather(PyObject* data, Cells& row) {
  Py_ssize_t at = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(data, &at, &key, &value) != 0) {
    if (!PyUnicode_CheckExact(key)) return false;
    ring::CellType type = {};
    std::uint64_t bits = 0;
    if (!read_cell(value, type, bits)) return false;
    const std::uint32_t metric = metric_of(key);
    if (metric == KeyTable::kNone) return false;
    row.cells.push_back(ring::make_cell(metric, type));
    row.values.push_back(bits);
  }
  return true;
}

// The first numpy scalar ever logged: its type has to be asked for, which may run Python, so not in the loop
// above.
bool Recording::learn_values(PyObject* data) {
  Py_ssize_t at = 0;
  PyObject* value = nullptr;
  while (PyDict_Next(data, &at, nullptr, &value) != 0) {
    if (PyFloat_CheckExact(value) || PyLong_CheckExact(value) || PyBool_Check(value)) continue;
    Py_INCREF(value);  // the dict may change while Python runs
    const bool learned = learn_numpy(value);
    Py_DECREF(value);
    if (learned) return true;
  }
  return false;
}

Recording::Logged Recording::log(PyObject* data, std::optional<std::int64_t> step) {
  const Py_ssize_t n = PyDict_GET_SIZE(data);
  if (closed_ || n == 0 || n > static_cast<Py_ssize_t>(ring::kMetricsMax)) return Logged::kSlow;
  if (!producer_.is_attached()) lock_.reset_in_child();

  Logged logged = Logged::kSlow;
  Cells gathered;
  std::int64_t now_ns = 0;
  std::uint64_t tag = 0;
  bool published = false;
  Py_BEGIN_CRITICAL_SECTION(data);
  const std::lock_guard<RecorderLock> guard(lock_);
  Py_hash_t first = 0;
  Py_hash_t second = 0;
  if (beginning(data, first, second)) {
    tag = Shapes::tag_of(first, second, n);
    Shape* const shape = shapes_.find(tag);
    now_ns = ring::monotonic_ns();
    if (shape != nullptr && shape->generation == producer_.generation() &&
        shape->cells.size() == static_cast<std::size_t>(n) && producer_.is_attached()) {
      if (std::byte* const row = fill_predicted(data, *shape)) {
        producer_.publish_row(row, shape->cells, take_step(step), wall_ms(now_ns));
        published = true;
        if (producer_.is_abandoned()) producer_.rewrite_row(row);
      }
    }
    if (published || gather(data, gathered)) logged = Logged::kDone;
  }
  Py_END_CRITICAL_SECTION();

  if (published) {
    wake_if_stale(now_ns);
    return logged;
  }
  if (logged == Logged::kSlow) return learn_values(data) ? log(data, step) : Logged::kSlow;
  const std::int64_t taken = take_step(step);
  ring::Batch batch;
  batch.add_row(gathered.cells, gathered.values);
  const Published done = publish(batch, taken, wall_ms(now_ns));
  const std::lock_guard<RecorderLock> guard(lock_);
  Shape& shape = shapes_.place(tag);
  shape.cells.swap(gathered.cells);
  shape.generation = done.generation;  // 0 matches no ring
  return Logged::kDone;
}

bool Recording::add_cell(Cells& row, PyObject* key, ring::CellType type, std::uint64_t bits) {
  const std::lock_guard<RecorderLock> guard(lock_);
  const std::uint32_t metric = metric_of(key);
  if (metric == KeyTable::kNone) {
    producer_.refuse_cells(1);
    return false;
  }
  const auto [found, added] = row.at.try_emplace(metric, row.cells.size());
  if (added) {
    row.cells.push_back(ring::make_cell(metric, type));
    row.values.push_back(bits);
  } else {
    row.cells[found->second] = ring::make_cell(metric, type);
    row.values[found->second] = bits;
  }
  return true;
}

Recording::Attempt Recording::try_publish(const ring::Batch& batch, std::int64_t step, std::int64_t time_ms) {
  const std::lock_guard<RecorderLock> guard(lock_);
  if (closed_) {
    producer_.drop(batch);
    return {false, {}};
  }
  const ring::Outcome outcome = producer_.publish(batch, step, time_ms);
  if (outcome != ring::Outcome::kFull) {
    if (outcome == ring::Outcome::kRefused) return {false, {}};
    return {false, {producer_.generation(), producer_.row_seq()}};
  }
  const std::uint64_t consumed = producer_.consumed();
  if (consumed != consumed_) waited_ns_ = 0;
  consumed_ = consumed;
  if (waited_ns_ < limits_.full_budget_ns) return {true, {}};
  producer_.drop(batch);
  return {false, {}};
}

Recording::Published Recording::publish(const ring::Batch& batch, std::int64_t step, std::int64_t time_ms) {
  for (;;) {
    const Attempt attempt = try_publish(batch, step, time_ms);
    const std::int64_t now_ns = ring::monotonic_ns();
    // Waking runs Python, and waiting drops the GIL: the ring may be another one afterwards. Nothing of it is
    // kept.
    wake_if_stale(now_ns);
    if (!attempt.full) return attempt.published;
    Py_BEGIN_ALLOW_THREADS;
    const timespec slice = {0, kWaitSliceNs};
    nanosleep(&slice, nullptr);
    Py_END_ALLOW_THREADS;
    const std::lock_guard<RecorderLock> guard(lock_);
    waited_ns_ += ring::monotonic_ns() - now_ns;
  }
}

Py_ssize_t Recording::publish_apart(const ring::Batch& batch, std::int64_t step, std::int64_t time_ms) {
  if (producer_.can_hold(batch)) {
    return publish(batch, step, time_ms).row_seq != 0 ? 0 : static_cast<Py_ssize_t>(batch.items().size());
  }
  Py_ssize_t refused = 0;
  for (const ring::Batch::Item& item : batch.items()) {
    if (publish(batch.only(item), step, time_ms).row_seq == 0) ++refused;
  }
  return refused;
}

void Recording::wake_if_stale(std::int64_t now_ns) {
  if (!producer_.file()) return;
  const std::int64_t beat = producer_.header().control.heartbeat_ns.load(std::memory_order_relaxed);
  if (now_ns - std::max(beat, producer_.since_ns()) > limits_.agent_stale_ns && now_ns >= wake_after_ns_)
    wake(now_ns);
}

void Recording::wake(std::int64_t now_ns) {
  wake_after_ns_ = now_ns + limits_.wake_interval_ns;  // first, as what we call may log
  {
    const std::lock_guard<RecorderLock> guard(lock_);
    producer_.look_for_name();  // with no agent there is nobody to set the bit
  }
  if (wake_ == nullptr) return;
  PyObject* const callback = Py_NewRef(wake_);
  PyObject* const result = PyObject_CallNoArgs(callback);
  // A log call does not fail because an agent cannot be started; sys.unraisablehook hears of it.
  if (result == nullptr) PyErr_WriteUnraisable(callback);
  Py_XDECREF(result);
  Py_DECREF(callback);
}

}  // namespace stepwell::bindings
