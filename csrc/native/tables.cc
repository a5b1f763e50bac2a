#include "native/tables.h"

#include <algorithm>

namespace stepwell::native {

std::span<const Table> tables() {
  static const std::array kAll = {kRuns,  kFields,     kScalars, kLasts,  kSystem,
                                  kTexts, kHistograms, kConsole, kEvents, kArtifacts};
  return kAll;
}

uint64_t count_records(const codec::Block& block, codec::Kind kind) {
  return static_cast<uint64_t>(
      std::count_if(block.records.begin(), block.records.end(),
                    [kind](const codec::Record& record) { return record.kind == kind; }));
}

std::shared_ptr<const std::vector<RecordRow>> records_of(const Blocks& blocks, codec::Kind kind) {
  auto rows = std::make_shared<std::vector<RecordRow>>();
  for (const auto& block : blocks) {
    for (const codec::Record& record : block->records) {
      if (record.kind == kind) rows->push_back({block.get(), &record});
    }
  }
  return rows;
}

}  // namespace stepwell::native
