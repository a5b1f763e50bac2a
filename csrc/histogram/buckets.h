// The bucket of a number: sign, exponent and top three mantissa bits of its float32, truncated toward zero.
// No range to choose, the same on every device and step, at most 12.5 % wide; histograms add by adding
// counts.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>

namespace stepwell::histogram {

inline constexpr unsigned kCodeShift = 20;              // float32 bits below a bucket code
inline constexpr uint32_t kCodes = 1U << 12;            // sign + 8 exponent + 3 mantissa bits
inline constexpr uint32_t kSignCode = kCodes / 2;       // set in the code of a negative number
inline constexpr uint32_t kTopCode = (254U << 3) | 7U;  // of the largest finite float32
inline constexpr uint32_t kFirstOdd = kTopCode + 1;     // codes of NaN and the infinities: no buckets

inline constexpr uint32_t kInfinityCode = kFirstOdd;  // with kSignCode: minus infinity
inline constexpr uint32_t kNanCode = kFirstOdd + 1;   // of all NaN, where they are counted by code

constexpr bool is_bucket(uint32_t code) { return code < kCodes && (code & (kSignCode - 1)) <= kTopCode; }

constexpr uint32_t code_of(float value) { return std::bit_cast<uint32_t>(value) >> kCodeShift; }

// Finite doubles beyond float32 go to the top bucket; below its normal range eight linear buckets of 2^-129.
constexpr uint32_t code_of(double value) {
  constexpr uint32_t kRebias = (1023U - 127U) << 3;
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const uint32_t sign = static_cast<uint32_t>(bits >> 63) * kSignCode;
  const uint64_t magnitude = bits & ~(1ULL << 63);
  const auto key = static_cast<uint32_t>(magnitude >> 49);  // 11 exponent and 3 mantissa bits
  if (key >= kRebias + 8) {
    const uint32_t code = key - kRebias;
    return sign + (code < kTopCode ? code : kTopCode);
  }
  return sign + static_cast<uint32_t>(std::bit_cast<double>(magnitude) * 0x1p129);
}

// (low, high) of a bucket: low <= value <= high, the end nearer to zero belonging to the bucket.
// The top buckets also hold what lies beyond them.
constexpr std::pair<double, double> edges_of(uint32_t code) {
  const uint32_t magnitude = code & (kSignCode - 1);
  const auto edge = [](uint32_t at) {
    return at > kTopCode ? 0x1p128 : static_cast<double>(std::bit_cast<float>(at << kCodeShift));
  };
  const double near = edge(magnitude);
  const double far = edge(magnitude + 1);
  return code < kSignCode ? std::pair{near, far} : std::pair{-far, -near};
}

}  // namespace stepwell::histogram
