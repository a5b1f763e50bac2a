// The producer's end: one process's records into its ring, and into the rings that follow it.
// Owns the current ring, its metric names and its sequence. Never waits, never calls back, knows no Python;
// all calls of one Producer must be serialised by the caller (the GIL, or a lock). Called by
// bindings/recorder.cc.
//
// One atomic store publishes. Data, names and row_seq are written first; `head` is then stored with release,
// which pairs with the consumer's acquire load: whoever sees the new head sees all bytes before it. Records
// that are not yet published cannot be seen, so a half-written one costs nothing: it is simply not published.
//
// AFTER each publish the control word is read. If the agent retired the ring (it took the process for dead,
// drained, and will remove the file), the record may lie where nobody looks any more: it is written again,
// with the same sequence, into a new ring. If it was drained after all, the same key makes the repeat
// harmless. No fence stands between the store of head and the load of control. On paper the load may pass the
// store; but the agent drains once more a full second after it set the bit, a store buffer empties in far
// less, and a process stopped between the two has passed a context switch, which is a full barrier. So:
// either we see the bit, or the agent sees the record.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ring/batch.h"
#include "ring/fork.h"
#include "ring/record.h"
#include "ring/ring_file.h"

namespace stepwell::ring {

struct ProducerOptions {
  std::string mailbox;   // folder of ring files in shared memory
  std::string fallback;  // folder of ring files on a disk, where shared memory is too small
  std::string identity;  // JSON
  std::uint8_t run[16] = {};
  std::uint32_t rank = 0;
  std::uint32_t attempt = 0;
  std::uint64_t ring_bytes = 0;
  std::uint64_t child_ring_bytes = 0;
  std::uint64_t ring_bytes_min = 0;
  std::uint64_t ring_bytes_max = 0;
  double share_max = 0;
};

enum class Outcome {
  kPublished,
  kFull,     // no room, and no larger ring to be had; waiting may help
  kRefused,  // larger than any ring can take; counted
};

class Producer {
 public:
  /// Makes the first ring. Throws RingError where neither folder can take one.
  explicit Producer(ProducerOptions options);
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  ~Producer() = default;

  /// False in a forked child that has not attached a ring of its own yet.
  [[nodiscard]] bool is_attached() const { return fork_word_.load(std::memory_order_relaxed) == epoch_; }
  /// Leaves the parent's ring and makes one for this child, with a writer of its own. False where none can be
  /// made.
  bool attach_child();

  /// A number for a name, for the whole life of this Producer; nothing for a name that is not allowed, or one
  /// too many.
  std::optional<std::uint32_t> add_metric(std::string_view name);
  [[nodiscard]] std::size_t metrics() const { return names_.size(); }

  // --- the fast way, for one row whose metrics have all been published in this ring (`generation` is
  // unchanged)

  /// Changes whenever names must be defined again.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  /// Room for a row of n cells at the head, or null (wrap, full, no ring): then take the general way. Not
  /// calling `publish_row` afterwards leaves the ring as it was.
  [[nodiscard]] std::byte* begin_row(std::uint64_t n) const {
    const std::uint64_t bytes = row_bytes(n);
    const std::uint64_t offset = head_ & (data_bytes_ - 1);
    if (head_ + bytes > limit_ || offset + bytes > data_bytes_) return nullptr;
    return data_ + offset;
  }
  static std::uint64_t* row_values(std::byte* row, std::uint64_t n) {
    return reinterpret_cast<std::uint64_t*>(row + sizeof(RecordHeader) + 8 + align_record(4 * n));
  }
  /// Completes and publishes the row begun; its values must be in place.
  void publish_row(std::byte* row, std::span<const std::uint32_t> cells, std::int64_t step,
                   std::int64_t time_ms);
  /// Whether what was just published may lie in a ring that nobody reads any more.
  [[nodiscard]] bool is_abandoned() const {
    return (file_.header()->control.control.load(std::memory_order_relaxed) & (kRetired | kUnlinked)) != 0;
  }
  /// Sees to it that the row that `publish_row` published last is in a new ring.
  void rewrite_row(std::byte* row);

  // --- the general way

