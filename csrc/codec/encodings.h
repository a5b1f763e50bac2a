// The column encodings: pure functions over spans of 64-bit patterns, one small file each, and the tables in
// which the decoder finds them. A new encoding is one file, one line in encodings.cc and its place in the
// chooser (plan.cc of integers, column.cc of doubles); its id is never used again for another.
#pragma once

#include <cstdint>
#include <span>

#include "codec/bytes.h"

namespace stepwell::codec {

using Values = std::span<const uint64_t>;  // int64 or double, as bits; never empty

struct Encoding {
  uint8_t id;      // as written in the block
  uint16_t since;  // the block version whose readers know it; raises a block's min_reader
  const char* name;
  // Fills `values`, whose size the table gives, or throws FormatError. Reads nothing beyond `in`.
  void (*decode)(ByteReader& in, std::span<uint64_t> values);
};

std::span<const Encoding> int_encodings();
std::span<const Encoding> double_encodings();
// Those of integers that hold no others: what may stand within "differences", so that nothing nests for ever.
std::span<const Encoding> leaf_encodings();
// What may stand within "multiples": these, and "differences" of them.
std::span<const Encoding> encodings_of_steps();

// Reads {u8 id, payload to the end}: the form in which one encoding holds another.
void decode_rest(std::span<const Encoding> encodings, ByteReader& in, std::span<uint64_t> values);

extern const Encoding kIntConstant;
extern const Encoding kIntPacked;
extern const Encoding kIntDelta;   // written by version 1
extern const Encoding kIntDelta2;  // written by version 1
extern const Encoding kIntDifferences;
extern const Encoding kIntTokens;
extern const Encoding kIntMultiples;

extern const Encoding kDoubleConstant;
extern const Encoding kDoubleRaw;
extern const Encoding kDoubleXor;  // written by version 1
extern const Encoding kDoubleFloat;
extern const Encoding kDoubleFloatXor;  // written by version 1
extern const Encoding kDoubleWhole;     // written by version 1
extern const Encoding kDoubleOrdered;
extern const Encoding kDoubleFloatOrdered;
extern const Encoding kDoubleDecimal;
extern const Encoding kDoubleDyadic;

bool all_equal(Values values);
void encode_raw_planes(Values values, ByteWriter& out);
void encode_float_planes(std::span<const uint32_t> floats, ByteWriter& out);

// Differences of the values, of the differences and so on, `order` times; before the first value are zeros.
// `out` may be `values`. The orders that exist are 0 to kOrderMax.
inline constexpr unsigned kOrderMax = 7;
void differences(Values values, unsigned order, std::span<uint64_t> out);

// The steps (at least 1 wide) from base to each value, by sign; false if one is between steps. `out` may be
// `values`.
bool divide(Values values, uint64_t base, uint64_t step, std::span<uint64_t> out);

}  // namespace stepwell::codec
