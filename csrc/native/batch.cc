#include "native/batch.h"

#include <stdexcept>
#include <string>

#include "codec/decode.h"

namespace stepwell::native {

namespace {

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
  const auto block = std::make_shared<const codec::Block>(codec::decode_body(body));
  blocks_.push_back(block);
  try {
    runs_.insert(block->origin.run);
  } catch (...) {
    blocks_.pop_back();
    throw;
  }
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (tables()[i].rows != nullptr) rows_[i] += tables()[i].rows(*block);
  }
  bytes_ += memory_of(*block);
  return *block;
}

size_t Batch::index_of(std::string_view name) const {
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (tables()[i].name == name) return i;
  }
  throw std::out_of_range("a batch has no table " + std::string(name));
}

uint64_t Batch::rows_at(size_t index) const {
  return tables()[index].rows == nullptr ? runs_.size() : rows_[index];
}

std::vector<std::string_view> Batch::table_names() const {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (rows_at(i) != 0) names.push_back(tables()[i].name);
  }
  return names;
}

uint64_t Batch::rows(std::string_view table) const { return rows_at(index_of(table)); }

uint64_t Batch::total_rows() const {
  uint64_t total = runs_.size();
  for (size_t i = 0; i < rows_.size(); ++i) total += tables()[i].derived ? 0 : rows_[i];
  return total;
}

Plan Batch::plan(std::string_view table) const {
  const size_t index = index_of(table);
  return {rows_at(index), tables()[index].columns(blocks_)};
}

void Batch::clear() {
  blocks_.clear();
  runs_.clear();
  rows_.assign(rows_.size(), 0);
  bytes_ = 0;
}

}  // namespace stepwell::native
