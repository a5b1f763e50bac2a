// The system table: what an agent measured on its machine while a run was live there. Some dozen figures
// every few seconds, so nothing here is laid out for speed.
#include <bit>

#include "native/tables.h"

namespace stepwell::native {

namespace {

using codec::Block;
using codec::CellType;

struct Sample {
  const Block* block;
  std::string_view device;
  std::string_view metric;
  uint64_t time_ms;
  uint64_t row_seq;
  double value;
};

double number(CellType type, uint64_t value) {
  if (type == CellType::kF64) return std::bit_cast<double>(value);
  return static_cast<double>(static_cast<int64_t>(value));
}

void add_samples(const Block& block, std::vector<Sample>& all) {
  const auto add = [&](uint32_t metric, const codec::RowColumns& rows, size_t row, CellType type,
                       uint64_t value) {
    const std::string_view name = block.metrics[metric];
    const size_t slash = name.find('/');
    all.push_back({&block, name.substr(0, slash), name.substr(slash + 1), rows.time_ms[row],
                   rows.row_seq[row], number(type, value)});
  };
  for (const auto& table : block.wide) {
    for (const auto& column : table.columns) {
      for (size_t row = 0; row < table.rows.size(); ++row)
        add(column.metric, table.rows, row, column.type, column.values[row]);
    }
  }
  for (const auto& table : block.longs) {
    size_t cell = 0;
    for (size_t row = 0; row < table.rows.size(); ++row) {
      for (uint32_t i = 0; i < table.cells_of_row[row]; ++i, ++cell)
        add(table.metric[cell], table.rows, row, table.type[cell], table.value[cell]);
    }
  }
}

std::vector<Column> columns(const Blocks& blocks) {
  const auto rows = std::make_shared<std::vector<Sample>>();
  for (const auto& block : blocks) {
    if (block->of_host()) add_samples(*block, *rows);
  }
  std::vector<Column> all;
  all.push_back(
      uuid_column("run", *rows, [](const Sample& sample) { return std::span(sample.block->origin.run); }));
  all.push_back(low_cardinality_column(
      "host", *rows, [](const Sample& sample) { return std::string_view(sample.block->origin.host); }));
  all.push_back(low_cardinality_column("device", *rows, [](const Sample& sample) { return sample.device; }));
  all.push_back(low_cardinality_column("metric", *rows, [](const Sample& sample) { return sample.metric; }));
  all.push_back(
      fixed_column<int64_t>("time", kDateTime, *rows, [](const Sample& sample) { return sample.time_ms; }));
  all.push_back(
      fixed_column<double>("value", "Float64", *rows, [](const Sample& sample) { return sample.value; }));
  all.push_back(fixed_column<uint64_t>("version", "UInt64", *rows, [](const Sample& sample) {
    return codec::row_version(sample.block->origin.attempt, sample.row_seq);
  }));
  all.back().fill = [rows, fill = std::move(all.back().fill)](Out& out) { fill(out); };
  return all;
}

uint64_t count(const Block& block) { return block.of_host() ? block.points : 0; }

}  // namespace

constexpr Table kSystem = {"system", count, columns};

}  // namespace stepwell::native
