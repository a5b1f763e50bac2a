// The bytes of a ring file: header page, identity, dictionary, data. Owns offsets and sizes; no behaviour.
//
//   [0, 4096)            Header
//   [4096, 12288)        identity: JSON, written once, read by the agent
//   [12288, +data/4)     dictionary: {u32 metric id, u16 length, name}..., append-only
//   [.., +data_bytes)    data: records (record.h)
//
// Names are in the dictionary and not in the record stream, so that an agent which adopts a ring in the
// middle knows the metrics that were named in records already overwritten.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace stepwell::ring {

inline constexpr char kMagic[8] = {'S', 'W', 'R', 'I', 'N', 'G', '1', '\0'};
inline constexpr std::uint32_t kLayout = 1;

inline constexpr std::uint64_t kHeaderBytes = 4096;
inline constexpr std::uint64_t kIdentityBytes = 8192;
inline constexpr std::uint64_t kIdentityMax = 8000;
inline constexpr std::uint64_t kDataBytesMin = std::uint64_t{16} << 10;
inline constexpr std::uint64_t kDataBytesMax = std::uint64_t{1} << 31;  // a record's length is a u32

constexpr std::uint64_t dictionary_bytes(std::uint64_t data_bytes) { return data_bytes / 4; }
constexpr std::uint64_t dictionary_offset() { return kHeaderBytes + kIdentityBytes; }
constexpr std::uint64_t data_offset(std::uint64_t data_bytes) {
  return dictionary_offset() + dictionary_bytes(data_bytes);
}
constexpr std::uint64_t file_bytes(std::uint64_t data_bytes) { return data_offset(data_bytes) + data_bytes; }
inline constexpr std::uint64_t kDictionaryEntryBytes = 6;  // before the name

// Bytes of the file that are locked, never read.
inline constexpr int kOwnerLockByte =
    0;  // POSIX record lock of the producer: a forked child does not inherit it
inline constexpr int kConsumerLockByte = 1;  // lock of whoever moves the tail

enum State : std::uint32_t { kOpen = 0, kClosed = 1 };
enum Role : std::uint32_t { kMain = 0, kChild = 1 };

enum ControlBit : std::uint32_t {
  kRetired = 1,   // the agent took the owner for dead and will remove this file: make a new ring
  kStop = 2,      // somebody asked the run to stop
  kUnlinked = 4,  // the file has no name any more (RemoveIPC at logout): make a new ring
};

enum Service : std::uint32_t { kUnknown = 0, kConnected = 1, kUnreachable = 2, kOffline = 3 };

/// What never changes after the rename that makes the file visible.
struct Immutable {
  char magic[8];
  std::uint32_t layout;
  std::uint32_t role;
  std::uint64_t writer;
  std::uint8_t run[16];
  std::uint32_t rank;
  std::uint32_t attempt;
  std::int64_t created_ms;      // wall
  std::int64_t wall_offset_ns;  // wall time = CLOCK_MONOTONIC + this
  std::uint64_t data_bytes;
  std::uint64_t first_seq;  // of the first record of this ring
  std::uint32_t index;      // 0 for a writer's first ring
  std::uint32_t identity_bytes;
  std::uint64_t pid;  // for display only: means nothing in another namespace
  std::uint32_t reserved[7];
  std::uint32_t crc;  // CRC32C of all before it
};
static_assert(sizeof(Immutable) == 128);

// 128 and not 64: two neighbouring lines are fetched together by most prefetchers.
inline constexpr std::size_t kLine = 128;

/// Written by the producer; read by the consumer at every poll.
struct alignas(kLine) ProducerLine {
  std::atomic<std::uint64_t> head;     // bytes ever written; stored with release, publishes everything else
  std::atomic<std::uint64_t> row_seq;  // of the last published record
  std::atomic<std::uint64_t>
      dictionary_used;                 // stored with release before the head of the records that use it
  std::atomic<std::uint64_t> dropped;  // records
  std::atomic<std::uint64_t> refused;  // cells
  std::atomic<std::uint32_t> state;
};

/// Written by the consumer when a spool has the bytes; read by the producer only when the ring looks full.
struct alignas(kLine) ConsumerLine {
  std::atomic<std::uint64_t> tail;  // bytes ever consumed; stored with release: before it may be overwritten
};

/// Written by the consumer; read by every log call, so all that a call must know is on this one line.
struct alignas(kLine) ControlLine {
  std::atomic<std::int64_t> heartbeat_ns;  // CLOCK_MONOTONIC, 0 before the first
  std::atomic<std::uint32_t> control;
  std::atomic<std::uint32_t> service;
  std::atomic<std::uint64_t> acked_seq;
};

struct Header {
  Immutable fixed;
  ProducerLine producer;
  ConsumerLine consumer;
  ControlLine control;
};
static_assert(sizeof(Header) <= kHeaderBytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
                  std::atomic<std::uint32_t>::is_always_lock_free,
              "two processes share these words");

}  // namespace stepwell::ring
