// What version 1 wrote for counters and clocks: differences to the one before, and differences of those, in
// packed runs. "differences" has taken their place.
#include "codec/bit_pack.h"
#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

void decode_delta(ByteReader& in, std::span<uint64_t> values) {
  values.front() = in.svarint();
  unpack_runs(in, values.subspan(1));
  for (size_t i = 1; i < values.size(); ++i) values[i] += values[i - 1];
}

void decode_delta2(ByteReader& in, std::span<uint64_t> values) {
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

const Encoding kIntDelta = {2, 1, "delta", decode_delta};
const Encoding kIntDelta2 = {3, 1, "delta of delta", decode_delta2};

}  // namespace stepwell::codec
