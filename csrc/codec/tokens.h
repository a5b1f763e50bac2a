// Integers as a token of at most eight bits, which says about where the number lies and is entropy-coded, and
// the bits that tell it from its neighbours, which are noise and are kept as they are. Called by plan.cc,
// which asks what it would cost, and to encode; the decoder is encoding_tokens.cc.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "codec/encodings.h"

namespace stepwell::codec {

// How numbers become tokens. Below 64: token = (value - base) >> map, `map` extra bits each.
inline constexpr uint8_t kMapLog = 64;   // by the size of the distance from base, either way
inline constexpr uint8_t kMapList = 65;  // token = place in a list of values, no extra bits

struct TokenMap {
  uint8_t map = 0;
  uint64_t base = 0;
  std::vector<uint64_t> list;                             // ascending by sign, at most 256
  double bits = std::numeric_limits<double>::infinity();  // of the whole column, estimated
};

// The log map: zigzag distances 0 to 7 are tokens themselves; of a longer one the width and the two bits
// below the highest make the token, the bits below those are extra.
inline constexpr unsigned kLogExact = 8;
struct LogToken {
  unsigned token;
  unsigned extra;  // bits
};
constexpr LogToken log_token(uint64_t distance) {
  // Without a branch: near and far distances follow one another in no order that could be foretold.
  const auto width = static_cast<unsigned>(std::bit_width(distance | kLogExact));
  const unsigned far = (width - 2) * 4 + (static_cast<unsigned>(distance >> (width - 3)) & 3);
  const bool near = distance < kLogExact;
  return {near ? static_cast<unsigned>(distance) : far, near ? 0 : width - 3};
}
inline constexpr unsigned kLogTokens = 252;
constexpr unsigned log_extra(unsigned token) { return token < kLogExact ? 0 : token / 4 - 1; }
// The least distance of a token.
constexpr uint64_t log_least(unsigned token) {
  return token < kLogExact ? token : static_cast<uint64_t>(4 | (token & 3)) << (token / 4 - 1);
}

// What fits `values` best, by a bounded look at them; low and high are their least and largest by sign.
TokenMap map_tokens(Values values, uint64_t low, uint64_t high);

void encode_tokens(Values values, const TokenMap& map, ByteWriter& out);

// Sum of c log2 c, and the bits per symbol of an ideal coder of symbols seen so often.
double entropy_bits(std::span<const uint32_t> counts, size_t n);

}  // namespace stepwell::codec
