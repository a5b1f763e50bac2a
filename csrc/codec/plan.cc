#include "codec/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "codec/bit_pack.h"
#include "codec/tokens.h"

namespace stepwell::codec {

namespace {

constexpr size_t kSampleRuns = 4;
constexpr size_t kLongColumn =
    4096;                          // values from which the runs are kSampleMax / kSampleRuns long, not half
constexpr size_t kTokensMin = 64;  // values below which the table of tokens never pays
constexpr unsigned kOrdersInVain = 2;  // differences taken beyond the best before it is settled
constexpr double kWorthAnOrder = 0.99;
constexpr double kBitsOfTokens = 8 * 60;  // table, states and base of a typical column of tokens
constexpr double kBitsOfStep = 48;
constexpr double kBitsOfFirst = 40;  // each number that differences leave in full

// About the middle of the values, from a few of them.
uint64_t middle(Values values) {
  std::array<uint64_t, 16> some;
  const size_t stride = (values.size() + some.size() - 1) / some.size();
  size_t n = 0;
  for (size_t i = 0; i < values.size(); i += stride) some[n++] = values[i];
  const auto at = some.begin() + static_cast<std::ptrdiff_t>(n / 2);
  std::nth_element(some.begin(), at, some.begin() + static_cast<std::ptrdiff_t>(n),
                   [](uint64_t a, uint64_t b) { return static_cast<int64_t>(a) < static_cast<int64_t>(b); });
  return *at;
}

// Bits per value with entropy-coded widths: what tokens come to, without their table.
double token_bits(Values sample) {
  const uint64_t base = middle(sample);
  std::array<uint32_t, 65> widths = {};
  for (const uint64_t value : sample) ++widths[std::bit_width(zigzag(value - base))];
  double extra = 0;
  for (unsigned width = 2; width < widths.size(); ++width) extra += (width - 1) * widths[width];
  return (entropy_bits(widths, sample.size()) + extra) / static_cast<double>(sample.size());
}

double run_bits(Values sample, size_t run) {
  double bits = 0;
  for (size_t at = 0; at < sample.size(); at += run) bits += packed_bits(sample.subspan(at, run));
  return bits / static_cast<double>(sample.size());
}

// Leaves the differences of each run, one fewer than before, in the sample.
void difference_runs(Sample& sample) {
  size_t to = 0;
  for (size_t at = 0; at < sample.n; at += sample.run) {
    for (size_t i = 1; i < sample.run; ++i)
      sample.values[to++] = sample.values[at + i] - sample.values[at + i - 1];
  }
  sample.n = to;
  --sample.run;
}

double column_bits(const Sample& sample, unsigned order) {
  const auto n = static_cast<double>(sample.column);
  const double firsts = order * kBitsOfFirst;
  const double packed = n * run_bits(sample.all(), sample.run);
  if (sample.column < kTokensMin) return packed + firsts;
  return std::min(packed, n * token_bits(sample.all()) + kBitsOfTokens) + firsts;
}

// The greatest common divisor of the distances from the first value, 1 if that is all there is to say.
uint64_t common_step(Values values) {
  uint64_t step = 0;
  for (const uint64_t value : values) {
    const uint64_t distance = value - values.front();
    step = std::gcd(step, distance >> 63 != 0 ? 0 - distance : distance);
    if (step == 1) break;
  }
  return std::max<uint64_t>(step, 1);
}

struct Range {
  uint64_t low;
  uint64_t high;
};

Range range_of(Values values) {
  auto low = static_cast<int64_t>(values.front());
  auto high = low;
  for (const uint64_t value : values) {
    low = std::min(low, static_cast<int64_t>(value));
    high = std::max(high, static_cast<int64_t>(value));
  }
  return {static_cast<uint64_t>(low), static_cast<uint64_t>(high)};
}

// Of all runs, or of eight spread over a long column.
double packed_column_bits(Values values) {
  constexpr size_t kRuns = 8;
  const size_t runs = (values.size() + kPackRun - 1) / kPackRun;
  const size_t stride = std::max<size_t>(1, runs / kRuns);
  double bits = 0;
  size_t seen = 0;
  for (size_t run = 0; run < runs; run += stride) {
    const auto part = values.subspan(run * kPackRun, std::min(kPackRun, values.size() - run * kPackRun));
    bits += packed_bits(part);
    seen += part.size();
  }
  return bits * static_cast<double>(values.size()) / static_cast<double>(seen);
}

uint16_t encode_undifferenced(Values values, ByteWriter& out) {
  const auto [low, high] = range_of(values);
  if (low == high) {
    out.u8(kIntConstant.id);
    out.svarint(low);
    return kIntConstant.since;
  }
  if (values.size() >= kTokensMin) {
    const TokenMap map = map_tokens(values, low, high);
    if (map.bits < packed_column_bits(values)) {
      out.u8(kIntTokens.id);
      encode_tokens(values, map, out);
      return kIntTokens.since;
    }
  }
  out.u8(kIntPacked.id);
  pack_runs(values, out);
  return kIntPacked.since;
}

}  // namespace

Sample sample_of(Values column) {
  Sample sample;
  sample.column = column.size();
  const size_t most = column.size() < kLongColumn ? kSampleMax / 2 : kSampleMax;
  if (column.size() <= most) {
    sample.n = sample.run = column.size();
    std::copy(column.begin(), column.end(), sample.values.begin());
    return sample;
  }
  sample.n = most;
  sample.run = most / kSampleRuns;
  const size_t stride = (column.size() - sample.run) / (kSampleRuns - 1);
  for (size_t i = 0; i < kSampleRuns; ++i) {
    std::copy_n(column.begin() + static_cast<std::ptrdiff_t>(i * stride), sample.run,
                sample.values.begin() + static_cast<std::ptrdiff_t>(i * sample.run));
  }
  return sample;
}

IntPlan plan_ints(const Sample& sample) {
  Sample left = sample;
  IntPlan best = {0, 1, column_bits(left, 0) + left.apart};
  for (unsigned order = 1; order <= kOrderMax && order <= best.order + kOrdersInVain && left.run > 1;
       ++order) {
    difference_runs(left);
    const double bits = column_bits(left, order) + left.apart;
    if (bits < best.bits * kWorthAnOrder) best = {order, 1, bits};
  }
  const auto n = static_cast<double>(sample.column);
  if (best.bits < n) return best;
  best.step = common_step(sample.all());
  const double saved = std::log2(static_cast<double>(best.step)) * n;
  if (saved < kBitsOfStep) best.step = 1;
  if (best.step != 1) best.bits = std::max(best.bits - saved, n) + kBitsOfStep;
  return best;
}

uint16_t encode_planned(Values values, const IntPlan& plan, ByteWriter& out) {
  if (plan.step != 1) {
    std::vector<uint64_t> steps(values.size());
    if (divide(values, values.front(), plan.step, steps)) {
      out.u8(kIntMultiples.id);
      out.svarint(values.front());
      out.varint(plan.step);
      encode_planned(steps, {plan.order, 1, 0}, out);
      return kIntMultiples.since;
    }
  }
  if (plan.order == 0 || values.size() <= plan.order) return encode_undifferenced(values, out);
  std::vector<uint64_t> left(values.size());
  differences(values, plan.order, left);
  out.u8(kIntDifferences.id);
  out.u8(static_cast<uint8_t>(plan.order));
  for (size_t i = 0; i < plan.order; ++i) out.svarint(left[i]);
  encode_undifferenced(Values(left).subspan(plan.order), out);
  return kIntDifferences.since;
}

}  // namespace stepwell::codec
