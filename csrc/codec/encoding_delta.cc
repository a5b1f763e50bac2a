// Differences to the one before, bit-packed: counters, steps. Arithmetic is modulo 2^64, so that any step
// fits.
#include <array>
#include <vector>

#include "codec/bit_pack.h"
#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

bool always(Values) { return true; }

void differences(Values values, std::span<uint64_t> out) {
  for (size_t i = 1; i < values.size(); ++i) out[i - 1] = values[i] - values[i - 1];
}

double cost(Values sample) {
  std::array<uint64_t, kPackRun> delta;
  differences(sample, delta);
  return packed_bits(std::span(delta).first(sample.size() - 1)) + 16;
}

void encode(Values values, ByteWriter& out) {
  std::vector<uint64_t> delta(values.size() - 1);
  differences(values, delta);
  out.svarint(values.front());
  pack_runs(delta, out);
}

void decode(ByteReader& in, std::span<uint64_t> values) {
  values.front() = in.svarint();
  unpack_runs(in, values.subspan(1));
  for (size_t i = 1; i < values.size(); ++i) values[i] += values[i - 1];
}

}  // namespace

const Encoding kIntDelta = {2, "delta", always, cost, encode, decode};

}  // namespace stepwell::codec
