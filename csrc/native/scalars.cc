// The scalars table: a wide table's columns one after the other, so that rows come out sorted by metric and
// step and most of the work is copying whole columns.
#include <algorithm>
#include <bit>
#include <iterator>

#include "native/tables.h"

namespace stepwell::native {

namespace {

using codec::Block;
using codec::CellType;
using codec::LongTable;
using codec::RowColumns;
using codec::WideTable;

// Without those whose rows are samples of a host.
std::shared_ptr<const Blocks> blocks_of_metrics(const Blocks& blocks) {
  auto chosen = std::make_shared<Blocks>();
  std::copy_if(blocks.begin(), blocks.end(), std::back_inserter(*chosen),
               [](const auto& block) { return !block->of_host(); });
  return chosen;
}

uint64_t count(const Blocks& blocks) {
  uint64_t rows = 0;
  for (const auto& block : blocks) rows += block->points;
  return rows;
}

// wide(block, table, column) for each column of each table, then cells(block, table) for each long table.
template <typename Wide, typename Long>
void for_each(const Blocks& blocks, Wide wide, Long cells) {
  for (const auto& block : blocks) {
    for (const WideTable& table : block->wide) {
      for (const WideTable::Column& column : table.columns) wide(*block, table, column);
    }
    for (const LongTable& table : block->longs) cells(*block, table);
  }
}

// A column with the same value for the whole block.
template <typename Put>
void per_block(const Blocks& blocks, Put put) {
  for (const auto& block : blocks) {
    for (uint64_t i = 0; i < block->points; ++i) put(*block);
  }
}

// One of the columns that every row has, repeated for each of its cells.
Column row_column(const Blocks& blocks, uint64_t rows, std::string name, std::string type,
                  std::vector<uint64_t> RowColumns::* member) {
  return {std::move(name), std::move(type), rows * sizeof(uint64_t), [&blocks, member](Out& out) {
            for_each(
                blocks,
                [&](const Block&, const WideTable& table, const WideTable::Column&) {
                  const auto& values = table.rows.*member;
                  out.raw(values.data(), values.size() * sizeof(uint64_t));
                },
                [&](const Block&, const LongTable& table) {
                  for (size_t row = 0; row < table.rows.size(); ++row) {
                    out.repeat((table.rows.*member)[row], table.cells_of_row[row]);
                  }
                });
          }};
}

// An integer beyond 2^53 becomes the nearest double; its exact value stays in the block.
uint64_t double_bits(CellType type, uint64_t value) {
  if (type == CellType::kF64) return value;
  return std::bit_cast<uint64_t>(static_cast<double>(static_cast<int64_t>(value)));
}

void fill_values(const Blocks& blocks, Out& out) {
  for_each(
      blocks,
      [&](const Block&, const WideTable&, const WideTable::Column& column) {
        if (column.type == CellType::kF64) {
          out.raw(column.values.data(), column.values.size() * sizeof(uint64_t));
        } else {
          for (const uint64_t value : column.values) out.put(double_bits(column.type, value));
        }
      },
      [&](const Block&, const LongTable& table) {
        for (size_t i = 0; i < table.value.size(); ++i) out.put(double_bits(table.type[i], table.value[i]));
      });
}

void fill_versions(const Blocks& blocks, Out& out) {
  for_each(
      blocks,
      [&](const Block& block, const WideTable& table, const WideTable::Column&) {
        const uint64_t base = codec::row_version(block.origin.attempt, 0);
        for (const uint64_t seq : table.rows.row_seq) out.put(base | seq);
      },
      [&](const Block& block, const LongTable& table) {
        for (size_t row = 0; row < table.rows.size(); ++row) {
          out.repeat(codec::row_version(block.origin.attempt, table.rows.row_seq[row]),
                     table.cells_of_row[row]);
        }
      });
}

// Index columns of the dictionary for Index = uint8_t, uint16_t or uint32_t.
template <typename Index>
void fill_indexes(const Blocks& blocks, const std::vector<std::vector<uint32_t>>& numbers, Out& out) {
  size_t at = 0;
  for (const auto& block : blocks) {
    const std::vector<uint32_t>& number = numbers[at++];
    for (const WideTable& table : block->wide) {
      for (const auto& column : table.columns) {
        out.repeat(static_cast<Index>(number[column.metric]), table.rows.size());
      }
    }
    for (const LongTable& table : block->longs) {
      for (const uint32_t metric : table.metric) out.put(static_cast<Index>(number[metric]));
    }
  }
}

Column metric_column(const Blocks& blocks, uint64_t rows) {
  Dictionary dictionary;
  std::vector<std::vector<uint32_t>> numbers;  // dictionary index by block and metric
  numbers.reserve(blocks.size());
  for (const auto& block : blocks) {
    auto& of_block = numbers.emplace_back();
    of_block.reserve(block->metrics.size());
    for (const std::string& name : block->metrics) of_block.push_back(dictionary.add(name));
  }
  const size_t bytes = dictionary.bytes(rows);
  return {"metric", kLowCardinality, bytes,
          [&blocks, rows, dictionary = std::move(dictionary), numbers = std::move(numbers)](Out& out) {
            dictionary.write_keys(out, rows);
            switch (dictionary.index_width()) {
              case 1:
                return fill_indexes<uint8_t>(blocks, numbers, out);
              case 2:
                return fill_indexes<uint16_t>(blocks, numbers, out);
              default:
                return fill_indexes<uint32_t>(blocks, numbers, out);
            }
          }};
}

std::vector<Column> columns(const Blocks& all_blocks) {
  const auto mine = blocks_of_metrics(all_blocks);
  const Blocks& blocks = *mine;
  const uint64_t rows = count(blocks);
  std::vector<Column> all;
  all.push_back({"run", "UUID", rows * 16, [&blocks](Out& out) {
                   per_block(blocks, [&, last = static_cast<const Block*>(nullptr),
                                      halves = std::pair<uint64_t, uint64_t>()](const Block& block) mutable {
                     if (&block != last) halves = uuid_halves(block.origin.run);
                     last = &block;
                     out.put(halves.first);
                     out.put(halves.second);
                   });
                 }});
  all.push_back(metric_column(blocks, rows));
  all.push_back({"rank", "UInt32", rows * sizeof(uint32_t), [&blocks](Out& out) {
                   per_block(blocks, [&](const Block& block) { out.put(block.origin.rank); });
                 }});
  all.push_back(row_column(blocks, rows, "step", "Int64", &RowColumns::step));
  all.push_back(row_column(blocks, rows, "at", "Int64", &RowColumns::at));
  all.push_back(row_column(blocks, rows, "time", kDateTime, &RowColumns::time_ms));
  all.push_back(
      {"value", "Float64", rows * sizeof(double), [&blocks](Out& out) { fill_values(blocks, out); }});
  all.push_back(
      {"version", "UInt64", rows * sizeof(uint64_t), [&blocks](Out& out) { fill_versions(blocks, out); }});
  all.back().fill = [mine, fill = std::move(all.back().fill)](Out& out) { fill(out); };
  return all;
}

uint64_t count_points(const Block& block) { return block.of_host() ? 0 : block.points; }

}  // namespace

constexpr Table kScalars = {"scalars", count_points, columns};

}  // namespace stepwell::native
