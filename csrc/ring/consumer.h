// The consumer's end of one ring file: takes its lock, reads whole records, moves the tail when told to.
// Never trusts the producer's bytes; never writes anything but tail, heartbeat, control word and acks.
// Called by the agent through bindings/ring.cc, and by codec/collect.cc to fill blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "ring/layout.h"
#include "ring/record.h"
#include "ring/ring_file.h"

namespace stepwell::ring {

/// Another consumer holds this ring.
class RingBusy : public RingError {
 public:
  using RingError::RingError;
};

class Consumer {
 public:
  /// Opens, locks and checks a ring file. Throws RingBusy, RingError.
  explicit Consumer(const std::string& path);
  /// Reads a ring that is already mapped, without a lock: for tests that share the producer's own mapping.
  explicit Consumer(RingFile file);

  /// Gives whole records (and whole fragment groups) after the last collected one to the visitor, until
  /// `max_bytes` of ring or nothing published is left; at least one record if there is one. Returns the ring
  /// bytes taken. Throws RingError at the first call that begins with a record which cannot be trusted:
  /// everything before it has been given out by earlier calls and can be committed.
  std::uint64_t collect(std::uint64_t max_bytes, RecordVisitor& visitor);
  /// Moves the tail past what was collected: the producer may overwrite it from here on.
  void commit();
  /// Forgets what was collected since the last commit.
  void rollback();
  /// Commits every published record up to and with this sequence.
  void skip_to(std::uint64_t row_seq);

  /// The name behind a metric id of a visited row. The view lives as long as this Consumer.
  /// Throws RingError for an id the producer never named.
  [[nodiscard]] std::string_view metric(std::uint32_t id) const;

  /// Stamps the heartbeat and tells the producer how far things are.
  void beat(std::uint32_t service, std::uint64_t acked_seq);
  void set_control(std::uint32_t bits);
  void unlink();

  [[nodiscard]] const Header& header() const { return *file_.header(); }
  [[nodiscard]] const std::string& path() const { return file_.path(); }
  [[nodiscard]] std::string_view identity() const;
  [[nodiscard]] std::uint64_t pending_bytes() const;
  [[nodiscard]] std::uint64_t collected_bytes() const;
  [[nodiscard]] bool closed() const;
  [[nodiscard]] bool owner_alive() const;
  [[nodiscard]] std::int64_t owner_pid() const;
  [[nodiscard]] std::uint64_t dropped() const;
  [[nodiscard]] std::uint64_t links() const;

 private:
  void start();
  std::uint64_t published() const;
  void read_dictionary();
  void check_cells(const Row& row) const;

  RingFile file_;
  std::uint64_t data_bytes_ = 0;
  std::uint64_t dictionary_bytes_ = 0;
  std::uint64_t tail_ = 0;      // what is committed; the shared word is written, never read back
  std::uint64_t cursor_ = 0;    // what is collected
  std::uint64_t last_seq_ = 0;  // of the record before cursor_
  std::uint64_t tail_seq_ = 0;  // of the record before tail_
  std::uint64_t dictionary_read_ = 0;
  std::deque<std::string> names_;  // by id; "" where none; a deque keeps references when it grows
};

}  // namespace stepwell::ring
