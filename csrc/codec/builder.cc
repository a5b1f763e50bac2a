#include "codec/builder.h"

#include <algorithm>
#include <bit>

#include "codec/column.h"
#include "codec/record_check.h"
#include "codec/utf8.h"

namespace stepwell::codec {

namespace {

constexpr size_t kMaxSets = 64;                       // metric sets with a table of their own
constexpr uint64_t kTargetBytes = kMaxBodyBytes / 4;  // has_room says no beyond it, unless empty
constexpr uint32_t kNowhere = ~0U;

void append(RowColumns& rows, const RowStamp& stamp) {
  rows.step.push_back(static_cast<uint64_t>(stamp.step));
  rows.time_ms.push_back(static_cast<uint64_t>(stamp.time_ms));
  rows.row_seq.push_back(stamp.row_seq);
  rows.at.push_back(static_cast<uint64_t>(stamp.at));
}

}  // namespace

// Writes columns, and keeps in mind who will be able to read them.
class ColumnWriter {
 public:
  explicit ColumnWriter(ByteWriter& out) : out_(out) {}

  void ints(std::span<const uint64_t> values) { need(encode_ints(values, out_)); }
  void doubles(std::span<const uint64_t> values) { need(encode_doubles(values, out_)); }
  void rows(const RowColumns& rows) {
    ints(rows.step);
    ints(rows.time_ms);
    ints(rows.row_seq);
    ints(rows.at);
  }
  // A column of small numbers kept in a narrower type.
  template <typename T>
  void numbers(const std::vector<T>& narrow) {
    std::vector<uint64_t> wide(narrow.size());
    std::transform(narrow.begin(), narrow.end(), wide.begin(), [](T n) { return static_cast<uint64_t>(n); });
    ints(wide);
  }

  ByteWriter& bytes() { return out_; }
  uint16_t min_reader() const { return min_reader_; }
  void need(uint16_t version) { min_reader_ = std::max(min_reader_, version); }

 private:
  ByteWriter& out_;
  uint16_t min_reader_ = kFirstVersion;
};

// One metric set: its rows lie one behind the other as they were logged, and are turned into columns at the
// end.
struct BlockBuilder::Set {
  std::vector<uint32_t> cells;     // as logged: the key
  std::vector<uint32_t> position;  // of each column in a logged row; a repeated metric keeps the last
  RowColumns rows;
  std::vector<uint64_t> values;  // rows x cells

  void write(ColumnWriter& columns) const {
    const size_t n = rows.size();
    ByteWriter& out = columns.bytes();
    out.varint(n);
    out.varint(position.size());
    for (const uint32_t at : position) {
      out.varint(ring::cell_metric(cells[at]));
      out.u8(static_cast<uint8_t>(ring::cell_type(cells[at])));
    }
    columns.rows(rows);
    std::vector<uint64_t> column(n);
    for (const uint32_t at : position) {
      for (size_t row = 0; row < n; ++row) column[row] = values[row * cells.size() + at];
      if (ring::cell_type(cells[at]) == CellType::kF64) {
        columns.doubles(column);
      } else {
        columns.ints(column);
      }
    }
  }
};

size_t BlockBuilder::SetHash::operator()(std::span<const uint32_t> cells) const {
  uint64_t hash = cells.size();
  for (const uint32_t cell : cells) hash = (std::rotl(hash, 23) ^ cell) * 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 32);
}

