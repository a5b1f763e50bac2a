#include "codec/tokens.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "codec/rans.h"

namespace stepwell::codec {

namespace {

constexpr size_t kLook = 1024;      // values that are looked at, spread over the column
constexpr size_t kMedianLook = 63;  // of these, for the middle of the log map
constexpr unsigned kTokenBits = 8;
constexpr unsigned kCoarser = 3;           // linear maps with up to so many bits fewer are weighed too
constexpr double kBitsOfSymbol = 14;       // of a share in the table
constexpr double kBitsOfStreams = 8 * 22;  // states, lengths, base
constexpr double kWorthAList = 3;  // bits a value, below which the search for one is not worth its time

using Counts = std::array<uint32_t, kSymbols>;

// f(c) = c log2 c of small c.
const std::array<float, kLook + 1>& c_log_c() {
  static const std::array<float, kLook + 1> kTable = [] {
    std::array<float, kLook + 1> table = {};
    for (size_t c = 1; c < table.size(); ++c) {
      table[c] = static_cast<float>(static_cast<double>(c) * std::log2(static_cast<double>(c)));
    }
    return table;
  }();
  return kTable;
}

bool by_sign(uint64_t a, uint64_t b) { return static_cast<int64_t>(a) < static_cast<int64_t>(b); }

struct Look {
  std::array<uint64_t, kLook> values;
  size_t n = 0;
  double scale = 0;  // values of the column per value looked at

  explicit Look(Values column) {
    const size_t stride = (column.size() + kLook - 1) / kLook;
    for (size_t i = 0; i < column.size(); i += stride) values[n++] = column[i];
    scale = static_cast<double>(column.size()) / static_cast<double>(n);
  }
  Values all() const { return std::span(values).first(n); }
};

// Bits of a column whose tokens occur so often among those looked at.
double column_bits(const Counts& counts, const Look& look, double extra) {
  size_t used = 0;
  for (const uint32_t count : counts) used += count != 0 ? 1 : 0;
  return (entropy_bits(counts, look.n) + extra) * look.scale + static_cast<double>(used) * kBitsOfSymbol +
         kBitsOfStreams;
}

TokenMap linear_map(const Look& look, uint64_t low, uint64_t high) {
  const auto width = static_cast<unsigned>(std::bit_width(high - low));
  unsigned shift = width > kTokenBits ? width - kTokenBits : 0;
  Counts counts = {};
  for (const uint64_t value : look.all()) ++counts[(value - low) >> shift];
  TokenMap best;
  for (unsigned i = 0; i <= kCoarser && shift < width; ++i, ++shift) {
    const double bits = column_bits(counts, look, static_cast<double>(shift) * static_cast<double>(look.n));
    if (bits < best.bits) best = {static_cast<uint8_t>(shift), low, {}, bits};
    for (size_t c = 0; c < kSymbols / 2; ++c) counts[c] = counts[2 * c] + counts[2 * c + 1];
    std::fill(counts.begin() + kSymbols / 2, counts.end(), 0);
  }
  return best;
}

TokenMap log_map(const Look& look) {
  std::array<uint64_t, kMedianLook + 1> some = {};
  const size_t stride = (look.n + kMedianLook - 1) / kMedianLook;
  size_t n = 0;
  for (size_t i = 0; i < look.n; i += stride) some[n++] = look.values[i];
  std::nth_element(some.begin(), some.begin() + n / 2, some.begin() + n, by_sign);
  const uint64_t base = some[n / 2];
  Counts counts = {};
  uint64_t extra = 0;
  for (const uint64_t value : look.all()) {
    const LogToken log = log_token(zigzag(value - base));
    ++counts[log.token];
    extra += log.extra;
  }
  return {kMapLog, base, {}, column_bits(counts, look, static_cast<double>(extra))};
}

// The distinct values of a column while they are few.
class Distinct {
 public:
  // False once there are more than `limit` of them.
  bool add(uint64_t value, size_t limit) {
    size_t at = (value * 0x9e3779b97f4a7c15ULL) >> (64 - kSlotBits);
    for (; used_[at]; at = (at + 1) % kSlots) {
      if (slots_[at] == value) return true;
    }
    if (list_.size() >= limit) return false;
    used_[at] = true;
    slots_[at] = value;
    list_.push_back(value);
    return true;
  }
  std::vector<uint64_t>& list() { return list_; }

 private:
  static constexpr unsigned kSlotBits = 10;
  static constexpr size_t kSlots = 1U << kSlotBits;
  std::array<uint64_t, kSlots> slots_;
  std::array<bool, kSlots> used_ = {};
  std::vector<uint64_t> list_;
};

bool few_values(Values values, size_t limit, Distinct& distinct) {
  return std::all_of(values.begin(), values.end(),
                     [&](uint64_t value) { return distinct.add(value, limit); });
}

TokenMap list_map(Values column, const Look& look) {
  TokenMap map;
  Distinct some;
  if (!few_values(look.all(), std::min<size_t>(kSymbols, look.n / 4), some)) return map;
  Distinct distinct;
  if (!few_values(column, kSymbols, distinct)) return map;
  map.map = kMapList;
  map.list = std::move(distinct.list());
  std::sort(map.list.begin(), map.list.end(), by_sign);
  Counts counts = {};
  for (const uint64_t value : look.all()) {
    ++counts[std::lower_bound(map.list.begin(), map.list.end(), value, by_sign) - map.list.begin()];
  }
  double list_bits = 0;
  for (size_t i = 1; i < map.list.size(); ++i)
    list_bits += static_cast<double>(std::bit_width(map.list[i] - map.list[i - 1]) + 9);
  map.bits = column_bits(counts, look, 0) + list_bits;
  return map;
}

}  // namespace

double entropy_bits(std::span<const uint32_t> counts, size_t n) {
  if (n == 0) return 0;
  const auto& f = c_log_c();
  float sum = 0;
  float used = 0;
  for (const uint32_t count : counts) {
    sum += f[count];
    used += count != 0 ? 1 : 0;
  }
  // A sample shows fewer symbols than there are, and those more often: Miller and Madow's correction.
  constexpr double kBias = 0.72;  // 1 / (2 ln 2)
  return static_cast<double>(f[n] - sum) + kBias * static_cast<double>(used - 1);
}

TokenMap map_tokens(Values values, uint64_t low, uint64_t high) {
  const Look look(values);
  TokenMap best = linear_map(look, low, high);
  TokenMap log = log_map(look);
  if (log.bits < best.bits) best = std::move(log);
  if (best.bits > kWorthAList * static_cast<double>(values.size())) {
    TokenMap list = list_map(values, look);
    if (list.bits < best.bits) best = std::move(list);
  }
  return best;
}

}  // namespace stepwell::codec
