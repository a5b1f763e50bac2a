// Doubles as the integers that count the doubles up to them: neighbours on the number line are neighbours
// among these, so that smooth curves have small differences. float32 values likewise, among the float32
// numbers.
#include <array>
#include <vector>

#include "codec/column.h"
#include "codec/mappings.h"

namespace stepwell::codec {

namespace {

// Sign and magnitude to two's complement, and back.
constexpr uint64_t order64(uint64_t bits) { return bits ^ ((0 - (bits >> 63)) >> 1); }
constexpr uint64_t order32(uint32_t bits) {
  const uint32_t ordered = bits ^ ((0 - (bits >> 31)) >> 1);
  return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(ordered)));
}
constexpr uint32_t unorder32(uint64_t ordered) {
  const auto low = static_cast<uint32_t>(ordered);
  return low ^ ((0 - (low >> 31)) >> 1);
}

std::optional<int> fit_ordered(const Sample& doubles, Sample& ints) {
  for (size_t i = 0; i < doubles.n; ++i) ints.values[i] = order64(doubles.values[i]);
  return 0;
}

uint16_t encode_ordered(Values values, int, const IntPlan& plan, ByteWriter& out) {
  std::vector<uint64_t> ints(values.size());
  for (size_t i = 0; i < values.size(); ++i) ints[i] = order64(values[i]);
  encode_planned(ints, plan, out);
  return kDoubleOrdered.since;
}

void decode_ordered(ByteReader& in, std::span<uint64_t> values) {
  decode_rest(int_encodings(), in, values);
  for (uint64_t& value : values) value = order64(value);
}

std::optional<int> fit_float_ordered(const Sample& doubles, Sample& ints) {
  std::array<uint32_t, kSampleMax> words;
  if (!narrow_floats(doubles.all(), words)) return std::nullopt;
  for (size_t i = 0; i < doubles.n; ++i) ints.values[i] = order32(words[i]);
  return 0;
}

uint16_t encode_float_ordered(Values values, int, const IntPlan& plan, ByteWriter& out) {
  std::vector<uint32_t> words(values.size());
  if (!narrow_floats(values, words)) return 0;
  std::vector<uint64_t> ints(values.size());
  for (size_t i = 0; i < values.size(); ++i) ints[i] = order32(words[i]);
  encode_planned(ints, plan, out);
  return kDoubleFloatOrdered.since;
}

void decode_float_ordered(ByteReader& in, std::span<uint64_t> values) {
  decode_rest(int_encodings(), in, values);
  std::vector<uint32_t> words(values.size());
  for (size_t i = 0; i < values.size(); ++i) words[i] = unorder32(values[i]);
  widen_floats(words, values);
}

}  // namespace

const Encoding kDoubleOrdered = {6, 2, "ordered", decode_ordered};
const Encoding kDoubleFloatOrdered = {7, 2, "float ordered", decode_float_ordered};

const Mapping kOrderedMapping = {&kDoubleOrdered, fit_ordered, encode_ordered};
const Mapping kFloatOrderedMapping = {&kDoubleFloatOrdered, fit_float_ordered, encode_float_ordered};

}  // namespace stepwell::codec