bool BlockBuilder::SetEqual::operator()(std::span<const uint32_t> a, std::span<const uint32_t> b) const {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

BlockBuilder::BlockBuilder(Origin origin) : origin_(std::move(origin)) { check_origin(origin_); }

BlockBuilder::~BlockBuilder() = default;

uint32_t BlockBuilder::metric(std::string_view name) {
  if (const auto found = numbers_.find(name); found != numbers_.end()) return found->second;
  check_metric(name);
  if (!origin_.host.empty()) check_sample_name(name);
  if (names_.size() >= kMaxMetrics || name_bytes_ > kMaxBodyBytes / 2) {
    throw FormatError("the block holds as many metric names as it can: encode it first");
  }
  const auto number = static_cast<uint32_t>(names_.size());
  const auto [entry, added] = numbers_.emplace(std::string(name), number);
  names_.push_back(entry->first);
  name_bytes_ += name.size() + 2;
  return number;
}

bool BlockBuilder::has_room(size_t cells, size_t bytes) const {
  if (records() == 0) return cells <= kMaxPoints;
  const uint64_t held = part_bytes_.size() + name_bytes_ + 10 * points_;
  return points_ + cells <= kMaxPoints && rows_ < kMaxRows && records_.size() < kMaxRecords &&
         held + bytes + 10 * cells <= kTargetBytes;
}

void BlockBuilder::note(uint64_t row_seq) {
  if (records() == 0) {
    first_seq_ = last_seq_ = row_seq;
    return;
  }
  first_seq_ = std::min(first_seq_, row_seq);
  last_seq_ = std::max(last_seq_, row_seq);
}

BlockBuilder::Set* BlockBuilder::set_of(std::span<const uint32_t> cells) {
  if (last_set_ != nullptr && SetEqual{}(last_set_->cells, cells)) return last_set_;
  if (const auto found = by_cells_.find(cells); found != by_cells_.end()) return last_set_ = found->second;
  if (sets_.size() >= kMaxSets) return nullptr;
  auto set = std::make_unique<Set>();
  set->cells.assign(cells.begin(), cells.end());
  std::vector<uint32_t> last(names_.size(), kNowhere);
  for (size_t i = 0; i < cells.size(); ++i) last[ring::cell_metric(cells[i])] = static_cast<uint32_t>(i);
  for (size_t i = 0; i < cells.size(); ++i) {
    if (last[ring::cell_metric(cells[i])] == i) set->position.push_back(static_cast<uint32_t>(i));
  }
  last_set_ = sets_.emplace_back(std::move(set)).get();
  by_cells_.emplace(last_set_->cells, last_set_);
  return last_set_;
}

size_t BlockBuilder::add_long(std::span<const uint32_t> cells, std::span<const uint64_t> values) {
  long_position_.resize(names_.size(), kNowhere);
  const size_t begin = long_.metric.size();
  for (size_t i = 0; i < cells.size(); ++i) {
    const uint32_t number = ring::cell_metric(cells[i]);
    const uint32_t at = long_position_[number];
    // A position from an earlier row, or of another metric since, is not this row's.
    if (at != kNowhere && at >= begin && at < long_.metric.size() && long_.metric[at] == number) {
      long_.type[at] = ring::cell_type(cells[i]);
      long_.value[at] = values[i];
      continue;
    }
    long_position_[number] = static_cast<uint32_t>(long_.metric.size());
    long_.metric.push_back(number);
    long_.type.push_back(ring::cell_type(cells[i]));
    long_.value.push_back(values[i]);
  }
  const size_t added = long_.metric.size() - begin;
  long_.cells_of_row.push_back(static_cast<uint32_t>(added));
  return added;
}

void BlockBuilder::add_row(const RowStamp& stamp, std::span<const uint32_t> cells,
                           std::span<const uint64_t> values) {
  check_seq(stamp.row_seq);
  if (cells.empty() || cells.size() != values.size()) throw FormatError("a row needs at least one cell");
  if (!has_room(cells.size(), 0)) throw FormatError("the block is full: encode it first");
  for (const uint32_t cell : cells) {
    if (ring::cell_metric(cell) >= names_.size() || ring::cell_type(cell) > CellType::kBool) {
      throw FormatError("a row names a metric or type that does not exist");
    }
  }
  note(stamp.row_seq);
  if (Set* set = set_of(cells); set != nullptr) {
    append(set->rows, stamp);
    set->values.insert(set->values.end(), values.begin(), values.end());
    points_ += set->position.size();
  } else {
    points_ += add_long(cells, values);
    append(long_.rows, stamp);
  }
  ++rows_;
}

void BlockBuilder::add_record(Kind kind, std::span<const std::string_view> parts, const RowStamp& stamp) {
  check_seq(stamp.row_seq);
  size_t bytes = 0;
  for (const auto part : parts) bytes += part.size();
  if (!has_room(0, bytes) || bytes > kMaxBodyBytes / 2) {
    throw FormatError("a record of " + std::to_string(bytes) +
                      " bytes does not fit the block: encode it first");
  }
  const std::vector<std::string> clean = clean_parts(kind, parts);
  note(stamp.row_seq);
  records_.push_back({kind, stamp.row_seq, stamp.step, stamp.time_ms, static_cast<uint32_t>(clean.size()),
                      part_lengths_.size()});
  for (const std::string& part : clean) {
    part_lengths_.push_back(part.size());
    part_bytes_.insert(part_bytes_.end(), part.begin(), part.end());
  }
}

void BlockBuilder::write_records(ColumnWriter& columns) const {
  ByteWriter& out = columns.bytes();
  out.varint(records_.size());
  if (records_.empty()) return;
  std::vector<uint64_t> column(records_.size());
  const auto write = [&](auto value_of) {
    std::transform(records_.begin(), records_.end(), column.begin(), value_of);
    columns.ints(column);
  };
  write([](const Record& record) { return static_cast<uint64_t>(record.kind); });
  write([](const Record& record) { return static_cast<uint64_t>(record.step); });
  write([](const Record& record) { return static_cast<uint64_t>(record.time_ms); });
  write([](const Record& record) { return record.row_seq; });
  columns.ints(part_lengths_);
  out.varint(part_bytes_.size());
  out.raw(part_bytes_.data(), part_bytes_.size());
}

void BlockBuilder::write_body(ColumnWriter& columns) const {
  ByteWriter& out = columns.bytes();
  out.text(origin_.project);
  out.text(origin_.id);
  out.raw(origin_.run.data(), origin_.run.size());
  out.varint(origin_.rank);
  out.varint(origin_.attempt);
  out.fixed(origin_.writer);
  out.svarint(static_cast<uint64_t>(origin_.created_ms));
  out.varint(first_seq_);
  out.varint(last_seq_);
  out.varint(names_.size());
  for (const auto name : names_) out.text(name);
  out.varint(sets_.size());
  for (const auto& set : sets_) set->write(columns);
  out.varint(long_.rows.size());
  if (long_.rows.size() != 0) {
    out.varint(long_.metric.size());
    columns.rows(long_.rows);
    columns.numbers(long_.cells_of_row);
    columns.numbers(long_.metric);
    columns.numbers(long_.type);
    columns.doubles(long_.value);
  }
  write_records(columns);
  if (origin_.host.empty()) return;
  columns.need(kHostVersion);
  out.text(origin_.host);
}

EncodedBlock BlockBuilder::encode() {
  ByteWriter out;
  ColumnWriter columns(out);
  write_body(columns);
  EncodedBlock block{header_of(out.bytes(), columns.min_reader()), out.take()};
  clear();
  return block;
}

void BlockBuilder::clear() {
  by_cells_.clear();
  sets_.clear();
  last_set_ = nullptr;
  names_.clear();
  numbers_.clear();
  long_ = {};
  long_position_.clear();
  records_.clear();
  part_lengths_.clear();
  part_bytes_.clear();
  rows_ = points_ = name_bytes_ = first_seq_ = last_seq_ = 0;
}

}  // namespace stepwell::codec
