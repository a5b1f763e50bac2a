#include "ring/consumer.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "ring/clock.h"
#include "ring/metric_name.h"

namespace stepwell::ring {

Consumer::Consumer(const std::string& path) : file_(RingFile::open_consumer(path)) { start(); }

Consumer::Consumer(RingFile file) : file_(std::move(file)) { start(); }

void Consumer::start() {
  data_bytes_ = file_.data_bytes();
  dictionary_bytes_ = dictionary_bytes(data_bytes_);
  tail_ = header().consumer.tail.load(std::memory_order_acquire);
  cursor_ = tail_;
  if (tail_ % kRecordAlign != 0) throw RingError(path() + " is damaged: its tail is not on a record");
  published();
}

std::uint64_t Consumer::published() const {
  // Acquire: pairs with the producer's release store, so that the records and names before it are readable.
  const std::uint64_t head = header().producer.head.load(std::memory_order_acquire);
  if (head < cursor_ || head - tail_ > data_bytes_ || head % kRecordAlign != 0) {
    throw RingError(path() + " is damaged: " + std::to_string(head) + " bytes written and " +
                    std::to_string(tail_) + " read cannot be, in a ring of " + std::to_string(data_bytes_));
  }
  return head;
}

void Consumer::read_dictionary() {
  const std::uint64_t used = header().producer.dictionary_used.load(std::memory_order_acquire);
  const auto damaged = [&](const char* why) {
    throw RingError(path() + " is damaged: in the names of its metrics at byte " +
                    std::to_string(dictionary_read_) + " " + why);
  };
  if (used < dictionary_read_ || used > dictionary_bytes_) damaged("more is used than there is");
  while (dictionary_read_ != used) {
    if (used - dictionary_read_ < kDictionaryEntryBytes) damaged("an entry is cut short");
    const std::byte* entry = file_.dictionary() + dictionary_read_;
    std::uint32_t id = 0;
    std::uint16_t length = 0;
    std::memcpy(&id, entry, sizeof(id));
    std::memcpy(&length, entry + sizeof(id), sizeof(length));
    if (used - dictionary_read_ - kDictionaryEntryBytes < length) damaged("a name goes beyond what is used");
    if (id >= kMetricsMax) damaged("a metric's number is out of range");
    std::string name(reinterpret_cast<const char*>(entry + kDictionaryEntryBytes), length);
    if (!valid_metric_name(name)) damaged("a name is not UTF-8 of a permitted length");
    if (id >= names_.size()) names_.resize(id + 1);
    // A second name would change what rows already collected mean.
    if (!names_[id].empty() && names_[id] != name) damaged("a metric has two names");
    names_[id] = std::move(name);
    dictionary_read_ += kDictionaryEntryBytes + length;
  }
}

void Consumer::check_cells(const Row& row) const {
  for (const std::uint32_t cell : row.cells) static_cast<void>(metric(cell_metric(cell)));
}

std::string_view Consumer::metric(std::uint32_t id) const {
  if (id >= names_.size() || names_[id].empty()) {
    throw RingError(path() + " is damaged: a row names metric " + std::to_string(id) + ", which has no name");
  }
  return names_[id];
}

std::uint64_t Consumer::collect(std::uint64_t max_bytes, RecordVisitor& visitor) {
  const std::uint64_t begin = cursor_;
  try {
    const std::uint64_t head = published();
    read_dictionary();
    RecordReader reader(file_.data(), data_bytes_);
    while (cursor_ != head && (cursor_ == begin || cursor_ - begin < max_bytes)) {
      const std::uint64_t after = reader.next(cursor_, head);
      if (reader.found()) {
        const std::uint64_t sequence = reader.header().row_seq;
        if (sequence <= last_seq_) {
          throw RingError(path() + " is damaged: record " + std::to_string(sequence) + " follows record " +
                          std::to_string(last_seq_));
        }
        if (reader.header().kind == Kind::kRow) {
          const Row row = reader.row();
          check_cells(row);
          visitor.row(row);
        } else {
          visitor.parts(reader.parts());
        }
        last_seq_ = sequence;
      }
      cursor_ = after;
    }
  } catch (const RingError&) {
    // What came before is good and has been given out: say so now, complain next time.
    if (cursor_ == begin) throw;
  }
  return cursor_ - begin;
}

void Consumer::commit() {
  tail_ = cursor_;
  tail_seq_ = last_seq_;
  // Release: our reads of these bytes are over before the producer can see that it may overwrite them.
  file_.header()->consumer.tail.store(tail_, std::memory_order_release);
}

void Consumer::rollback() {
  cursor_ = tail_;
  last_seq_ = tail_seq_;
}

void Consumer::skip_to(std::uint64_t row_seq) {
  rollback();
  const std::uint64_t head = published();
  RecordReader reader(file_.data(), data_bytes_);
  while (cursor_ != head) {
    const std::uint64_t after = reader.next(cursor_, head);
    if (reader.found()) {
      if (reader.header().row_seq > row_seq) break;
      last_seq_ = reader.header().row_seq;
    }
    cursor_ = after;
  }
  commit();
}

void Consumer::beat(std::uint32_t service, std::uint64_t acked_seq) {
  ControlLine& line = file_.header()->control;
  line.service.store(service, std::memory_order_relaxed);
  line.acked_seq.store(acked_seq, std::memory_order_relaxed);
  line.heartbeat_ns.store(monotonic_ns(), std::memory_order_release);
}

void Consumer::set_control(std::uint32_t bits) {
  file_.header()->control.control.fetch_or(bits, std::memory_order_seq_cst);
}

void Consumer::unlink() { ::unlink(path().c_str()); }

std::string_view Consumer::identity() const {
  // Checked when it was opened; bounded again, as the word still lies in shared memory.
  const std::uint64_t bytes = std::min<std::uint64_t>(header().fixed.identity_bytes, kIdentityMax);
  return {reinterpret_cast<const char*>(file_.identity()), bytes};
}

std::uint64_t Consumer::pending_bytes() const { return published() - tail_; }

std::uint64_t Consumer::collected_bytes() const { return cursor_ - tail_; }

bool Consumer::closed() const { return header().producer.state.load(std::memory_order_acquire) == kClosed; }

bool Consumer::owner_alive() const { return file_.owner_alive(); }

std::int64_t Consumer::owner_pid() const { return file_.owner_pid(); }

std::uint64_t Consumer::dropped() const { return header().producer.dropped.load(std::memory_order_relaxed); }

std::uint64_t Consumer::links() const { return file_.links(); }

}  // namespace stepwell::ring
