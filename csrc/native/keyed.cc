// Tables whose rows are keyed by who wrote them (console, events, artifacts), and by name (fields, runs).
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "codec/record_check.h"
#include "native/tables.h"

namespace stepwell::native {

namespace {

using codec::Kind;
using Rows = std::vector<RecordRow>;

void keep(std::vector<Column>& all, std::shared_ptr<const void> owner) {
  all.back().fill = [owner = std::move(owner), fill = std::move(all.back().fill)](Out& out) { fill(out); };
}

std::span<const uint8_t, 16> run_of(const RecordRow& row) { return row.origin().run; }

// What the tables of records begin with: their key and the rank.
void add_key(std::vector<Column>& all, const Rows& rows) {
  all.push_back(uuid_column("run", rows, run_of));
  all.push_back(fixed_column<uint64_t>("writer", "UInt64", rows,
                                       [](const RecordRow& row) { return row.origin().writer; }));
  all.push_back(fixed_column<uint64_t>("row_seq", "UInt64", rows,
                                       [](const RecordRow& row) { return row.record->row_seq; }));
  all.push_back(
      fixed_column<uint32_t>("rank", "UInt32", rows, [](const RecordRow& row) { return row.origin().rank; }));
}

Column step_column(const Rows& rows) {
  return fixed_column<int64_t>("step", "Int64", rows, [](const RecordRow& row) { return row.record->step; });
}

Column time_column(const Rows& rows) {
  return fixed_column<int64_t>("time", kDateTime, rows,
                               [](const RecordRow& row) { return row.record->time_ms; });
}

Column version_column(const Rows& rows) {
  return fixed_column<uint64_t>("version", "UInt64", rows,
                                [](const RecordRow& row) { return row.version(); });
}

Column part_column(const char* name, const Rows& rows, uint32_t part) {
  return text_column(name, rows, [part](const RecordRow& row) { return row.part(part); });
}

Column low_part_column(const char* name, const Rows& rows, uint32_t part) {
  return low_cardinality_column(name, rows, [part](const RecordRow& row) { return row.part(part); });
}

std::vector<Column> console_columns(const Blocks& blocks) {
  const auto rows = records_of(blocks, Kind::kConsole);
  std::vector<Column> all;
  add_key(all, *rows);
  all.push_back(fixed_column<uint8_t>("stream", "UInt8", *rows,
                                      [](const RecordRow& row) { return row.part(0)[0] - '0'; }));
  all.push_back(time_column(*rows));
  all.push_back(part_column("text", *rows, 1));
  all.push_back(version_column(*rows));
  keep(all, rows);
  return all;
}

std::vector<Column> event_columns(const Blocks& blocks) {
  const auto rows = records_of(blocks, Kind::kEvent);
  std::vector<Column> all;
  add_key(all, *rows);
  all.push_back(fixed_column<uint32_t>("attempt", "UInt32", *rows,
                                       [](const RecordRow& row) { return row.origin().attempt; }));
  all.push_back(low_part_column("kind", *rows, 0));
  all.push_back(step_column(*rows));
  all.push_back(time_column(*rows));
  all.push_back(part_column("body", *rows, 1));
  all.push_back(version_column(*rows));
  keep(all, rows);
  return all;
}

// A record in the ring only announces: the row that says "complete" comes with the commit.
std::vector<Column> artifact_columns(const Blocks& blocks) {
  const auto rows = records_of(blocks, Kind::kCheckpoint);
  std::vector<Column> all;
  add_key(all, *rows);
  all.push_back(step_column(*rows));
  all.push_back(time_column(*rows));
  all.push_back(low_part_column("kind", *rows, 0));
  all.push_back(part_column("name", *rows, 1));
  all.push_back(
      low_cardinality_column("state", *rows, [](const RecordRow&) { return std::string_view("staged"); }));
  all.push_back(fixed_column<uint64_t>("size", "UInt64", *rows,
                                       [](const RecordRow& row) { return codec::decimal(row.part(4)); }));
  all.push_back(part_column("files", *rows, 2));
  all.push_back(part_column("metadata", *rows, 3));
  all.push_back(version_column(*rows));
  keep(all, rows);
  return all;
}

double number_of(const RecordRow& row) {
  const std::string_view bytes = row.part(3);
  double number = std::numeric_limits<double>::quiet_NaN();
  if (bytes.size() == sizeof number) std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

std::vector<Column> field_columns(const Blocks& blocks) {
  const auto rows = records_of(blocks, Kind::kField);
  std::vector<Column> all;
  all.push_back(part_column("key", *rows, 0));
  all.push_back(uuid_column("run", *rows, run_of));
  all.push_back(part_column("str", *rows, 1));
  all.push_back(fixed_column<double>("num", "Float64", *rows, number_of));
  all.push_back(low_part_column("source", *rows, 2));
  all.push_back(version_column(*rows));
  keep(all, rows);
  return all;
}

// One row a run, the earliest origin of the batch.
std::vector<const codec::Origin*> distinct_runs(const Blocks& blocks) {
  std::map<std::array<uint8_t, 16>, const codec::Origin*> earliest;
  for (const auto& block : blocks) {
    const auto [entry, added] = earliest.try_emplace(block->origin.run, &block->origin);
    if (!added && block->origin.created_ms < entry->second->created_ms) entry->second = &block->origin;
  }
  std::vector<const codec::Origin*> runs;
  runs.reserve(earliest.size());
  for (const auto& [run, origin] : earliest) runs.push_back(origin);
  return runs;
}

std::vector<Column> run_columns(const Blocks& blocks) {
  using Run = const codec::Origin*;
  const auto runs = std::make_shared<const std::vector<Run>>(distinct_runs(blocks));
  std::vector<Column> all;
  all.push_back(uuid_column("run", *runs, [](Run run) { return std::span(run->run); }));
  all.push_back(text_column("project", *runs, [](Run run) { return std::string_view(run->project); }));
  all.push_back(text_column("id", *runs, [](Run run) { return std::string_view(run->id); }));
  // The first half of the uuid spreads runs over shards as any hash would.
  all.push_back(fixed_column<uint32_t>("shard", "UInt32", *runs,
                                       [](Run run) { return uuid_halves(run->run).first >> 32; }));
  all.push_back(fixed_column<int64_t>("created", kDateTime, *runs, [](Run run) { return run->created_ms; }));
  // The earliest wins: versions fall as time grows.
  all.push_back(fixed_column<uint64_t>("version", "UInt64", *runs, [](Run run) {
    return (1ULL << 63) - static_cast<uint64_t>(run->created_ms);
  }));
  keep(all, runs);
  return all;
}

template <Kind kKind>
uint64_t count(const codec::Block& block) {
  return count_records(block, kKind);
}

}  // namespace

constexpr Table kConsole = {"console", count<Kind::kConsole>, console_columns};
constexpr Table kEvents = {"events", count<Kind::kEvent>, event_columns};
constexpr Table kArtifacts = {"artifacts", count<Kind::kCheckpoint>, artifact_columns};
constexpr Table kFields = {"fields", count<Kind::kField>, field_columns};
constexpr Table kRuns = {"runs", nullptr, run_columns};

}  // namespace stepwell::native
