// A block in memory: what the builder gathers and the decoder gives back, and the limits both keep to.
// Self-contained: run, writer and metric names travel with the rows, so any service replica can decode it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ring/record.h"

namespace stepwell::codec {

using ring::CellType;
using ring::Kind;

// What one block may claim. Few bytes can stand for many constant values, so these bound what decoding takes:
// about 70 MiB at the limit. The builder keeps to the same numbers.
inline constexpr uint64_t kMaxPoints = 1ULL << 20;   // cells of rows
inline constexpr uint64_t kMaxRows = 1ULL << 20;     // rows of all tables
inline constexpr uint64_t kMaxRecords = 1ULL << 20;  // records beside rows
inline constexpr size_t kMaxNameBytes = 1024;        // project, id
inline constexpr size_t kMaxHostBytes = 256;
inline constexpr size_t kMaxMetrics = 1ULL << 20;

// version (of a stored row) = attempt << 34 | row_seq, its top bit kept free for committed artifacts.
inline constexpr unsigned kSeqBits = 34;
inline constexpr uint64_t kMaxSeq = (1ULL << kSeqBits) - 1;
inline constexpr uint32_t kMaxAttempt = (1U << 29) - 1;
constexpr uint64_t row_version(uint32_t attempt, uint64_t row_seq) {
  return static_cast<uint64_t>(attempt) << kSeqBits | row_seq;
}

struct Origin {
  std::string project;
  std::string id;
  std::array<uint8_t, 16> run = {};
  uint32_t rank = 0;
  uint32_t attempt = 0;
  uint64_t writer = 0;
  int64_t created_ms = 0;
  std::string host;  // not empty: the rows are samples of this machine, their metrics `device/metric`
};

// Columns that every row has. 64-bit patterns: step, time and at are signed.
struct RowColumns {
  std::vector<uint64_t> step;
  std::vector<uint64_t> time_ms;
  std::vector<uint64_t> row_seq;
  std::vector<uint64_t> at;

  size_t size() const { return step.size(); }
};

// Rows of one metric set: a column per metric.
struct WideTable {
  struct Column {
    uint32_t metric;
    CellType type;
    std::vector<uint64_t> values;
  };
  RowColumns rows;
  std::vector<Column> columns;
};

// Rows of ever-changing sets, cell by cell.
struct LongTable {
  RowColumns rows;
  std::vector<uint32_t> cells_of_row;  // how many of the cells below, row by row
  std::vector<uint32_t> metric;
  std::vector<CellType> type;
  std::vector<uint64_t> value;
};

struct Record {
  Kind kind;
  uint64_t row_seq;
  int64_t step;
  int64_t time_ms;
  uint32_t parts;       // their number; as many as the kind has
  uint64_t first_part;  // index into Block::part_ends
};

struct Block {
  Origin origin;
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  std::vector<std::string> metrics;
  std::vector<WideTable> wide;
  std::vector<LongTable> longs;
  std::vector<Record> records;
  std::vector<uint64_t> part_ends;  // offsets into part_bytes, beginning with 0
  std::string part_bytes;
  uint64_t rows = 0;
  uint64_t points = 0;

  bool of_host() const { return !origin.host.empty(); }
  std::string_view part(const Record& record, uint32_t index) const {
    const uint64_t begin = part_ends[record.first_part + index];
    return std::string_view(part_bytes).substr(begin, part_ends[record.first_part + index + 1] - begin);
  }
};

}  // namespace stepwell::codec
