// Doubles that are whole numbers (epochs, counts, sizes) as a column of integers. -0.0 is not one of them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "codec/column.h"
#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

constexpr double kLargest = 0x1p53;  // beyond it not every integer is a double

uint64_t to_int(uint64_t bits) {
  return static_cast<uint64_t>(static_cast<int64_t>(std::bit_cast<double>(bits)));
}
uint64_t to_double(uint64_t value) {
  return std::bit_cast<uint64_t>(static_cast<double>(static_cast<int64_t>(value)));
}

bool are_whole(Values values) {
  return std::all_of(values.begin(), values.end(), [](uint64_t bits) {
    const double value = std::bit_cast<double>(bits);
    return std::fabs(value) <= kLargest && to_double(to_int(bits)) == bits;  // NaN fails the first
  });
}

std::vector<uint64_t> ints_of(Values values) {
  std::vector<uint64_t> ints(values.size());
  std::transform(values.begin(), values.end(), ints.begin(), to_int);
  return ints;
}

double cost(Values sample) {
  return are_whole(sample) ? int_cost(ints_of(sample)) : std::numeric_limits<double>::infinity();
}

void encode(Values values, ByteWriter& out) { encode_ints(ints_of(values), out); }

void decode(ByteReader& in, std::span<uint64_t> values) {
  decode_ints(in, values);
  std::transform(values.begin(), values.end(), values.begin(), to_double);
}

}  // namespace

const Encoding kDoubleWhole = {5, "whole", are_whole, cost, encode, decode};

}  // namespace stepwell::codec
