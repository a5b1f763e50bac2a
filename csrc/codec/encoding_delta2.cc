// Differences of the differences, bit-packed: clocks whose rate drifts. Arithmetic is modulo 2^64.
#include <array>
#include <vector>

#include "codec/bit_pack.h"
#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

bool three_or_more(Values values) { return values.size() >= 3; }

void differences(Values values, std::span<uint64_t> out) {
  for (size_t i = 2; i < values.size(); ++i) out[i - 2] = values[i] - 2 * values[i - 1] + values[i - 2];
}

double cost(Values sample) {
  if (sample.size() < 3) return 64;
  std::array<uint64_t, kPackRun> delta;
  differences(sample, delta);
  return packed_bits(std::span(delta).first(sample.size() - 2)) + 32;
}

void encode(Values values, ByteWriter& out) {
  std::vector<uint64_t> delta(values.size() - 2);
  differences(values, delta);
  out.svarint(values[0]);
  out.svarint(values[1] - values[0]);
  pack_runs(delta, out);
}

void decode(ByteReader& in, std::span<uint64_t> values) {
  if (values.size() < 3) throw FormatError("differences of differences of fewer than three values");
  values[0] = in.svarint();
  uint64_t delta = in.svarint();
  values[1] = values[0] + delta;
  unpack_runs(in, values.subspan(2));
  for (size_t i = 2; i < values.size(); ++i) {
    delta += values[i];
    values[i] = values[i - 1] + delta;
  }
}

}  // namespace

const Encoding kIntDelta2 = {3, "delta of delta", three_or_more, cost, encode, decode};

}  // namespace stepwell::codec
