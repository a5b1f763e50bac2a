#include "codec/collect.h"

#include <exception>
#include <string_view>
#include <vector>

namespace stepwell::codec {

namespace {

constexpr uint32_t kUnknown = ~0U;

// Thrown through Consumer::collect, which then stays before the record.
struct Full : std::exception {};

class Visitor : public ring::RecordVisitor {
 public:
  Visitor(const ring::Consumer& consumer, BlockBuilder& builder) : consumer_(consumer), builder_(builder) {}

  void row(const ring::Row& row) override {
    if (!builder_.has_room(row.cells.size(), 0)) throw Full{};
    cells_.clear();
    try {
      for (const uint32_t cell : row.cells) {
        cells_.push_back(ring::make_cell(number(ring::cell_metric(cell)), ring::cell_type(cell)));
      }
      builder_.add_row({row.row_seq, row.step, row.time_ms}, cells_, row.values);
    } catch (const FormatError&) {
      builder_.refuse();
    }
  }

  void parts(const ring::Parts& record) override {
    size_t bytes = 0;
    for (const std::string_view part : record.parts) bytes += part.size();
    if (!builder_.has_room(0, bytes)) throw Full{};
    try {
      builder_.add_record(record.kind, record.parts, {record.row_seq, record.step, record.time_ms});
    } catch (const FormatError&) {
      builder_.refuse();
    }
  }

 private:
  // The builder's number for a ring's metric id, found by name once a call.
  uint32_t number(uint32_t id) {
    if (id >= numbers_.size()) numbers_.resize(id + 1, kUnknown);
    if (numbers_[id] == kUnknown) numbers_[id] = builder_.metric(consumer_.metric(id));
    return numbers_[id];
  }

  const ring::Consumer& consumer_;
  BlockBuilder& builder_;
  std::vector<uint32_t> numbers_;
  std::vector<uint32_t> cells_;
};

}  // namespace

uint64_t collect(ring::Consumer& consumer, BlockBuilder& builder, uint64_t max_bytes) {
  Visitor visitor(consumer, builder);
  const uint64_t before = consumer.collected_bytes();
  try {
    return consumer.collect(max_bytes, visitor);
  } catch (const Full&) {
    return consumer.collected_bytes() - before;
  }
}

}  // namespace stepwell::codec
