// Segment files of a spool: frames appended whole, read back without trusting a byte.
// Owns the frame layout and its checks. No mmap and no lock, as a spool may lie on a network filesystem; who
// may write or truncate is decided in stepwell/spool. Called by bindings/spool.cc.
//
//   segment  32 bytes: magic "SWSPOOL1", u32 layout, 16 reserved, u32 crc32c of the 28 before it; then frames
//   frame    FrameHeader (48 bytes), payload
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stepwell::spool {

inline constexpr std::uint32_t kSegmentLayout = 1;
inline constexpr std::size_t kSegmentHeaderBytes = 32;
inline constexpr std::uint32_t kFrameMagic = 0x52465753;  // "SWFR"
inline constexpr std::size_t kFramePayloadMax = std::size_t{256} << 20;

struct FrameHeader {
  std::uint32_t magic;
  std::uint16_t kind;
  std::uint16_t flags;
  std::uint32_t payload_bytes;
  std::uint32_t payload_crc;
  std::uint64_t writer;
  std::uint64_t first_seq;
  std::uint64_t last_seq;
  std::uint32_t reserved;
  std::uint32_t crc;  // of the 44 bytes before it
};
static_assert(sizeof(FrameHeader) == 48);
inline constexpr std::size_t kFrameHeaderBytes = sizeof(FrameHeader);

/// What a segment of this build begins with.
std::array<std::byte, kSegmentHeaderBytes> segment_header();

/// What is written before a payload.
FrameHeader frame_header(std::uint16_t kind, std::uint64_t writer, std::uint64_t first_seq,
                         std::uint64_t last_seq, std::span<const std::byte> payload);

/// Appends frames to one new file. Throws std::system_error.
class SegmentWriter {
 public:
  /// Creates the file; EEXIST where there is one.
  explicit SegmentWriter(const std::string& path);
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;
  ~SegmentWriter();

  /// Returns the frame's offset once the kernel has all of it. On an error the file is as it was before.
  std::uint64_t append(std::uint16_t kind, std::uint64_t writer, std::uint64_t first_seq,
                       std::uint64_t last_seq, std::span<const std::byte> payload);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// fdatasync.
  void sync();
  void close();

 private:
  void write_all(const FrameHeader& header, std::span<const std::byte> payload);

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

struct Frame {
  std::uint64_t offset;
  FrameHeader header;
  std::vector<std::byte> payload;  // empty where payloads were not asked for
  [[nodiscard]] std::uint64_t bytes() const { return kFrameHeaderBytes + header.payload_bytes; }
};

struct DamagedRange {
  std::uint64_t offset;
  std::uint64_t bytes;
};

struct Scan {
  std::vector<Frame> frames;
  std::uint64_t end = 0;  // where the next scan starts
  std::vector<DamagedRange> damaged;
};

/// A file that is a segment of a layout this build does not read.
class SegmentTooNew : public std::exception {
 public:
  SegmentTooNew(const std::string& path, std::uint32_t layout)
      : message_(path + " is a spool segment of layout " + std::to_string(layout) + ", this build reads " +
                 std::to_string(kSegmentLayout) + ": take it in with a newer version of stepwell") {}
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

/// Whole frames from `offset` on, at least one if there is one, then more until `max_bytes` of file are read.
/// Every payload's checksum is verified, asked for or not. A bad stretch before a good frame is a damaged
/// range and passed over; one with nothing good after it may still be being written, and `end` stays before
/// it. Throws std::system_error, SegmentTooNew.
Scan scan_segment(const std::string& path, std::uint64_t offset, std::uint64_t max_bytes, bool payloads);

/// The same over bytes in memory: what the fuzzer and the tests of damage call.
Scan scan_bytes(std::span<const std::byte> file, std::uint64_t offset, std::uint64_t max_bytes,
                bool payloads);

}  // namespace stepwell::spool
