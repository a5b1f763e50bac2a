// Feeds bytes to the block decoder and, when they are a block, lays out every table of it.
// Run: cmake -DSTEPWELL_FUZZERS=ON with clang, STEPWELL_SANITIZE=address,undefined; ./block_decode_fuzz
// -max_len=4096
#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/header.h"
#include "native/batch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace codec = stepwell::codec;
  namespace native = stepwell::native;
  try {
    codec::read_header({data, size});
  } catch (const codec::FormatError&) {
    // Not a header; it may still be a body.
  }
  native::Batch batch;
  try {
    batch.add({data, size});
  } catch (const codec::FormatError&) {
    if (batch.total_rows() != 0) __builtin_trap();
    return 0;
  }
  if (batch.total_rows() > 100'000) return 0;  // constants by the million: slow, and nothing new
  for (const native::Table& table : native::tables()) {
    const native::Plan plan = batch.plan(table.name);
    std::vector<uint8_t> memory(plan.bytes());
    plan.fill(memory.data());
  }
  return 0;
}
