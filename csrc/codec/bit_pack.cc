#include "codec/bit_pack.h"

#include <algorithm>
#include <array>
#include <bit>

namespace stepwell::codec {

namespace {

struct Range {
  uint64_t low;
  unsigned width;
};

// Smallest by signed order, and the bits of the largest distance from it (which may need all 64).
Range range_of(std::span<const uint64_t> values) {
  auto low = static_cast<int64_t>(values.front());
  auto high = low;
  for (const uint64_t value : values) {
    low = std::min(low, static_cast<int64_t>(value));
    high = std::max(high, static_cast<int64_t>(value));
  }
  const auto base = static_cast<uint64_t>(low);
  return {base, static_cast<unsigned>(std::bit_width(static_cast<uint64_t>(high) - base))};
}

constexpr size_t run_bytes(size_t n, unsigned width) { return (n * width + 7) / 8; }

void pack(std::span<const uint64_t> values, Range range, uint8_t* out) {
  unsigned __int128 pending = 0;
  unsigned bits = 0;
  for (const uint64_t value : values) {
    pending |= static_cast<unsigned __int128>(value - range.low) << bits;
    bits += range.width;
    if (bits >= 64) {
      const auto word = static_cast<uint64_t>(pending);
      std::memcpy(out, &word, sizeof word);
      out += sizeof word;
      pending >>= 64;
      bits -= 64;
    }
  }
  const auto word = static_cast<uint64_t>(pending);
  std::memcpy(out, &word, (bits + 7) / 8);
}

void unpack(const uint8_t* packed, Range range, std::span<uint64_t> values) {
  const uint64_t mask = range.width == 64 ? ~0ULL : (1ULL << range.width) - 1;
  size_t bit = 0;
  for (uint64_t& value : values) {
    const uint8_t* from = packed + bit / 8;
    const unsigned shift = bit % 8;
    uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    word >>= shift;
    if (shift != 0) word |= static_cast<uint64_t>(from[8]) << (64 - shift);
    value = range.low + (word & mask);
    bit += range.width;
  }
}

}  // namespace

void pack_runs(std::span<const uint64_t> values, ByteWriter& out) {
  while (!values.empty()) {
    const auto run = values.first(std::min(kPackRun, values.size()));
    const Range range = range_of(run);
    out.svarint(range.low);
    out.u8(static_cast<uint8_t>(range.width));
    pack(run, range, out.extend(run_bytes(run.size(), range.width)));
    values = values.subspan(run.size());
  }
}

void unpack_runs(ByteReader& in, std::span<uint64_t> values) {
  // The longest run and room for the nine-byte loads of its last values.
  std::array<uint8_t, kPackRun * 8 + 9> packed = {};
  while (!values.empty()) {
    const auto run = values.first(std::min(kPackRun, values.size()));
    const uint64_t low = in.svarint();
    const unsigned width = in.u8();
    if (width > 64) throw FormatError("a run of integers claims " + std::to_string(width) + " bits each");
    const Bytes bytes = in.raw(run_bytes(run.size(), width));
    std::copy(bytes.begin(), bytes.end(), packed.begin());
    unpack(packed.data(), {low, width}, run);
    values = values.subspan(run.size());
  }
}

double packed_bits(std::span<const uint64_t> values) {
  if (values.empty()) return 0;
  const Range range = range_of(values);
  const auto base_bytes = static_cast<unsigned>(std::bit_width(zigzag(range.low) | 1) + 6) / 7;
  return 8.0 * (base_bytes + 1) + static_cast<double>(values.size()) * range.width;
}

}  // namespace stepwell::codec
