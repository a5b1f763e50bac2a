// Decoded blocks waiting to become ClickHouse Native blocks, one per table. Blocks are kept as decoded
// columns and laid out only when a table is built. Called by bindings/native.cc, for the service.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "native/tables.h"

namespace stepwell::native {

// A Native block ready to be laid down. The batch must not change while it is in use.
class Plan {
 public:
  Plan(uint64_t rows, std::vector<Column> columns);
  size_t bytes() const { return bytes_; }
  void fill(uint8_t* out) const;  // exactly bytes()

 private:
  uint64_t rows_;
  std::vector<Column> columns_;
  size_t bytes_;
};

class Batch {
 public:
  Batch() : rows_(tables().size()) {}

  // Decodes a block's body and keeps it. Throws codec::FormatError; the batch is then as it was.
  const codec::Block& add(codec::Bytes body);

  std::vector<std::string_view> table_names() const;  // those that have rows
  uint64_t rows(std::string_view table) const;        // throws std::out_of_range for an unknown table
  uint64_t total_rows() const;                        // without those of derived tables
  uint64_t bytes() const { return bytes_; }           // about what the decoded blocks take
  Plan plan(std::string_view table) const;            // throws std::out_of_range
  void clear();

 private:
  size_t index_of(std::string_view table) const;
  uint64_t rows_at(size_t index) const;

  Blocks blocks_;
  std::vector<uint64_t> rows_;              // by table, kept up to date: asked after every block
  std::set<std::array<uint8_t, 16>> runs_;  // one row each
  uint64_t bytes_ = 0;
};

}  // namespace stepwell::native
