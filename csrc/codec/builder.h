// Gathers one writer's records and encodes them as a block. Rows go to a table per metric set; when there are
// too many sets, to one long table. Called by collect.cc and bindings/codec.cc; knows neither ring nor zstd.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/block.h"
#include "codec/header.h"

namespace stepwell::codec {

class ColumnWriter;

struct EncodedBlock {
  std::array<uint8_t, kBlockHeaderBytes> header;
  std::vector<uint8_t> body;
};

struct RowStamp {
  uint64_t row_seq;
  int64_t step;
  int64_t time_ms;
  int64_t at = 0;
};

class BlockBuilder {
 public:
  // Throws FormatError where the origin is beyond the format's limits.
  explicit BlockBuilder(Origin origin);
  ~BlockBuilder();
  BlockBuilder(const BlockBuilder&) = delete;
  BlockBuilder& operator=(const BlockBuilder&) = delete;

  // Number of a metric in this block; the same for the same name until the builder is emptied.
  uint32_t metric(std::string_view name);

  // Whether a row of so many cells, or a record of so many bytes, still fits. An empty builder takes any row
  // of up to kMaxPoints cells and any record that a ring can hold.
  bool has_room(size_t cells, size_t bytes) const;

  // `cells` are ring cells (type and metric number); a metric that comes twice keeps its last value.
  void add_row(const RowStamp& stamp, std::span<const uint32_t> cells, std::span<const uint64_t> values);

  // Text that is not UTF-8 is made so. Throws FormatError for parts that the kind does not have.
  void add_record(Kind kind, std::span<const std::string_view> parts, const RowStamp& stamp);

  // Encodes and empties. A builder that holds nothing gives a block that holds nothing.
  EncodedBlock encode();

  const Origin& origin() const { return origin_; }
  uint64_t records() const { return rows_ + records_.size(); }
  uint64_t points() const { return points_; }
  uint64_t first_seq() const { return first_seq_; }
  uint64_t last_seq() const { return last_seq_; }
  // Counts a record that this format cannot hold. Kept over encode().
  void refuse() { ++refused_; }
  uint64_t refused() const { return refused_; }

 private:
  struct Set;
  struct SetHash {
    size_t operator()(std::span<const uint32_t> cells) const;
  };
  struct SetEqual {
    bool operator()(std::span<const uint32_t> a, std::span<const uint32_t> b) const;
  };
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  Set* set_of(std::span<const uint32_t> cells);
  size_t add_long(std::span<const uint32_t> cells, std::span<const uint64_t> values);
  void note(uint64_t row_seq);
  void write_body(ColumnWriter& columns) const;
  void write_records(ColumnWriter& columns) const;
  void clear();

  Origin origin_;
  std::unordered_map<std::string, uint32_t, NameHash, std::equal_to<>> numbers_;
  std::vector<std::string_view> names_;  // keys of numbers_
  std::vector<std::unique_ptr<Set>> sets_;
  std::unordered_map<std::span<const uint32_t>, Set*, SetHash, SetEqual> by_cells_;
  Set* last_set_ = nullptr;
  LongTable long_;
  std::vector<uint32_t> long_position_;  // of a metric in the current long row, to find repeats
  std::vector<Record> records_;
  std::vector<uint64_t> part_lengths_;
  std::vector<uint8_t> part_bytes_;
  uint64_t rows_ = 0;
  uint64_t points_ = 0;
  uint64_t name_bytes_ = 0;
  uint64_t first_seq_ = 0;
  uint64_t last_seq_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace stepwell::codec
