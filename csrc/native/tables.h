// The tables that blocks become, with their columns exactly as the SQL of stores/migrations has them.
// One file a group of tables; batch.cc finds them through tables(). Called by batch.cc alone.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "codec/block.h"
#include "histogram/histogram.h"
#include "native/column.h"

namespace stepwell::native {

using Blocks = std::vector<std::shared_ptr<const codec::Block>>;

struct Table {
  std::string_view name;
  uint64_t (*rows)(const codec::Block& block);  // how many this block adds; null: the table has one row a run
  // The blocks must outlive the columns.
  std::vector<Column> (*columns)(const Blocks& blocks);
  bool derived = false;  // says again what rows of another table say: not counted among what was recorded
};

// In the order in which they are best inserted: who a run is before what it recorded.
std::span<const Table> tables();

extern const Table kRuns;
extern const Table kFields;
extern const Table kScalars;
extern const Table kLasts;
extern const Table kSystem;
extern const Table kTexts;
extern const Table kHistograms;
extern const Table kConsole;
extern const Table kEvents;
extern const Table kArtifacts;

// A record and the block it came in.
struct RecordRow {
  const codec::Block* block;
  const codec::Record* record;

  std::string_view part(uint32_t index) const { return block->part(*record, index); }
  const codec::Origin& origin() const { return block->origin; }
  uint64_t version() const { return codec::row_version(origin().attempt, record->row_seq); }
};

uint64_t count_records(const codec::Block& block, codec::Kind kind);
std::shared_ptr<const std::vector<RecordRow>> records_of(const Blocks& blocks, codec::Kind kind);

}  // namespace stepwell::native
