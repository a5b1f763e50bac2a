#include "ring/producer.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ring/clock.h"
#include "ring/metric_name.h"

namespace stepwell::ring {
namespace {

constexpr std::uint64_t kFragmentMax = std::uint64_t{64} << 10;
constexpr std::int64_t kRetryMakeNs = 1'000'000'000;
constexpr int kRewritesMax = 4;  // a ring that is retired again and again while it is new: give up and count

std::uint64_t random_writer() {
  std::uint64_t writer = 0;
  while (writer == 0) {
    if (getentropy(&writer, sizeof(writer)) != 0) throw RingError("the system gives no random number");
  }
  return writer;
}

// What the batch takes of a ring, pads aside: headers counted for the smallest fragments there are.
std::uint64_t bytes_at_most(const Batch& batch) {
  std::uint64_t bytes = 0;
  for (const Batch::Item& item : batch.items()) {
    const std::uint64_t pieces = 1 + item.bytes / (kDataBytesMin / 8 - sizeof(RecordHeader));
    bytes += align_record(item.bytes) + pieces * (sizeof(RecordHeader) + kRecordAlign);
  }
  return bytes;
}

}  // namespace

Producer::Producer(ProducerOptions options)
    : fork_word_(fork_word()), epoch_(fork_epoch()), options_(std::move(options)), since_ns_(monotonic_ns()) {
  spec_.writer = random_writer();
  std::memcpy(spec_.run, options_.run, sizeof(spec_.run));
  spec_.rank = options_.rank;
  spec_.attempt = options_.attempt;
  spec_.wall_offset_ns = ring::wall_offset_ns();
  spec_.identity = options_.identity;
  adopt(make_ring(options_.ring_bytes, std::min(options_.ring_bytes, options_.ring_bytes_min), carry()));
}

bool Producer::attach_child() {
  epoch_ = fork_epoch();
  // The parent goes on with the ring we have inherited; all we may do with it is let go.
  former_.clear();
  consumed_before_ = 0;
  dropped_ = 0;
  refused_ = 0;
  spec_.role = kChild;
  spec_.index = 0;
  next_try_ns_ = 0;
  since_ns_ = monotonic_ns();
  file_.reset();
  limit_ = head_ = 0;
  try {
    spec_.writer = random_writer();
    adopt(make_ring(options_.child_ring_bytes, std::min(options_.child_ring_bytes, options_.ring_bytes_min),
                    carry()));
  } catch (const RingError&) {
    next_try_ns_ = monotonic_ns() + kRetryMakeNs;
    return false;
  }
  return true;
}

RingCarry Producer::carry() const {
  RingCarry carry;
  carry.row_seq = row_seq_;
  carry.dropped = dropped_;
  carry.refused = refused_;
  if (file_) {
    const ControlLine& line = file_.header()->control;
    carry.heartbeat_ns = line.heartbeat_ns.load(std::memory_order_relaxed);
    carry.acked_seq = line.acked_seq.load(std::memory_order_relaxed);
    carry.service = line.service.load(std::memory_order_relaxed);
    carry.control = line.control.load(std::memory_order_relaxed) & kStop;
  }
  return carry;
}

void Producer::adopt(RingFile file) {
  if (file_) {
    // Closed only now, when its successor has a name: an agent that sees "closed" may look for what comes
    // next.
    file_.header()->producer.state.store(kClosed, std::memory_order_release);
    consumed_before_ += head_;
    former_.push_back(file_.path());
  }
  file_ = std::move(file);
  ++spec_.index;
  ++generation_;
  dictionary_used_ = 0;
  data_ = file_.data();
  data_bytes_ = file_.data_bytes();
  head_ = 0;
  refresh_limit();
}

// Shared memory first, as large as wanted, then smaller; a file on a disk where even `least` does not fit
// there.
RingFile Producer::make_ring(std::uint64_t wanted, std::uint64_t least, const RingCarry& carry) {
  spec_.first_seq = carry.copy_of != nullptr ? carry.copy_of->header()->fixed.first_seq : row_seq_ + 1;
  std::string why = "shared memory at " + options_.mailbox + " is too small";
  for (std::uint64_t bytes = wanted; bytes >= least; bytes /= 2) {
    spec_.data_bytes = bytes;
    if (!ring_fits(options_.mailbox, file_bytes(bytes), options_.share_max)) continue;
    try {
      RingFile made = RingFile::create(options_.mailbox, spec_, carry);
      in_memory_ = made.in_memory();
      return made;
    } catch (const RingError& error) {
      why = error.what();
    }
  }
  spec_.data_bytes = wanted;
  if (mkdir(options_.fallback.c_str(), 0700) != 0 && errno != EEXIST) {
    throw RingError(why + "; and the folder " + options_.fallback + " cannot be made");
  }
  try {
    RingFile made = RingFile::create(options_.fallback, spec_, carry);
    in_memory_ = false;
    return made;
  } catch (const RingError& error) {
    throw RingError(why + "; and " + error.what());
  }
}

// Makes a ring, but not again at every call while it cannot be made.
template <typename Make>
bool Producer::try_to(Make make) {
  if (monotonic_ns() < next_try_ns_) return false;
  try {
    make();
    return true;
  } catch (const RingError&) {
    next_try_ns_ = monotonic_ns() + kRetryMakeNs;
    return false;
  }
}

bool Producer::continue_in(std::uint64_t data_bytes) {
  return try_to([&] { adopt(make_ring(data_bytes, data_bytes, carry())); });
}

bool Producer::move_unlinked() {
  return try_to([&] {
    RingCarry copied = carry();
    copied.copy_of = &file_;
    RingFile made = make_ring(data_bytes_, data_bytes_, copied);
    const std::uint64_t head = head_;
    const std::uint64_t used = dictionary_used_;
    const std::uint64_t generation = generation_;  // the same names are defined in the copy
    adopt(std::move(made));
    head_ = head;
    dictionary_used_ = used;
    generation_ = generation;
    refresh_limit();
  });
}

bool Producer::renew() {
  if (file_ && is_only_unlinked()) return move_unlinked();
  const std::uint64_t wanted = file_ ? data_bytes_ : options_.child_ring_bytes;
  return try_to([&] { adopt(make_ring(wanted, std::min(wanted, options_.ring_bytes_min), carry())); });
}

void Producer::look_for_name() {
  if (file_ && is_attached() && file_.links() == 0) {
    file_.header()->control.control.fetch_or(kUnlinked, std::memory_order_relaxed);
  }
}

std::optional<std::uint32_t> Producer::add_metric(std::string_view name) {
  if (names_.size() >= kMetricsMax || !valid_metric_name(name)) return std::nullopt;
  names_.emplace_back(name);
  defined_in_.push_back(0);  // generations begin at 1
  return static_cast<std::uint32_t>(names_.size() - 1);
}

std::uint64_t Producer::fragment_bytes() const { return std::min(kFragmentMax, data_bytes_ / 8); }

std::uint64_t Producer::place_piece(std::uint64_t at, std::uint64_t bytes) const {
  const std::uint64_t room = data_bytes_ - (at & (data_bytes_ - 1));
  const std::uint64_t stride = align_record(bytes);
  return stride > room ? at + room + stride : at + stride;
}

// Where the head will be once the batch is written at `at`. The same steps as `write` takes, without writing.
std::uint64_t Producer::place(std::uint64_t at, const Batch& batch) const {
  for (const Batch::Item& item : batch.items()) {
    std::uint64_t left = item.bytes;
    if (item.kind != Kind::kRow) {
      const std::uint64_t most = fragment_bytes() - sizeof(RecordHeader);
      for (; left > most; left -= most) at = place_piece(at, most + sizeof(RecordHeader));
    }
    at = place_piece(at, left + sizeof(RecordHeader));
  }
  return at;
}

std::uint64_t Producer::write_piece(std::uint64_t at, const RecordHeader& header, const std::byte* payload) {
  const std::uint64_t offset = at & (data_bytes_ - 1);
  const std::uint64_t room = data_bytes_ - offset;
  if (align_record(header.bytes) > room) {
    const RecordHeader pad = {static_cast<std::uint32_t>(room), Kind::kPad, 0, 0, 0, 0};
    std::memcpy(data_ + offset, &pad, kPadHeaderBytes);
    return write_piece(at + room, header, payload);
  }
  std::memcpy(data_ + offset, &header, sizeof(header));
  std::memcpy(data_ + offset + sizeof(header), payload, header.bytes - sizeof(header));
  return at + align_record(header.bytes);
}

void Producer::write(const Batch& batch, std::int64_t step, std::int64_t time_ms) {
  std::uint64_t at = head_;
  for (const Batch::Item& item : batch.items()) {
    const std::byte* payload = batch.payload(item);
    std::uint64_t left = item.bytes;
    RecordHeader header = {0, item.kind, kFlagMore, ++row_seq_, step, time_ms};
    if (item.kind != Kind::kRow) {
      const std::uint64_t most = fragment_bytes() - sizeof(RecordHeader);
      header.bytes = static_cast<std::uint32_t>(fragment_bytes());
      for (; left > most; left -= most, payload += most) at = write_piece(at, header, payload);
    }
    header.bytes = static_cast<std::uint32_t>(left + sizeof(RecordHeader));
    header.flags = 0;
    at = write_piece(at, header, payload);
  }
  head_ = at;
  ProducerLine& line = file_.header()->producer;
  line.row_seq.store(row_seq_, std::memory_order_relaxed);
  line.dropped.store(dropped_, std::memory_order_relaxed);
  line.refused.store(refused_, std::memory_order_relaxed);
  // Release: one store for all pieces of all records, so that a group is never seen in part.
  line.head.store(head_, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

// Appends the names of the batch's metrics that this ring does not have yet. False: no room for them.
bool Producer::define(const Batch& batch) {
  for (const Batch::Item& item : batch.items()) {
    if (item.kind != Kind::kRow) continue;
    for (const std::uint32_t cell : batch.cells(item)) {
      const std::uint32_t id = cell_metric(cell);
      if (defined_in_[id] == generation_) continue;
      const std::string& name = names_[id];
      const auto length = static_cast<std::uint16_t>(name.size());
      if (dictionary_bytes(data_bytes_) - dictionary_used_ < kDictionaryEntryBytes + length) return false;
      std::byte* entry = file_.dictionary() + dictionary_used_;
      std::memcpy(entry, &id, sizeof(id));
      std::memcpy(entry + sizeof(id), &length, sizeof(length));
      std::memcpy(entry + kDictionaryEntryBytes, name.data(), length);
      dictionary_used_ += kDictionaryEntryBytes + length;
      defined_in_[id] = generation_;
    }
  }
  auto& published = file_.header()->producer.dictionary_used;
  if (dictionary_used_ != published.load(std::memory_order_relaxed)) {
    // Release, before the head of the records that use these names: whoever sees those sees the names.
    published.store(dictionary_used_, std::memory_order_release);
  }
  return true;
}

void Producer::refresh_limit() {
  // Acquire: pairs with the consumer's release store of the tail; its reads are over before we overwrite.
  const std::uint64_t tail = file_.header()->consumer.tail.load(std::memory_order_acquire);
  // A tail that cannot be is ignored: the ring then looks full, and we go on in another.
  if (tail <= head_ && head_ - tail <= data_bytes_) limit_ = tail + data_bytes_;
}

Outcome Producer::publish(const Batch& batch, std::int64_t step, std::int64_t time_ms) {
  if (!is_attached() && !attach_child()) return Outcome::kFull;
  const std::uint64_t bytes = bytes_at_most(batch);
  if (!can_hold(batch)) {
    drop(batch);
    return Outcome::kRefused;
  }
  const std::uint64_t seq = row_seq_;
  for (int tries = 0; tries < kRewritesMax; ++tries) {
    const Outcome outcome = prepare(batch, bytes);
    if (outcome != Outcome::kPublished) {
      if (tries == 0) return outcome;
      break;
    }
    row_seq_ = seq;  // the second time the same sequences again
    write(batch, step, time_ms);
    // In the copy of an unlinked ring is what has just been written.
    if (!is_abandoned() || (is_only_unlinked() && move_unlinked())) return Outcome::kPublished;
  }
  // Written into a ring that is being removed, and no other to be had: it may have been read, or not.
  drop(batch);
  return Outcome::kRefused;
}

// Sees to a ring in which the batch fits at the head, with all its metrics defined.
Outcome Producer::prepare(const Batch& batch, std::uint64_t bytes) {
  if ((!file_ || is_abandoned()) && !renew()) return Outcome::kFull;
  // A ring that can hold the batch even when it wraps: half of it, as a pad may be nearly as large as what
  // follows.
  std::uint64_t wanted = data_bytes_;
  while (bytes > wanted / 2) wanted *= 2;
  if (wanted != data_bytes_ && !continue_in(wanted)) return Outcome::kFull;
  // Ends: each turn of either loop is in a larger ring, or in a new one of the largest size.
  while (!define(batch)) {
    const std::uint64_t larger = std::min(data_bytes_ * 2, options_.ring_bytes_max);
    if (head_ == 0 && larger <= data_bytes_) {
      drop(batch);  // names alone that fill the largest dictionary
      return Outcome::kRefused;
    }
    if (!continue_in(std::max(larger, data_bytes_))) return Outcome::kFull;
  }
  while (place(head_, batch) > limit_) {
    refresh_limit();
    if (place(head_, batch) <= limit_) break;
    if (data_bytes_ >= options_.ring_bytes_max || !continue_in(data_bytes_ * 2)) return Outcome::kFull;
    if (!define(batch))
      return Outcome::kFull;  // a dictionary twice as large, and empty, holds what the last one did
  }
  return Outcome::kPublished;
}

void Producer::rewrite_row(std::byte* row) {
  if (is_only_unlinked() && move_unlinked()) return;
  RecordHeader header = {};
  std::memcpy(&header, row, sizeof(header));
  std::uint32_t n = 0;
  std::memcpy(&n, row + sizeof(header), sizeof(n));
  Batch batch;
  batch.add_row({reinterpret_cast<const std::uint32_t*>(row + sizeof(header) + 8), n},
                {row_values(row, n), n});
  row_seq_ = header.row_seq - 1;
  if (publish(batch, header.step, header.time_ms) == Outcome::kFull) drop(batch);
  row_seq_ = header.row_seq;
}

bool Producer::can_hold(const Batch& batch) const {
  return bytes_at_most(batch) <= options_.ring_bytes_max / 2;
}

void Producer::drop(const Batch& batch) {
  dropped_ += batch.items().size();
  if (file_) file_.header()->producer.dropped.store(dropped_, std::memory_order_relaxed);
}

void Producer::refuse_cells(std::uint64_t cells) {
  refused_ += cells;
  if (file_) file_.header()->producer.refused.store(refused_, std::memory_order_relaxed);
}

std::uint64_t Producer::consumed() const {
  return consumed_before_ + (file_ ? file_.header()->consumer.tail.load(std::memory_order_relaxed) : 0);
}

void Producer::close() {
  if (file_ && is_attached()) file_.header()->producer.state.store(kClosed, std::memory_order_release);
}

bool Producer::drained() {
  if (!is_attached() || !file_) return true;
  std::erase_if(former_,
                [](const std::string& path) { return access(path.c_str(), F_OK) != 0 && errno == ENOENT; });
  return former_.empty() && file_.header()->consumer.tail.load(std::memory_order_acquire) >= head_;
}

}  // namespace stepwell::ring
