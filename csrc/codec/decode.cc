#include "codec/decode.h"

#include <algorithm>

#include "codec/column.h"
#include "codec/header.h"
#include "codec/record_check.h"

namespace stepwell::codec {

namespace {

class Decoder {
 public:
  explicit Decoder(Bytes body) : in_(body) {}

  Block decode() {
    read_origin();
    read_metrics();
    const uint64_t tables = in_.count(in_.left(), "the number of tables");
    for (uint64_t i = 0; i < tables; ++i) read_wide();
    read_long();
    read_records();
    read_host();
    in_.finish("a block");
    return std::move(block_);
  }

 private:
  void read_origin() {
    Origin& origin = block_.origin;
    origin.project = in_.text(kMaxNameBytes, "the length of a project");
    origin.id = in_.text(kMaxNameBytes, "the length of a run id");
    const Bytes run = in_.raw(origin.run.size());
    std::copy(run.begin(), run.end(), origin.run.begin());
    origin.rank = static_cast<uint32_t>(in_.count(UINT32_MAX, "rank"));
    origin.attempt = static_cast<uint32_t>(in_.count(kMaxAttempt, "attempt"));
    origin.writer = in_.fixed<uint64_t>();
    origin.created_ms = static_cast<int64_t>(in_.svarint());
    block_.first_seq = in_.count(kMaxSeq, "first_seq");
    block_.last_seq = in_.count(kMaxSeq, "last_seq");
    check_origin(origin);
    if (block_.first_seq > block_.last_seq) throw FormatError("first_seq is after last_seq");
  }

  void read_metrics() {
    const uint64_t n = in_.count(std::min<uint64_t>(in_.left(), kMaxMetrics), "the number of metrics");
    block_.metrics.reserve(n);
    for (uint64_t i = 0; i < n; ++i) {
      const auto name = in_.text(ring::kMetricNameMax, "the length of a metric name");
      check_metric(name);
      block_.metrics.emplace_back(name);
    }
  }

  // How many rows, out of what the block may still claim.
  uint64_t take_rows() {
    const uint64_t n = in_.count(kMaxRows - block_.rows, "the number of rows");
    block_.rows += n;
    return n;
  }
  void take_points(uint64_t n) {
    if (n > kMaxPoints - block_.points) throw FormatError("a block claims more than 2^20 points");
    block_.points += n;
  }

  std::vector<uint64_t> ints(uint64_t n) {
    std::vector<uint64_t> values(n);
    decode_ints(in_, values);
    return values;
  }

  std::vector<uint64_t> seqs(uint64_t n) {
    std::vector<uint64_t> values = ints(n);
    for (const uint64_t seq : values) {
      if (seq < block_.first_seq || seq > block_.last_seq) {
        throw FormatError("row_seq " + std::to_string(seq) + " is outside the block's own range");
      }
    }
    return values;
  }

  void read_rows(RowColumns& rows, uint64_t n) {
    rows.step = ints(n);
    rows.time_ms = ints(n);
    rows.row_seq = seqs(n);
    rows.at = ints(n);
  }

  uint32_t metric_number(uint64_t number) const {
    if (number >= block_.metrics.size())
      throw FormatError("a column of metric " + std::to_string(number) + ", which has no name");
    return static_cast<uint32_t>(number);
  }
  static CellType cell_type(uint64_t type) {
    if (type > static_cast<uint64_t>(CellType::kBool))
      throw FormatError("a column of unknown type " + std::to_string(type));
    return static_cast<CellType>(type);
  }
  static void check_bool(uint64_t value) {
    if (value > 1) throw FormatError("a boolean that is neither 0 nor 1");
  }

