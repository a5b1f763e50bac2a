// Differences, taken up to seven times: counters (once), clocks whose rate drifts (twice), schedules and
// other smooth curves (as often as it pays). Arithmetic is modulo 2^64, so that any values fit.
#include <array>

#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

template <unsigned kOrder>
void take(Values values, std::span<uint64_t> out) {
  std::array<uint64_t, kOrder> before = {};
  for (size_t i = 0; i < values.size(); ++i) {
    uint64_t value = values[i];
    for (unsigned k = 0; k < kOrder; ++k) {
      const uint64_t difference = value - before[k];
      before[k] = value;
      value = difference;
    }
    out[i] = value;
  }
}

template <unsigned kOrder>
void sum_up(std::span<uint64_t> values) {
  std::array<uint64_t, kOrder> sums = {};
  for (uint64_t& value : values) {
    uint64_t sum = value;
    for (unsigned k = kOrder; k-- > 0;) sum = sums[k] += sum;
    value = sum;
  }
}

// The first `order` differences stand in full: they hold the values' own size.
void decode(ByteReader& in, std::span<uint64_t> values) {
  const unsigned order = in.u8();
  if (order == 0 || order > kOrderMax) {
    throw FormatError("a column of differences taken " + std::to_string(order) + " times");
  }
  if (values.size() <= order) throw FormatError("a column is too short for its differences");
  for (uint64_t& value : values.first(order)) value = in.svarint();
  decode_rest(leaf_encodings(), in, values.subspan(order));
  static constexpr std::array kSumUp = {sum_up<1>, sum_up<2>, sum_up<3>, sum_up<4>,
                                        sum_up<5>, sum_up<6>, sum_up<7>};
  kSumUp[order - 1](values);
}

}  // namespace

void differences(Values values, unsigned order, std::span<uint64_t> out) {
  static constexpr std::array kTake = {take<0>, take<1>, take<2>, take<3>,
                                       take<4>, take<5>, take<6>, take<7>};
  kTake[order](values, out);
}

const Encoding kIntDifferences = {4, 2, "differences", decode};

}  // namespace stepwell::codec
