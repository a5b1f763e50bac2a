// Doubles that are integers in some unit: tenths to 10^-18 (milliseconds with three decimals, money), or
// powers of two (whole numbers, shares of 256, uniform random numbers). A few that are not stand apart as
// they are: NaN, infinities, -0.0. After ALP (Afroozeh and others, SIGMOD 2024), with a division where ALP
// multiplies by an inexact power, so that decimal text that was parsed always comes back.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "codec/mappings.h"

namespace stepwell::codec {

namespace {

constexpr int kDecimalsMax = 18;  // powers of ten up to 10^22 are exact doubles
constexpr int kTwosMax = 1000;    // 2^t and 2^-t are normal doubles
constexpr double kLargest = 0x1p51;
constexpr double kRound = 0x1.8p52;      // added and taken off, rounds to an integer that its low bits show
constexpr size_t kExceptionsShare = 32;  // at most one value in so many stands apart, plus one
constexpr size_t kProbe = 16;
constexpr double kBitsOfScale = 24;
constexpr double kBitsOfException = 72;

constexpr std::array<double, kDecimalsMax + 1> kTens = {
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

double from_bits(uint64_t bits) { return std::bit_cast<double>(bits); }

struct Decimal {
  double ten;
  explicit Decimal(int decimals) : ten(kTens[static_cast<size_t>(decimals)]) {}
  double up(double value) const { return value * ten; }
  double down(double whole) const { return whole / ten; }
};

struct Dyadic {
  double unit;
  double inverse;
  explicit Dyadic(int twos) : unit(std::ldexp(1.0, twos)), inverse(std::ldexp(1.0, -twos)) {}
  double up(double value) const { return value * inverse; }
  double down(double whole) const { return whole * unit; }
};

template <typename Scale>
bool is_whole(uint64_t bits, Scale scale) {
  const double scaled = scale.up(from_bits(bits));
  if (!(std::fabs(scaled) <= kLargest)) return false;
  const double whole = (scaled + kRound) - kRound;
  return std::bit_cast<uint64_t>(scale.down(whole)) == bits;
}

// Fills `ints`; returns how many of the values are none. Those get any integer.
template <typename Scale>
size_t to_ints(Values values, Scale scale, std::span<uint64_t> ints) {
  uint64_t odd = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double scaled = scale.up(from_bits(values[i]));
    const double shifted = scaled + kRound;
    ints[i] = std::bit_cast<uint64_t>(shifted) - std::bit_cast<uint64_t>(kRound);
    const bool fits = std::bit_cast<uint64_t>(scale.down(shifted - kRound)) == values[i];
    odd += !fits || !(std::fabs(scaled) <= kLargest) ? 1U : 0U;
  }
  return odd;
}

constexpr size_t exceptions_allowed(size_t n) { return n / kExceptionsShare + 1; }

template <typename Scale>
uint16_t encode_scaled(Values values, Scale scale, const IntPlan& plan, ByteWriter& out, uint16_t since) {
  std::vector<uint64_t> ints(values.size());
  const size_t odd = to_ints(values, scale, ints);
  if (odd > exceptions_allowed(values.size())) return 0;
  out.varint(odd);
  if (odd != 0) {
    size_t next = 0;
    uint64_t before = 0;  // what an exception's place is filled with: the integer before it
    for (size_t i = 0; i < values.size(); ++i) {
      if (!is_whole(values[i], scale)) {
        out.varint(i - next);
        out.fixed(values[i]);
        ints[i] = before;
        next = i + 1;
      }
      before = ints[i];
    }
  }
  encode_planned(ints, plan, out);
  return since;
}

template <typename Scale>
void decode_scaled(ByteReader& in, Scale scale, std::span<uint64_t> values) {
  const uint64_t odd = in.count(values.size(), "the number of exceptions in a column");
  std::vector<std::pair<size_t, uint64_t>> exceptions;
  size_t next = 0;
  for (uint64_t i = 0; i < odd; ++i) {
    const uint64_t gap = in.varint();
    if (next >= values.size() || gap >= values.size() - next) {
      throw FormatError("an exception stands behind the end of its column");
    }
    next += gap;
    exceptions.emplace_back(next++, in.fixed<uint64_t>());
  }
  decode_rest(int_encodings(), in, values);
  for (uint64_t& value : values) {
    value = std::bit_cast<uint64_t>(scale.down(static_cast<double>(static_cast<int64_t>(value))));
  }
  for (const auto& [at, bits] : exceptions) values[at] = bits;
}

template <typename Scale>
bool fit_sample(const Sample& doubles, Scale scale, Sample& ints) {
  const size_t odd = to_ints(doubles.all(), scale, std::span(ints.values).first(doubles.n));
  const auto per_sampled = static_cast<double>(doubles.column) / static_cast<double>(doubles.n);
  ints.apart = kBitsOfScale + kBitsOfException * static_cast<double>(odd) * per_sampled;
  return odd <= exceptions_allowed(doubles.n);
}

// The least number of decimals that some values, spread over the sample, need.
std::optional<int> fit_decimal(const Sample& doubles, Sample& ints) {
  int decimals = 0;
  size_t odd = 0;
  const size_t stride = std::max<size_t>(1, doubles.n / kProbe);
  for (size_t i = 0; i < doubles.n; i += stride) {
    int needed = decimals;
    while (needed <= kDecimalsMax && !is_whole(doubles.values[i], Decimal(needed))) ++needed;
    if (needed <= kDecimalsMax) {
      decimals = needed;
    } else if (++odd > 1) {
      return std::nullopt;
    }
  }
  if (decimals == 0 || !fit_sample(doubles, Decimal(decimals), ints)) return std::nullopt;
  return decimals;
}

// The highest power of two that divides the sample's values.
std::optional<int> fit_dyadic(const Sample& doubles, Sample& ints) {
  constexpr uint64_t kFraction = (1ULL << 52) - 1;
  int twos = kTwosMax + 1;
  for (const uint64_t bits : doubles.all()) {
    const auto exponent = static_cast<int>(bits >> 52 & 0x7ff);
    if (exponent == 0 || exponent == 0x7ff) continue;  // zero; exceptions; subnormal, for which this is not
    const int zeros = std::countr_zero((bits & kFraction) | 1ULL << 52);
    twos = std::min(twos, exponent - 1023 - 52 + zeros);
  }
  if (twos > kTwosMax) twos = 0;  // nothing but zeros
  if (twos < -kTwosMax || !fit_sample(doubles, Dyadic(twos), ints)) return std::nullopt;
  return twos;
}

uint16_t encode_decimal(Values values, int decimals, const IntPlan& plan, ByteWriter& out) {
  ByteWriter payload;
  payload.u8(static_cast<uint8_t>(decimals));
  const uint16_t since = encode_scaled(values, Decimal(decimals), plan, payload, kDoubleDecimal.since);
  if (since != 0) out.raw(payload.bytes().data(), payload.size());
  return since;
}

void decode_decimal(ByteReader& in, std::span<uint64_t> values) {
  const unsigned decimals = in.u8();
  if (decimals > kDecimalsMax) throw FormatError("a column of " + std::to_string(decimals) + " decimals");
  decode_scaled(in, Decimal(static_cast<int>(decimals)), values);
}

uint16_t encode_dyadic(Values values, int twos, const IntPlan& plan, ByteWriter& out) {
  ByteWriter payload;
  payload.svarint(static_cast<uint64_t>(static_cast<int64_t>(twos)));
  const uint16_t since = encode_scaled(values, Dyadic(twos), plan, payload, kDoubleDyadic.since);
  if (since != 0) out.raw(payload.bytes().data(), payload.size());
  return since;
}

void decode_dyadic(ByteReader& in, std::span<uint64_t> values) {
  const auto twos = static_cast<int64_t>(in.svarint());
  if (twos < -kTwosMax || twos > kTwosMax)
    throw FormatError("a column in units of 2^" + std::to_string(twos));
  decode_scaled(in, Dyadic(static_cast<int>(twos)), values);
}

}  // namespace

const Encoding kDoubleDecimal = {8, 2, "decimal", decode_decimal};
const Encoding kDoubleDyadic = {9, 2, "dyadic", decode_dyadic};

const Mapping kDecimalMapping = {&kDoubleDecimal, fit_decimal, encode_decimal};
const Mapping kDyadicMapping = {&kDoubleDyadic, fit_dyadic, encode_dyadic};

}  // namespace stepwell::codec
