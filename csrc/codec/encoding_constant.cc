// One value for all rows: as a varint among integers, as its eight bytes among doubles.
#include <algorithm>

#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

bool all_equal(Values values) {
  return std::all_of(values.begin(), values.end(), [&](uint64_t value) { return value == values.front(); });
}

double int_bits(Values) { return 0; }
// Of a single value a float takes less.
double double_bits(Values sample) { return sample.size() == 1 ? 64 : 0; }

void encode_int(Values values, ByteWriter& out) { out.svarint(values.front()); }
void decode_int(ByteReader& in, std::span<uint64_t> values) {
  std::fill(values.begin(), values.end(), in.svarint());
}

void encode_double(Values values, ByteWriter& out) { out.fixed(values.front()); }
void decode_double(ByteReader& in, std::span<uint64_t> values) {
  std::fill(values.begin(), values.end(), in.fixed<uint64_t>());
}

}  // namespace

const Encoding kIntConstant = {0, "constant", all_equal, int_bits, encode_int, decode_int};
const Encoding kDoubleConstant = {0, "constant", all_equal, double_bits, encode_double, decode_double};

}  // namespace stepwell::codec
