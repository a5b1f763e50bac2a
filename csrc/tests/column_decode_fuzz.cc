// Takes bytes as a column to decode, and as values to encode: what comes back must be the same bits.
// The first byte says which of the two, and whether they are doubles; the next two the number of values.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "codec/column.h"

namespace {

namespace codec = stepwell::codec;

void decode(bool doubles, codec::ByteReader& in, std::vector<uint64_t>& values) {
  doubles ? codec::decode_doubles(in, values) : codec::decode_ints(in, values);
}

void round_trip(bool doubles, const std::vector<uint64_t>& values) {
  codec::ByteWriter out;
  doubles ? codec::encode_doubles(values, out) : codec::encode_ints(values, out);
  std::vector<uint64_t> back(values.size());
  codec::ByteReader in(out.bytes());
  decode(doubles, in, back);
  in.finish("the fuzzer's column");
  if (back != values) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const bool doubles = (data[0] & 1) != 0;
  const size_t count = static_cast<size_t>(data[1]) | static_cast<size_t>(data[2]) << 8;
  const codec::Bytes rest(data + 3, size - 3);
  if ((data[0] & 2) != 0) {
    // Each value from few or many of the bytes, so that all kinds of columns occur.
    const size_t width = 1 + (data[0] >> 2) % sizeof(uint64_t);
    std::vector<uint64_t> values(rest.size() / width);
    for (size_t i = 0; i < values.size(); ++i) std::memcpy(&values[i], rest.data() + i * width, width);
    round_trip(doubles, values);
    return 0;
  }
  std::vector<uint64_t> values(count);
  try {
    codec::ByteReader in(rest);
    decode(doubles, in, values);
  } catch (const codec::FormatError&) {
    return 0;
  }
  round_trip(doubles, values);
  return 0;
}
