// One value for all rows: as a varint among integers, as its eight bytes among doubles.
#include <algorithm>

#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

void decode_int(ByteReader& in, std::span<uint64_t> values) {
  std::fill(values.begin(), values.end(), in.svarint());
}

void decode_double(ByteReader& in, std::span<uint64_t> values) {
  std::fill(values.begin(), values.end(), in.fixed<uint64_t>());
}

}  // namespace

bool all_equal(Values values) {
  return std::all_of(values.begin(), values.end(), [&](uint64_t value) { return value == values.front(); });
}

const Encoding kIntConstant = {0, 1, "constant", decode_int};
const Encoding kDoubleConstant = {0, 1, "constant", decode_double};

}  // namespace stepwell::codec
