// What version 1 wrote for doubles that are whole numbers: a column of integers. "dyadic" has taken its
// place.
#include <algorithm>
#include <bit>

#include "codec/column.h"
#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

void decode(ByteReader& in, std::span<uint64_t> values) {
  decode_ints(in, values);
  std::transform(values.begin(), values.end(), values.begin(), [](uint64_t value) {
    return std::bit_cast<uint64_t>(static_cast<double>(static_cast<int64_t>(value)));
  });
}

}  // namespace

const Encoding kDoubleWhole = {5, 1, "whole", decode};

}  // namespace stepwell::codec