  void read_wide() {
    const uint64_t n = take_rows();
    if (n == 0) throw FormatError("a table without rows");
    const uint64_t columns = in_.count(in_.left() / 2, "the number of columns");
    if (columns == 0) throw FormatError("a table without columns");
    if (columns > kMaxPoints) throw FormatError("a block claims more than 2^20 points");
    take_points(n * columns);
    WideTable& table = block_.wide.emplace_back();
    table.columns.reserve(columns);
    for (uint64_t i = 0; i < columns; ++i) {
      const uint32_t metric = metric_number(in_.varint());
      table.columns.push_back({metric, cell_type(in_.u8()), {}});
    }
    read_rows(table.rows, n);
    for (auto& column : table.columns) {
      column.values.resize(n);
      if (column.type == CellType::kF64) {
        decode_doubles(in_, column.values);
      } else {
        decode_ints(in_, column.values);
      }
      if (column.type == CellType::kBool)
        std::for_each(column.values.begin(), column.values.end(), check_bool);
    }
  }

  void read_long() {
    const uint64_t n = take_rows();
    if (n == 0) return;
    const uint64_t cells = in_.count(kMaxPoints, "the number of cells");
    take_points(cells);
    LongTable& table = block_.longs.emplace_back();
    read_rows(table.rows, n);
    uint64_t sum = 0;
    for (const uint64_t of_row : ints(n)) {
      if (of_row == 0 || of_row > cells - sum)
        throw FormatError("the rows of a long table do not share its cells");
      table.cells_of_row.push_back(static_cast<uint32_t>(of_row));
      sum += of_row;
    }
    if (sum != cells) throw FormatError("the rows of a long table do not share its cells");
    for (const uint64_t number : ints(cells)) table.metric.push_back(metric_number(number));
    for (const uint64_t type : ints(cells)) table.type.push_back(cell_type(type));
    table.value.resize(cells);
    decode_doubles(in_, table.value);
    for (uint64_t i = 0; i < cells; ++i) {
      if (table.type[i] == CellType::kBool) check_bool(table.value[i]);
    }
  }

  void read_records() {
    const uint64_t n = in_.count(kMaxRecords, "the number of records");
    block_.part_ends.push_back(0);
    if (n == 0) return;
    const std::vector<uint64_t> kinds = ints(n);
    const std::vector<uint64_t> steps = ints(n);
    const std::vector<uint64_t> times = ints(n);
    const std::vector<uint64_t> row_seqs = seqs(n);
    block_.records.reserve(n);
    uint64_t parts = 0;
    for (uint64_t i = 0; i < n; ++i) {
      const auto kind = static_cast<Kind>(std::min<uint64_t>(kinds[i], UINT16_MAX));
      const uint32_t of_kind = ring::parts_of(kind);
      if (of_kind == 0) throw FormatError("records of kind " + std::to_string(kinds[i]) + " are not known");
      block_.records.push_back({kind, row_seqs[i], static_cast<int64_t>(steps[i]),
                                static_cast<int64_t>(times[i]), of_kind, parts});
      parts += of_kind;
    }
    read_parts(parts);
  }

  void read_parts(uint64_t n) {
    const std::vector<uint64_t> lengths = ints(n);
    const std::string_view bytes = in_.text(in_.left(), "the length of the records");
    uint64_t end = 0;
    block_.part_ends.reserve(n + 1);
    for (const uint64_t length : lengths) {
      if (length > bytes.size() - end) throw FormatError("a record reaches beyond the bytes of its block");
      end += length;
      block_.part_ends.push_back(end);
    }
    if (end != bytes.size()) throw FormatError("bytes of records that belong to none");
    block_.part_bytes = bytes;
    std::array<std::string_view, ring::kPartsMax> parts;
    for (const Record& record : block_.records) {
      for (uint32_t i = 0; i < record.parts; ++i) parts[i] = block_.part(record, i);
      check_parts(record.kind, std::span(parts).first(record.parts));
    }
  }

  // What comes behind the records, if anything does.
  void read_host() {
    if (in_.left() == 0) return;
    block_.origin.host = in_.text(kMaxHostBytes, "the length of a host");
    if (!block_.of_host()) throw FormatError("a host without a name");
    check_origin(block_.origin);
    for (const std::string& name : block_.metrics) check_sample_name(name);
  }

  ByteReader in_;
  Block block_;
};

}  // namespace

Block decode_body(Bytes body) {
  if (body.size() > kMaxBodyBytes) throw FormatError("a block's body is larger than 128 MiB");
  return Decoder(body).decode();
}

}  // namespace stepwell::codec
