// What a Recorder does, without its Python type: rows from dicts, waiting for room, waking an agent.
// Holds the GIL (or, in a free-threaded build, its own lock) wherever it touches the Producer, and runs no
// Python between the moment a row is begun in the ring and the moment it is published.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bindings/keys.h"
#include "ring/producer.h"

namespace stepwell::bindings {

struct RecordingLimits {
  std::int64_t full_budget_ns = 0;    // waiting for room, in all, until the consumer moves again
  std::int64_t agent_stale_ns = 0;    // a heartbeat older than this is stale
  std::int64_t wake_interval_ns = 0;  // between two calls of wake
  std::int64_t first_step = 0;
};

/// Serialises threads in a build without the GIL; costs nothing in one with it.
class RecorderLock {
 public:
#ifdef Py_GIL_DISABLED
  // Held for less than a microsecond, never across Python code or a wait.
  void lock() {
    while (flag_.test_and_set(std::memory_order_acquire)) {
    }
  }
  void unlock() { flag_.clear(std::memory_order_release); }
  /// In a forked child the thread that held it does not exist.
  void reset_in_child() { flag_.clear(std::memory_order_relaxed); }

 private:
  std::atomic_flag flag_ = ATOMIC_FLAG_INIT;
#else
  void lock() {}
  void unlock() {}
  void reset_in_child() {}
#endif
};

class Recording {
 public:
  enum class Logged { kDone, kSlow };

  Recording(ring::ProducerOptions options, const RecordingLimits& limits, PyObject* slow, PyObject* wake);
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording();

  /// One row from a dict whose keys and values can all be read here. `step` none: one more than the highest
  /// so far. kSlow: nothing was done.
  Logged log(PyObject* data, std::optional<std::int64_t> step);

  struct Cells {
    std::vector<std::uint32_t> cells;
    std::vector<std::uint64_t> values;
    std::unordered_map<std::uint32_t, std::size_t> at;  // by metric; filled by add_cell only
  };
  /// Adds one cell to a row; a metric's second cell replaces its first. False: the name is not allowed, or
  /// one too many; counted.
  bool add_cell(Cells& row, PyObject* key, ring::CellType type, std::uint64_t bits);
  /// Where a batch went; zeros: dropped or refused, and counted.
  struct Published {
    std::uint64_t generation = 0;  // of the ring it lies in
    std::uint64_t row_seq = 0;     // of its last record
  };
  /// Publishes, waiting for room (the GIL dropped) within the budget.
  Published publish(const ring::Batch& batch, std::int64_t step, std::int64_t time_ms);
  /// The same for a batch that may be too large to be published at once: then record by record. Returns how
  /// many were dropped or refused.
  Py_ssize_t publish_apart(const ring::Batch& batch, std::int64_t step, std::int64_t time_ms);
  /// The step of a call that names this one, or none; moves the highest step.
  std::int64_t take_step(std::optional<std::int64_t> step);
  void close();

  /// While values of earlier calls are on their way from a device, every call goes to `slow`, which keeps the
  /// order of rows that write the same point.
  [[nodiscard]] bool held() const { return held_.load(std::memory_order_relaxed); }
  void hold(bool held) { held_.store(held, std::memory_order_relaxed); }

  /// torch.Tensor (or None), once it is known that its tensors in host memory may be read at once.
  [[nodiscard]] PyObject* host_tensor() const { return host_tensor_ != nullptr ? host_tensor_ : Py_None; }
  void set_host_tensor(PyObject* type);
  /// What `log` can read of a dict of such tensors, as host_tensors.h has it.
  [[nodiscard]] PyObject* host_numbers(PyObject* data) const;

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] std::int64_t now_ms() const;
  [[nodiscard]] std::optional<std::int64_t> last_step() const { return last_step_; }
  [[nodiscard]] double consumer_age_s() const;
  ring::Producer& producer() { return producer_; }
  RecorderLock& lock() { return lock_; }
  /// Null while being collected. May run Python, once.
  [[nodiscard]] PyObject* slow();

  int traverse(visitproc visit, void* arg);
  void clear();

 private:
  std::int64_t wall_ms(std::int64_t now_ns) const {
    return (now_ns + producer_.wall_offset_ns()) / 1'000'000;
  }
  [[nodiscard]] std::int64_t next_step() const;
  std::byte* fill_predicted(PyObject* data, Shape& shape);
  bool gather(PyObject* data, Cells& row);
  bool learn_values(PyObject* data);
  struct Attempt {
    bool full;
    Published published;
  };
  Attempt try_publish(const ring::Batch& batch, std::int64_t step, std::int64_t time_ms);
  std::uint32_t metric_of(PyObject* key);
  void wake_if_stale(std::int64_t now_ns);
  void wake(std::int64_t now_ns);

  ring::Producer producer_;
  RecordingLimits limits_;
  KeyTable keys_;
  Shapes shapes_;
  std::optional<std::int64_t> last_step_;
  bool closed_ = false;
  std::atomic<bool> held_ = false;
  RecorderLock lock_;

  std::int64_t wake_after_ns_ = 0;  // no call of wake before this
  std::uint64_t consumed_ = 0;      // when the consumer was last seen to have moved
  std::int64_t waited_ns_ = 0;      // since then

  void shield_slow();

  PyObject* slow_;
  bool shielded_ = false;
  PyObject* wake_;
  PyObject* host_tensor_ = nullptr;
};

}  // namespace stepwell::bindings
