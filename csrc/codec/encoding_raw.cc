// Doubles as byte planes: noise in columns too short for anything else. Version 1 also wrote them after XOR
// with the one before.
#include "codec/encodings.h"
#include "codec/shuffle.h"

namespace stepwell::codec {

namespace {

void decode_raw(ByteReader& in, std::span<uint64_t> values) {
  unshuffle<uint64_t>(in.raw(values.size() * 8), values.size(),
                      [&](size_t i, uint64_t word) { values[i] = word; });
}

void decode_xor(ByteReader& in, std::span<uint64_t> values) {
  uint64_t previous = 0;
  unshuffle<uint64_t>(in.raw(values.size() * 8), values.size(),
                      [&](size_t i, uint64_t word) { values[i] = previous ^= word; });
}

}  // namespace

void encode_raw_planes(Values values, ByteWriter& out) {
  shuffle(values, out.extend(values.size() * sizeof(uint64_t)));
}

const Encoding kDoubleRaw = {1, 1, "raw", decode_raw};
const Encoding kDoubleXor = {2, 1, "xor", decode_xor};

}  // namespace stepwell::codec
