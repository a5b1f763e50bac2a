// The other series of a run by step: texts and histograms.
#include "native/tables.h"

namespace stepwell::native {

namespace {

using codec::Kind;
using Rows = std::vector<RecordRow>;

// What the tables of series begin with: the key, and the time.
void add_key(std::vector<Column>& all, const Rows& rows) {
  all.push_back(uuid_column("run", rows, [](const RecordRow& row) { return std::span(row.origin().run); }));
  all.push_back(low_cardinality_column("metric", rows, [](const RecordRow& row) { return row.part(0); }));
  all.push_back(
      fixed_column<uint32_t>("rank", "UInt32", rows, [](const RecordRow& row) { return row.origin().rank; }));
  all.push_back(
      fixed_column<int64_t>("step", "Int64", rows, [](const RecordRow& row) { return row.record->step; }));
  all.push_back(fixed_column<int64_t>("at", "Int64", rows, [](const RecordRow&) { return 0; }));
  all.push_back(fixed_column<int64_t>("time", kDateTime, rows,
                                      [](const RecordRow& row) { return row.record->time_ms; }));
}

Column version_column(const Rows& rows) {
  return fixed_column<uint64_t>("version", "UInt64", rows,
                                [](const RecordRow& row) { return row.version(); });
}

// Keeps what the columns refer to alive in the last of them.
void keep(std::vector<Column>& all, std::shared_ptr<const void> owner) {
  all.back().fill = [owner = std::move(owner), fill = std::move(all.back().fill)](Out& out) { fill(out); };
}

uint64_t count_texts(const codec::Block& block) { return count_records(block, Kind::kText); }

std::vector<Column> text_columns(const Blocks& blocks) {
  const auto rows = records_of(blocks, Kind::kText);
  std::vector<Column> all;
  add_key(all, *rows);
  all.push_back(text_column("value", *rows, [](const RecordRow& row) { return row.part(1); }));
  all.push_back(version_column(*rows));
  keep(all, rows);
  return all;
}

uint64_t count_histograms(const codec::Block& block) { return count_records(block, Kind::kHistogram); }

std::vector<Column> histogram_columns(const Blocks& blocks) {
  using histogram::Histogram;
  const auto rows = records_of(blocks, Kind::kHistogram);
  auto parsed = std::make_shared<std::vector<Histogram>>();
  parsed->reserve(rows->size());
  for (const RecordRow& row : *rows) {
    const std::string_view bytes = row.part(1);
    parsed->push_back(histogram::decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}));
  }
  std::vector<Column> all;
  add_key(all, *rows);
  all.push_back(version_column(*rows));
  const auto add_number = [&](const char* name, auto member) {
    using T = std::decay_t<decltype(parsed->front().*member)>;
    const char* type = std::is_same_v<T, double> ? "Float64" : "UInt64";
    all.push_back(fixed_column<T>(name, type, *parsed, [member](const Histogram& h) { return h.*member; }));
  };
  add_number("count", &Histogram::count);
  add_number("sum", &Histogram::sum);
  add_number("sum2", &Histogram::sum2);
  add_number("min", &Histogram::min);
  add_number("max", &Histogram::max);
  add_number("nan", &Histogram::nan);
  add_number("pos_inf", &Histogram::pos_inf);
  add_number("neg_inf", &Histogram::neg_inf);
  all.push_back(array_column<uint16_t>("buckets", "Array(UInt16)", *parsed,
                                       [](const Histogram& h) -> const auto& { return h.buckets; }));
  all.push_back(array_column<uint64_t>("counts", "Array(UInt64)", *parsed,
                                       [](const Histogram& h) -> const auto& { return h.counts; }));
  all.push_back(array_column<double>("edges", "Array(Float64)", *parsed,
                                     [](const Histogram& h) -> const auto& { return h.edges; }));
  keep(all, rows);
  keep(all, parsed);
  return all;
}

}  // namespace

constexpr Table kTexts = {"texts", count_texts, text_columns};
constexpr Table kHistograms = {"histograms", count_histograms, histogram_columns};

}  // namespace stepwell::native
