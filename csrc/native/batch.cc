#include "native/batch.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "codec/decode.h"

namespace stepwell::native {

namespace {

const Table& table_of(std::string_view name) {
  for (const Table& table : tables()) {
    if (table.name == name) return table;
  }
  throw std::out_of_range("a batch has no table " + std::string(name));
}

uint64_t memory_of(const codec::Block& block) {
  return 8 * block.points + 32 * block.rows + block.part_bytes.size() + 64 * block.records.size();
}

}  // namespace

Plan::Plan(uint64_t rows, std::vector<Column> columns) : rows_(rows), columns_(std::move(columns)) {
  bytes_ = varint_bytes(columns_.size()) + varint_bytes(rows_);
  for (const Column& column : columns_)
    bytes_ += text_bytes(column.name) + text_bytes(column.type) + column.bytes;
}

void Plan::fill(uint8_t* memory) const {
  Out out(memory);
  out.varint(columns_.size());
  out.varint(rows_);
  for (const Column& column : columns_) {
    out.text(column.name);
    out.text(column.type);
    const uint8_t* begin = out.at();
    column.fill(out);
    if (out.at() != begin + column.bytes)
      throw std::logic_error("column " + column.name + " is not as long as planned");
  }
}

const codec::Block& Batch::add(codec::Bytes body) {
  auto block = std::make_shared<const codec::Block>(codec::decode_body(body));
  blocks_.push_back(std::move(block));
  bytes_ += memory_of(*blocks_.back());
  return *blocks_.back();
}

std::vector<std::string_view> Batch::table_names() const {
  std::vector<std::string_view> names;
  for (const Table& table : tables()) {
    if (table.rows(blocks_) != 0) names.push_back(table.name);
  }
  return names;
}

uint64_t Batch::rows(std::string_view table) const { return table_of(table).rows(blocks_); }

uint64_t Batch::total_rows() const {
  uint64_t rows = 0;
  for (const Table& table : tables()) rows += table.rows(blocks_);
  return rows;
}

Plan Batch::plan(std::string_view name) const {
  const Table& table = table_of(name);
  return {table.rows(blocks_), table.columns(blocks_)};
}

void Batch::clear() {
  blocks_.clear();
  bytes_ = 0;
}

}  // namespace stepwell::native
