// What the ring's tests share: a folder of their own, a producer over it, a visitor that keeps what it was
// given.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ring/consumer.h"
#include "ring/producer.h"

namespace stepwell::ring {

struct SeenRow {
  std::uint64_t row_seq;
  std::int64_t step;
  std::int64_t time_ms;
  std::vector<std::pair<std::string, std::uint64_t>> cells;
  bool operator==(const SeenRow&) const = default;
};

struct SeenParts {
  Kind kind;
  std::uint64_t row_seq;
  std::vector<std::string> parts;
  bool operator==(const SeenParts&) const = default;
};

struct Seen {
  std::vector<SeenRow> rows;
  std::vector<SeenParts> records;
};

class Keeper : public RecordVisitor, public Seen {
 public:
  explicit Keeper(const Consumer& consumer) : consumer_(consumer) {}
  void row(const Row& row) override {
    SeenRow seen = {row.row_seq, row.step, row.time_ms, {}};
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      seen.cells.emplace_back(consumer_.metric(cell_metric(row.cells[i])), row.values[i]);
    }
    rows.push_back(std::move(seen));
  }
  void parts(const Parts& record) override {
    records.push_back({record.kind, record.row_seq, {record.parts.begin(), record.parts.end()}});
  }

 private:
  const Consumer& consumer_;
};

class RingTest : public testing::Test {
 protected:
  RingTest() {
    std::string name = testing::TempDir() + "ring-XXXXXX";
    folder_ = mkdtemp(name.data());
    std::filesystem::create_directory(folder_ + "/mailbox");
  }
  ~RingTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string mailbox() const { return folder_ + "/mailbox"; }
  [[nodiscard]] std::string fallback() const { return folder_ + "/rings"; }

  [[nodiscard]] ProducerOptions options(std::uint64_t ring_bytes, std::uint64_t ring_bytes_max) const {
    ProducerOptions options;
    options.mailbox = mailbox();
    options.fallback = fallback();
    options.identity = R"({"project":"p","id":"r"})";
    for (std::uint8_t i = 0; i < 16; ++i) options.run[i] = i;
    options.rank = 3;
    options.attempt = 77;
    options.ring_bytes = ring_bytes;
    options.child_ring_bytes = kDataBytesMin;
    options.ring_bytes_min = kDataBytesMin;
    options.ring_bytes_max = ring_bytes_max;
    options.share_max = 1.0;
    return options;
  }
  [[nodiscard]] ProducerOptions options(std::uint64_t ring_bytes = kDataBytesMin) const {
    return options(ring_bytes, ring_bytes);
  }

  [[nodiscard]] std::vector<std::string> rings() const {
    std::vector<std::string> found;
    for (const std::string& folder : {mailbox(), fallback()}) {
      if (!std::filesystem::exists(folder)) continue;
      for (const auto& entry : std::filesystem::directory_iterator(folder)) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  std::string folder_;
};

/// A row of n metrics m0, m1, ... with values first, first + 1, ...
inline Batch row_batch(Producer& producer, std::uint32_t n, std::uint64_t first) {
  std::vector<std::uint32_t> cells;
  std::vector<std::uint64_t> values;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (i >= producer.metrics()) producer.add_metric("m" + std::to_string(i));
    cells.push_back(make_cell(i, CellType::kI64));
    values.push_back(first + i);
  }
  Batch batch;
  batch.add_row(cells, values);
  return batch;
}

inline Batch parts_batch(Kind kind, const std::vector<std::string>& parts) {
  Batch batch;
  const std::vector<std::string_view> views(parts.begin(), parts.end());
  batch.add_parts(kind, views);
  return batch;
}

/// Everything published and not yet collected.
inline Seen collect_all(Consumer& consumer) {
  Keeper keeper(consumer);
  while (consumer.collect(UINT64_MAX, keeper) != 0) {
  }
  return Seen{std::move(keeper.rows), std::move(keeper.records)};
}

}  // namespace stepwell::ring
