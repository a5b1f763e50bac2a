// The column encodings: pure functions over spans of 64-bit patterns, one small file each, and the tables in
// which the chooser (column.cc) finds them. A new encoding is one file and one line in encodings.cc; its id
// is never used again for another. An encoding that old readers do not know raises the block's min_reader.
#pragma once

#include <cstdint>
#include <span>

#include "codec/bytes.h"

namespace stepwell::codec {

using Values = std::span<const uint64_t>;  // int64 or double, as bits; never empty

struct Encoding {
  uint8_t id;  // as written in the block
  const char* name;
  // Whether every one of these values survives. Looks at all of them; cheap, stops at the first that does
  // not.
  bool (*applies)(Values values);
  // Bits that a sample would take, after zstd where that matters. The sample is one run of neighbours.
  double (*cost)(Values sample);
  void (*encode)(Values values, ByteWriter& out);
  // Fills `values`, whose size the table gives, or throws FormatError. Reads nothing beyond `in`.
  void (*decode)(ByteReader& in, std::span<uint64_t> values);
};

std::span<const Encoding> int_encodings();
std::span<const Encoding> double_encodings();

extern const Encoding kIntConstant;
extern const Encoding kIntPacked;
extern const Encoding kIntDelta;
extern const Encoding kIntDelta2;

extern const Encoding kDoubleConstant;
extern const Encoding kDoubleRaw;
extern const Encoding kDoubleXor;
extern const Encoding kDoubleFloat;
extern const Encoding kDoubleFloatXor;
extern const Encoding kDoubleWhole;

}  // namespace stepwell::codec
