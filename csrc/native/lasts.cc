// The last values of a block, one row a metric: what a table of ten thousand runs shows without reading a
// point. Versions grow with every write of a rank, so of the rows of one key the highest is the last value
// written, whatever came twice or late: exactly what the points themselves say.
#include <bit>
#include <limits>

#include "native/tables.h"

namespace stepwell::native {

namespace {

using codec::Block;
using codec::CellType;

struct Last {
  const Block* block;
  uint32_t metric;
  uint64_t step;
  uint64_t time_ms;
  uint64_t row_seq;
  double value;
};

// seen(metric, rows, row, type, value) for every cell that may be the last of its metric.
template <typename Seen>
void for_each_candidate(const Block& block, Seen seen) {
  for (const auto& table : block.wide) {
    if (table.rows.size() == 0) continue;
    const size_t row = table.rows.size() - 1;  // a table's rows are in the order of their row_seq
    for (const auto& column : table.columns)
      seen(column.metric, table.rows, row, column.type, column.values[row]);
  }
  for (const auto& table : block.longs) {
    size_t cell = 0;
    for (size_t row = 0; row < table.rows.size(); ++row) {
      for (uint32_t i = 0; i < table.cells_of_row[row]; ++i, ++cell)
        seen(table.metric[cell], table.rows, row, table.type[cell], table.value[cell]);
    }
  }
}

double number(CellType type, uint64_t value) {
  if (type == CellType::kF64) return std::bit_cast<double>(value);
  return static_cast<double>(static_cast<int64_t>(value));
}

uint64_t count(const Block& block) {
  if (block.of_host()) return 0;
  std::vector<bool> there(block.metrics.size());
  uint64_t metrics = 0;
  for_each_candidate(block, [&](uint32_t metric, const auto&, size_t, CellType, uint64_t) {
    metrics += there[metric] ? 0 : 1;
    there[metric] = true;
  });
  return metrics;
}

void add_lasts(const Block& block, std::vector<Last>& all) {
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  std::vector<size_t> place(block.metrics.size(), kNone);
  for_each_candidate(block, [&](uint32_t metric, const codec::RowColumns& rows, size_t row, CellType type,
                                uint64_t value) {
    const uint64_t row_seq = rows.row_seq[row];
    if (place[metric] == kNone) {
      place[metric] = all.size();
      all.push_back({&block, metric, 0, 0, 0, 0});
    } else if (row_seq < all[place[metric]].row_seq) {
      return;
    }
    all[place[metric]] = {&block, metric, rows.step[row], rows.time_ms[row], row_seq, number(type, value)};
  });
}

std::vector<Column> columns(const Blocks& blocks) {
  const auto rows = std::make_shared<std::vector<Last>>();
  for (const auto& block : blocks) {
    if (!block->of_host()) add_lasts(*block, *rows);
  }
  std::vector<Column> all;
  all.push_back(low_cardinality_column(
      "metric", *rows, [](const Last& last) { return std::string_view(last.block->metrics[last.metric]); }));
  all.push_back(
      uuid_column("run", *rows, [](const Last& last) { return std::span(last.block->origin.run); }));
  all.push_back(fixed_column<uint32_t>("rank", "UInt32", *rows,
                                       [](const Last& last) { return last.block->origin.rank; }));
  all.push_back(fixed_column<int64_t>("step", "Int64", *rows, [](const Last& last) { return last.step; }));
  all.push_back(
      fixed_column<int64_t>("time", kDateTime, *rows, [](const Last& last) { return last.time_ms; }));
  all.push_back(fixed_column<double>("value", "Float64", *rows, [](const Last& last) { return last.value; }));
  all.push_back(fixed_column<uint64_t>("version", "UInt64", *rows, [](const Last& last) {
    return codec::row_version(last.block->origin.attempt, last.row_seq);
  }));
  all.back().fill = [rows, fill = std::move(all.back().fill)](Out& out) { fill(out); };
  return all;
}

}  // namespace

constexpr Table kLasts = {"lasts", count, columns, true};

}  // namespace stepwell::native
