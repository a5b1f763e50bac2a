// What lies in a ring's data area, and how it is read back without trusting it.
// Owns the record layout and its checks; never touches files, locks or Python. Used by Producer, Consumer and
// tests.
//
// A record is 8-byte aligned and never wraps; where one does not fit before the end of the ring, a PAD record
// fills the rest. Little-endian, as is every machine we run on (checked below).
//
//   RecordHeader (32 bytes), then by kind
//   ROW    u32 n, u32 0, u32 cells[n] (metric id, CellType in the top 3 bits) padded to 8, u64 values[n]
//   others u32 nparts, then nparts times {u32 length, bytes}
//
// A parts record larger than a ring's fragment size is cut into pieces of its payload. Each piece is a record
// of the same kind, sequence, step and time; all but the last carry kFlagMore. A whole group is published by
// one store, so a reader sees all of it or none.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace stepwell::ring {

static_assert(std::endian::native == std::endian::little,
              "ring, block and spool are little-endian in memory");

enum class Kind : std::uint16_t {
  kPad = 0,
  kRow = 1,
  kText = 2,        // metric, text
  kHistogram = 3,   // metric, histogram bytes (csrc/histogram)
  kField = 4,       // key, JSON ("" = deleted), source, number (8-byte double or empty)
  kConsole = 5,     // stream "1" or "2", text
  kEvent = 6,       // kind, JSON
  kCheckpoint = 7,  // kind, name, files JSON, metadata JSON, size in decimal
};

/// Parts a record of this kind must have; 0 for kinds that are not made of parts.
constexpr std::uint32_t parts_of(Kind kind) {
  switch (kind) {
    case Kind::kText:
    case Kind::kHistogram:
    case Kind::kConsole:
    case Kind::kEvent:
      return 2;
    case Kind::kField:
      return 4;
    case Kind::kCheckpoint:
      return 5;
    default:
      return 0;
  }
}
inline constexpr std::uint32_t kPartsMax = 5;

enum class CellType : std::uint32_t { kF64 = 0, kI64 = 1, kBool = 2 };
inline constexpr std::uint32_t kCellTypeShift = 29;
inline constexpr std::uint32_t kMetricIdMask = (1u << kCellTypeShift) - 1;
constexpr CellType cell_type(std::uint32_t cell) { return static_cast<CellType>(cell >> kCellTypeShift); }
constexpr std::uint32_t cell_metric(std::uint32_t cell) { return cell & kMetricIdMask; }
constexpr std::uint32_t make_cell(std::uint32_t metric, CellType type) {
  return metric | (static_cast<std::uint32_t>(type) << kCellTypeShift);
}

/// Metric ids are 0 .. kMetricsMax - 1; a name is 1 to kMetricNameMax bytes of UTF-8 without control
/// characters.
inline constexpr std::uint32_t kMetricsMax = 100'000;
inline constexpr std::size_t kMetricNameMax = 512;

inline constexpr std::uint16_t kFlagMore = 1;  // another piece of the same record follows

struct RecordHeader {
  std::uint32_t bytes;  // with this header, without the padding to 8
  Kind kind;
  std::uint16_t flags;
  std::uint64_t row_seq;
  std::int64_t step;
  std::int64_t time_ms;
};
static_assert(sizeof(RecordHeader) == 32);
inline constexpr std::size_t kRecordAlign = 8;
inline constexpr std::size_t kPadHeaderBytes =
    8;  // a PAD has only `bytes`, `kind`, `flags`: the rest may be 8 long
constexpr std::uint64_t align_record(std::uint64_t bytes) { return (bytes + 7) & ~std::uint64_t{7}; }
constexpr std::uint64_t row_bytes(std::uint64_t n) {
  return sizeof(RecordHeader) + 8 + align_record(4 * n) + 8 * n;
}

/// A ring that cannot be made, opened or trusted. The message says which, where, and what to do.
class RingError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One row, checked. `cells` and `values` are as long as each other, in the order of the logged dict.
/// A value is the bits of a double, an int64, or 0/1, as its cell's type says. Valid during the visit only.
struct Row {
  std::uint64_t row_seq;
  std::int64_t step;
  std::int64_t time_ms;
  std::span<const std::uint32_t> cells;
  std::span<const std::uint64_t> values;
};

/// One whole parts record, checked (as many parts as its kind has). Valid during the visit only.
struct Parts {
  Kind kind;
  std::uint64_t row_seq;
  std::int64_t step;
  std::int64_t time_ms;
  std::span<const std::string_view> parts;
};

/// Takes what a Consumer reads. An exception leaves the reader before the record that was being visited.
class RecordVisitor {
 public:
  RecordVisitor() = default;
  RecordVisitor(const RecordVisitor&) = delete;
  RecordVisitor& operator=(const RecordVisitor&) = delete;
  virtual ~RecordVisitor() = default;
  virtual void row(const Row& row) = 0;
  virtual void parts(const Parts& parts) = 0;
};

/// Steps over the published bytes [begin, end) of a data area, checking every length against the ring.
/// Each record is copied out before it is looked at, so that bytes changing underneath cannot pass a check
/// and then be read as something else.
class RecordReader {
 public:
  RecordReader(const std::byte* data, std::uint64_t data_bytes) : data_(data), data_bytes_(data_bytes) {}

  /// Reads the record (or whole group) at byte counter `at`, before `end`, skipping pads. Returns the counter
  /// after it, or `end` with `found()` false where only pads were left. Throws RingError at anything it
  /// cannot trust.
  std::uint64_t next(std::uint64_t at, std::uint64_t end);
  [[nodiscard]] bool found() const { return found_; }
  [[nodiscard]] const RecordHeader& header() const { return header_; }

  /// What `next` found; which of the two, `header().kind` says. `metrics` bounds the ids of a row's cells.
  [[nodiscard]] Row row() const;
  [[nodiscard]] Parts parts();

 private:
  RecordHeader read_header(std::uint64_t at, std::uint64_t end) const;

  const std::byte* data_;
  std::uint64_t data_bytes_;
  bool found_ = false;
  RecordHeader header_{};
  std::vector<std::uint64_t> payload_;  // u64 for alignment
  std::size_t payload_bytes_ = 0;
  std::string_view parts_[kPartsMax];
};

}  // namespace stepwell::ring
