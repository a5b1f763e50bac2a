// How a column of integers will be encoded, chosen on a sample, and doing so. Called by column.cc, for
// columns of integers and for doubles that were mapped to integers.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "codec/encodings.h"

namespace stepwell::codec {

// Some runs of neighbours of a column: all that is looked at before an encoding is chosen.
inline constexpr size_t kSampleMax = 256;
struct Sample {
  std::array<uint64_t, kSampleMax> values;
  size_t n = 0;       // values here
  size_t run = 0;     // neighbours in each run
  size_t column = 0;  // values of the column
  double apart = 0;   // bits of the column that these values do not stand for

  Values all() const { return std::span(values).first(n); }
};
Sample sample_of(Values column);

struct IntPlan {
  unsigned order = 0;  // differences to take
  uint64_t step = 1;   // divides the distances between the values
  double bits = 0;     // of the whole column, about
};
IntPlan plan_ints(const Sample& sample);

// Writes {u8 id, payload to the end}. The values may be anything, whatever the plan was made from. Returns
// the block version whose readers understand it.
uint16_t encode_planned(Values values, const IntPlan& plan, ByteWriter& out);

}  // namespace stepwell::codec
