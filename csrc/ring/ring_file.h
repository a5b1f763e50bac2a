// One mapped ring file: made whole, opened checked, locked, released. Owns the fd and the mapping; knows
// nothing of records. Used by Producer (create) and Consumer (open).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ring/layout.h"

namespace stepwell::ring {

/// Everything of the header that its maker decides.
struct RingSpec {
  std::uint64_t writer = 0;
  std::uint8_t run[16] = {};
  std::uint32_t rank = 0;
  std::uint32_t attempt = 0;
  std::uint32_t role = kMain;
  std::uint32_t index = 0;
  std::uint64_t first_seq = 1;
  std::int64_t wall_offset_ns = 0;
  std::uint64_t data_bytes = 0;
  std::string_view identity;
};

class RingFile;

/// What a new ring starts with, carried over from the one before it.
struct RingCarry {
  const RingFile* copy_of = nullptr;  // of the same size: its names, unread records, head and tail as well
  std::uint64_t row_seq = 0;
  std::uint64_t dropped = 0;
  std::uint64_t refused = 0;
  std::uint64_t acked_seq = 0;
  std::int64_t heartbeat_ns = 0;
  std::uint32_t service = kUnknown;
  std::uint32_t control = 0;
};

class RingFile {
 public:
  RingFile() = default;
  RingFile(RingFile&& other) noexcept;
  RingFile& operator=(RingFile&& other) noexcept;
  RingFile(const RingFile&) = delete;
  RingFile& operator=(const RingFile&) = delete;
  ~RingFile();

  /// Makes a ring in `folder`: under a temporary name, allocated to its last byte (so that no access can
  /// raise SIGBUS), owner-locked, initialised, every page touched, then renamed. Throws RingError with the
  /// errno's text.
  static RingFile create(const std::string& folder, const RingSpec& spec, const RingCarry& carry);
  /// Opens and checks a ring file for reading and for the consumer's words. Takes the consumer lock.
  static RingFile open_consumer(const std::string& path);
  /// The same mapping again, not owned: for tests in which both ends share one address range (TSan sees
  /// addresses).
  RingFile borrow() const;

  /// Unmaps and closes. In a forked child this leaves the parent's owner lock alone: POSIX locks are per
  /// process.
  void reset();
  explicit operator bool() const { return base_ != nullptr; }

  [[nodiscard]] Header* header() const { return reinterpret_cast<Header*>(base_); }
  [[nodiscard]] std::byte* identity() const { return base_ + kHeaderBytes; }
  [[nodiscard]] std::byte* dictionary() const { return base_ + dictionary_offset(); }
  [[nodiscard]] std::byte* data() const { return base_ + ring::data_offset(data_bytes_); }
  [[nodiscard]] std::uint64_t data_bytes() const { return data_bytes_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_; }
  /// Whether this is shared memory (and not a file on a disk).
  [[nodiscard]] bool in_memory() const;
  [[nodiscard]] bool owner_alive() const;
  /// The owner's process id in the namespace of this process; 0 where there is none, or none to be seen.
  [[nodiscard]] std::int64_t owner_pid() const;
  [[nodiscard]] std::uint64_t links() const;

 private:
  void copy(const RingFile& other);
  void map(std::uint64_t data_bytes);

  int fd_ = -1;
  bool owned_ = true;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::byte* base_ = nullptr;
  std::uint64_t data_bytes_ = 0;
  std::string path_;
};

/// Bytes of ring files in a folder, unfinished ones included.
std::uint64_t rings_in(const std::string& folder);
/// Whether `bytes` more fit in the filesystem of `folder`, with all its rings together at most `share` of it.
bool ring_fits(const std::string& folder, std::uint64_t bytes, double share);

}  // namespace stepwell::ring
