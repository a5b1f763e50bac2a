// The entropy stage: bytes by how often each occurs (range asymmetric numeral systems, Duda 2013, in the
// interleaved table form of Giesen 2014). Four states take turns, so that their multiplications overlap.
// Called by encoding_tokens.cc; docs/block-format.md has the bytes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "codec/bytes.h"

namespace stepwell::codec {

inline constexpr unsigned kRansBitsMin = 5;
inline constexpr unsigned kRansBitsMax = 12;  // shares are counted in parts of 2^bits
inline constexpr size_t kRansStates = 4;
inline constexpr size_t kSymbols = 256;

using Histogram256 = std::array<uint32_t, kSymbols>;

// The shares of the symbols, which sum to 2^bits. A symbol that occurs has at least 1.
struct Shares {
  unsigned bits = 0;
  std::array<uint16_t, kSymbols> share = {};
};

// Shares in proportion to `counts`, which hold at least one symbol, for n symbols in all.
Shares shares_of(const Histogram256& counts, size_t n);
void write_shares(const Shares& shares, ByteWriter& out);
Shares read_shares(ByteReader& in);  // throws FormatError

// Appends the states and words of `symbols`, all of which have a share.
void rans_encode(std::span<const uint8_t> symbols, const Shares& shares, ByteWriter& out);

// Decodes what rans_encode wrote, in as many portions as the caller likes, each but the last a multiple of
// kRansStates long.
class RansDecoder {
 public:
  RansDecoder(const Shares& shares, Bytes bytes);  // throws FormatError
  void decode(std::span<uint8_t> symbols);         // throws FormatError
  void finish() const;  // throws FormatError unless all is used up and in its place

 private:
  void renew(uint32_t& state);

  // Of each slot: symbol, share - 1, and the slot's place within the share.
  std::array<uint32_t, 1U << kRansBitsMax> table_;
  unsigned bits_;
  std::array<uint32_t, kRansStates> states_;
  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace stepwell::codec
