// Runs of 128 integers as offsets from their smallest, each run with the bit width that it needs.
// One far-off value widens its own run only. The base of the constant-free integer encodings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "codec/bytes.h"

namespace stepwell::codec {

inline constexpr size_t kPackRun = 128;

// Per run: svarint smallest, u8 width (0 to 64), then the offsets, low bits first, padded to a byte.
void pack_runs(std::span<const uint64_t> values, ByteWriter& out);
void unpack_runs(ByteReader& in, std::span<uint64_t> values);

// Bits that `values`, at most one run, would take.
double packed_bits(std::span<const uint64_t> values);

}  // namespace stepwell::codec
