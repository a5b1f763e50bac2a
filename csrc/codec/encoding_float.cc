// Doubles that are float32 values (most losses are): narrowing and widening them, and the encoding in four
// byte planes. NaN is narrowed by its bits, not by the processor, which would change a signalling one.
#include <algorithm>
#include <bit>
#include <vector>

#include "codec/mappings.h"
#include "codec/shuffle.h"

namespace stepwell::codec {

namespace {

constexpr uint64_t kNan64 = 0x7ffULL << 52;
constexpr uint32_t kNan32 = 0xffU << 23;

uint32_t narrow(uint64_t bits) {
  if ((bits & kNan64) == kNan64) {
    return static_cast<uint32_t>(bits >> 63 << 31) | kNan32 | static_cast<uint32_t>((bits >> 29) & 0x7fffff);
  }
  return std::bit_cast<uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
}

uint64_t widen(uint32_t bits) {
  if ((bits & kNan32) == kNan32) {
    return static_cast<uint64_t>(bits >> 31) << 63 | kNan64 | static_cast<uint64_t>(bits & 0x7fffff) << 29;
  }
  return std::bit_cast<uint64_t>(static_cast<double>(std::bit_cast<float>(bits)));
}

constexpr size_t kFloatChunk = 256;

bool has_nan(uint32_t word) { return (word & kNan32) == kNan32; }

template <bool kMix>
void decode(ByteReader& in, std::span<uint64_t> values) {
  uint32_t previous = 0;
  unshuffle<uint32_t>(in.raw(values.size() * 4), values.size(), [&](size_t i, uint32_t word) {
    if (kMix) word = previous ^= word;
    values[i] = widen(word);
  });
}

}  // namespace

// The processor narrows all but signalling NaN and doubles that are no float32, a chunk without a branch. A
// double too large for float32 becomes an infinity, which IEEE 754 defines and the comparison refuses.
bool narrow_floats(Values values, std::span<uint32_t> out) {
  for (size_t at = 0; at < values.size(); at += kFloatChunk) {
    const size_t end = std::min(values.size(), at + kFloatChunk);
    uint64_t lost = 0;
    for (size_t i = at; i < end; ++i) {
      const auto value = static_cast<float>(std::bit_cast<double>(values[i]));
      out[i] = std::bit_cast<uint32_t>(value);
      lost |= std::bit_cast<uint64_t>(static_cast<double>(value)) ^ values[i];
    }
    for (size_t i = at; i < end && lost != 0; ++i) {
      out[i] = narrow(values[i]);
      if (widen(out[i]) != values[i]) return false;
    }
  }
  return true;
}

void widen_floats(std::span<const uint32_t> words, std::span<uint64_t> out) {
  if (std::any_of(words.begin(), words.end(), has_nan)) {
    std::transform(words.begin(), words.end(), out.begin(), widen);
    return;
  }
  for (size_t i = 0; i < words.size(); ++i) {
    out[i] = std::bit_cast<uint64_t>(static_cast<double>(std::bit_cast<float>(words[i])));
  }
}

void encode_float_planes(std::span<const uint32_t> floats, ByteWriter& out) {
  shuffle(floats, out.extend(floats.size_bytes()));
}

const Encoding kDoubleFloat = {3, 1, "float", decode<false>};
const Encoding kDoubleFloatXor = {4, 1, "float xor", decode<true>};

}  // namespace stepwell::codec
