// Doubles as byte planes, as they are or after XOR with the one before (smooth series share their top bits).
#include <array>
#include <vector>

#include "codec/encodings.h"
#include "codec/shuffle.h"

namespace stepwell::codec {

namespace {

bool always(Values) { return true; }

void xor_previous(Values values, std::span<uint64_t> out) {
  uint64_t previous = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    out[i] = values[i] ^ previous;
    previous = values[i];
  }
}

double cost_raw(Values sample) { return plane_entropy(sample, 8); }

void encode_raw(Values values, ByteWriter& out) { shuffle(values, out.extend(values.size() * 8)); }

void decode_raw(ByteReader& in, std::span<uint64_t> values) {
  unshuffle<uint64_t>(in.raw(values.size() * 8), values.size(),
                      [&](size_t i, uint64_t word) { values[i] = word; });
}

double cost_xor(Values sample) {
  std::array<uint64_t, kEntropySample> mixed;
  sample = sample.first(std::min(sample.size(), kEntropySample));
  xor_previous(sample, mixed);
  // The first of the sample has no neighbour here, though it has one in the column.
  const auto n = static_cast<double>(sample.size());
  return n < 2 ? cost_raw(sample)
               : plane_entropy(std::span(mixed).first(sample.size()).subspan(1), 8) * n / (n - 1);
}

void encode_xor(Values values, ByteWriter& out) {
  std::vector<uint64_t> mixed(values.size());
  xor_previous(values, mixed);
  shuffle(Values(mixed), out.extend(values.size() * 8));
}

void decode_xor(ByteReader& in, std::span<uint64_t> values) {
  uint64_t previous = 0;
  unshuffle<uint64_t>(in.raw(values.size() * 8), values.size(),
                      [&](size_t i, uint64_t word) { values[i] = previous ^= word; });
}

}  // namespace

const Encoding kDoubleRaw = {1, "raw", always, cost_raw, encode_raw, decode_raw};
const Encoding kDoubleXor = {2, "xor", always, cost_xor, encode_xor, decode_xor};

}  // namespace stepwell::codec
