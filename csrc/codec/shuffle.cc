#include "codec/shuffle.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace stepwell::codec {

namespace {

// A sample is too short to tell 64 values from noise: each new byte costs this much more, so that noise comes
// to 8 bits.
constexpr float kNewByte = 2;

// gains[c] = f(c + 1) - f(c) with f(c) = c log2 c: what one more of a byte seen c times saves.
using Gains = std::array<float, kEntropySample>;
const Gains& gains() {
  static const Gains kGains = [] {
    Gains gain = {};
    const auto f = [](double c) { return c > 0 ? c * std::log2(c) : 0.0; };
    for (size_t c = 0; c < gain.size(); ++c) {
      gain[c] = static_cast<float>(f(static_cast<double>(c + 1)) - f(static_cast<double>(c)));
    }
    gain[0] -= kNewByte;
    return gain;
  }();
  return kGains;
}

}  // namespace

double plane_entropy(std::span<const uint64_t> words, size_t planes) {
  words = words.first(std::min(words.size(), kEntropySample));
  const auto n = static_cast<double>(words.size());
  const double all = words.empty() ? 0 : n * std::log2(n);
  const Gains& gain = gains();
  double bits = 0;
  for (size_t plane = 0; plane < planes; ++plane) {
    std::array<uint8_t, 256> seen = {};
    float same = 0;
    for (const uint64_t word : words) same += gain[seen[(word >> (8 * plane)) & 0xff]++];
    bits += all - static_cast<double>(same);
  }
  return bits;
}

}  // namespace stepwell::codec
