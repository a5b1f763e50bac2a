// Ways of seeing doubles as integers, from which they come back bit for bit. The chooser (column.cc) asks
// each on a sample what its integers would take. One file for each kind; called by column.cc alone.
#pragma once

#include <cstdint>
#include <optional>

#include "codec/encodings.h"
#include "codec/plan.h"

namespace stepwell::codec {

struct Mapping {
  const Encoding* encoding;
  // Fills `ints`, like `doubles` in shape, and gives the mapping's parameter; nothing if it does not fit.
  std::optional<int> (*fit)(const Sample& doubles, Sample& ints);
  // Writes the payload, and returns the block version whose readers understand it; or writes nothing and
  // returns 0, if the whole column is not like the sample.
  uint16_t (*encode)(Values values, int parameter, const IntPlan& plan, ByteWriter& out);
};

extern const Mapping kOrderedMapping;       // any doubles
extern const Mapping kFloatOrderedMapping;  // doubles that are float32 values
extern const Mapping kDecimalMapping;       // few decimal places
extern const Mapping kDyadicMapping;        // whole numbers, and halves, quarters and so on

// Doubles as float32 by their bits; false if one of them is none.
bool narrow_floats(Values values, std::span<uint32_t> out);
void widen_floats(std::span<const uint32_t> words, std::span<uint64_t> out);

}  // namespace stepwell::codec