  /// Publishes all of the batch by one store: continues in a larger ring where this one is full, makes a new
  /// one where this one is abandoned.
  Outcome publish(const Batch& batch, std::int64_t step, std::int64_t time_ms);
  /// Whether the largest ring takes all of the batch at once.
  [[nodiscard]] bool can_hold(const Batch& batch) const;
  /// Counts a batch that will not be published.
  void drop(const Batch& batch);
  void refuse_cells(std::uint64_t cells);
  /// Finds out whether the file has lost its name while no agent was there to say so. A system call.
  void look_for_name();
  /// When this process began to have a ring (CLOCK_MONOTONIC): before that no agent can have looked at it.
  [[nodiscard]] std::int64_t since_ns() const { return since_ns_; }
  /// Bytes the consumer has taken since the first ring: moves whenever it moves.
  [[nodiscard]] std::uint64_t consumed() const;
  void close();

  [[nodiscard]] const Header& header() const { return *file_.header(); }
  [[nodiscard]] const RingFile& file() const { return file_; }
  [[nodiscard]] std::uint64_t row_seq() const { return row_seq_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] std::uint64_t writer() const { return spec_.writer; }
  [[nodiscard]] std::int64_t wall_offset_ns() const { return spec_.wall_offset_ns; }
  [[nodiscard]] bool in_memory() const { return in_memory_; }
  /// Whether everything published is in a spool: this ring read to its head, the ones before it gone.
  [[nodiscard]] bool drained();

 private:
  RingCarry carry() const;
  void adopt(RingFile file);
  RingFile make_ring(std::uint64_t wanted, std::uint64_t least, const RingCarry& carry);
  template <typename Make>
  bool try_to(Make make);
  [[nodiscard]] bool is_only_unlinked() const {
    return (file_.header()->control.control.load(std::memory_order_relaxed) & (kRetired | kUnlinked)) ==
           kUnlinked;
  }
  bool continue_in(std::uint64_t data_bytes);
  bool renew();
  bool move_unlinked();
  Outcome prepare(const Batch& batch, std::uint64_t bytes);
  bool define(const Batch& batch);
  void write(const Batch& batch, std::int64_t step, std::int64_t time_ms);
  std::uint64_t place(std::uint64_t at, const Batch& batch) const;
  std::uint64_t place_piece(std::uint64_t at, std::uint64_t bytes) const;
  std::uint64_t write_piece(std::uint64_t at, const RecordHeader& header, const std::byte* payload);
  std::uint64_t fragment_bytes() const;
  void refresh_limit();

  const std::atomic<std::uint64_t>& fork_word_;
  std::uint64_t epoch_;
  std::byte* data_ = nullptr;
  std::uint64_t data_bytes_ = 0;
  std::uint64_t head_ = 0;   // ours; the shared word is a copy of it
  std::uint64_t limit_ = 0;  // tail as last seen, and the ring's size: up to here we may write
  std::uint64_t row_seq_ = 0;
  std::uint64_t generation_ = 0;
  RingFile file_;

  ProducerOptions options_;
  RingSpec spec_;
  std::uint64_t dropped_ = 0;
  std::uint64_t refused_ = 0;
  bool in_memory_ = true;
  std::uint64_t dictionary_used_ = 0;
  std::int64_t since_ns_;
  std::int64_t next_try_ns_ = 0;  // when to try again to make a ring that could not be made
  std::vector<std::string> names_;
  std::vector<std::uint64_t> defined_in_;  // generation in which a metric was last written to the dictionary
  std::uint64_t consumed_before_ = 0;      // sizes of the heads of former rings
  std::vector<std::string> former_;        // paths of rings we went on from
};

inline void Producer::publish_row(std::byte* row, std::span<const std::uint32_t> cells, std::int64_t step,
                                  std::int64_t time_ms) {
  const std::uint64_t n = cells.size();
  const std::uint64_t bytes = row_bytes(n);
  ++row_seq_;
  const RecordHeader header = {static_cast<std::uint32_t>(bytes), Kind::kRow, 0, row_seq_, step, time_ms};
  std::memcpy(row, &header, sizeof(header));
  const std::uint64_t count = n;  // u32 n, u32 0
  std::memcpy(row + sizeof(header), &count, sizeof(count));
  std::memcpy(row + sizeof(header) + 8, cells.data(), cells.size_bytes());
  head_ += bytes;
  ProducerLine& line = file_.header()->producer;
  line.row_seq.store(row_seq_, std::memory_order_relaxed);
  // Release: everything written above is visible to whoever acquires this head.
  line.head.store(head_, std::memory_order_release);
  // Keeps the compiler from moving the caller's read of the control word above the store; for the processor
  // see above.
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace stepwell::ring
