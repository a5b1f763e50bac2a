// Integers that are all so many steps from the first: durations by a coarse clock, counters of batches,
// percentages. The steps are a column of their own.
#include <bit>
#include <vector>

#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

void decode(ByteReader& in, std::span<uint64_t> values) {
  const uint64_t base = in.svarint();
  const uint64_t step = in.varint();
  decode_rest(encodings_of_steps(), in, values);
  for (uint64_t& value : values) value = base + step * value;
}

// Of an odd number, modulo 2^64: each round of Newton's doubles the bits that are right, beginning with
// three.
constexpr uint64_t inverse(uint64_t odd) {
  uint64_t x = odd;
  for (int round = 0; round < 5; ++round) x *= 2 - odd * x;
  return x;
}

}  // namespace

bool divide(Values values, uint64_t base, uint64_t step, std::span<uint64_t> out) {
  const auto twos = static_cast<unsigned>(std::countr_zero(step));
  const uint64_t odd = step >> twos;
  const uint64_t by_odd = inverse(odd);
  // An exact quotient is a product with the inverse; of all others the product is too large.
  const uint64_t most = static_cast<uint64_t>(INT64_MAX) / odd;
  uint64_t wrong = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint64_t distance = values[i] - base;
    const auto halved = static_cast<uint64_t>(static_cast<int64_t>(distance) >> twos);
    out[i] = halved * by_odd;
    wrong |= (halved << twos) ^ distance;
    wrong |= out[i] + most > 2 * most ? 1U : 0U;
  }
  return wrong == 0;
}

const Encoding kIntMultiples = {6, 2, "multiples", decode};

}  // namespace stepwell::codec
