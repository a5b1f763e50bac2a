// One column of a block: the chooser picks an encoding by a bounded look at the values, and frames it as
// {u8 encoding, varint payload bytes, payload}. Called by builder.cc and decode.cc, for every column there
// is.
#pragma once

#include <cstdint>
#include <span>

#include "codec/bytes.h"

namespace stepwell::codec {

// 64-bit integers and doubles travel as their bits. An empty column takes no bytes.
// Return the block version whose readers understand what was written.
uint16_t encode_ints(std::span<const uint64_t> values, ByteWriter& out);
uint16_t encode_doubles(std::span<const uint64_t> values, ByteWriter& out);

// Fill `values`; the caller has bounded their number. Throw FormatError.
void decode_ints(ByteReader& in, std::span<uint64_t> values);
void decode_doubles(ByteReader& in, std::span<uint64_t> values);

}  // namespace stepwell::codec
