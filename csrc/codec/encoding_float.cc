// Doubles that are float32 values (most losses are) in four byte planes, as they are or after XOR with the
// one before. NaN is narrowed by its bits, not by the processor, which would change a signalling one.
#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "codec/encodings.h"
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

// A double too large for float32 narrows to infinity, so that the comparison refuses it. The cast to float of
// such a value is defined by IEEE 754, which every machine we run on follows.
bool are_floats(Values values) {
  return std::all_of(values.begin(), values.end(), [](uint64_t bits) { return widen(narrow(bits)) == bits; });
}

void narrow_all(Values values, bool mix, std::span<uint32_t> out) {
  uint32_t previous = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t word = narrow(values[i]);
    out[i] = word ^ previous;
    if (mix) previous = word;
  }
}

template <bool kMix>
double cost(Values sample) {
  sample = sample.first(std::min(sample.size(), kEntropySample));
  std::array<uint32_t, kEntropySample> words;
  narrow_all(sample, kMix, words);
  std::array<uint64_t, kEntropySample> wide;
  std::copy_n(words.begin(), sample.size(), wide.begin());
  const auto words_of_sample = std::span(wide).first(sample.size());
  if (!kMix || sample.size() < 2) return plane_entropy(words_of_sample, 4);
  // The first of the sample has no neighbour here, though it has one in the column.
  const auto n = static_cast<double>(sample.size());
  return plane_entropy(words_of_sample.subspan(1), 4) * n / (n - 1);
}

template <bool kMix>
void encode(Values values, ByteWriter& out) {
  std::vector<uint32_t> words(values.size());
  narrow_all(values, kMix, words);
  shuffle(std::span<const uint32_t>(words), out.extend(values.size() * 4));
}

template <bool kMix>
void decode(ByteReader& in, std::span<uint64_t> values) {
  uint32_t previous = 0;
  unshuffle<uint32_t>(in.raw(values.size() * 4), values.size(), [&](size_t i, uint32_t word) {
    if (kMix) word = previous ^= word;
    values[i] = widen(word);
  });
}

}  // namespace

const Encoding kDoubleFloat = {3, "float", are_floats, cost<false>, encode<false>, decode<false>};
const Encoding kDoubleFloatXor = {4, "float xor", are_floats, cost<true>, encode<true>, decode<true>};

}  // namespace stepwell::codec
