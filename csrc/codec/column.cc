#include "codec/column.h"

#include <algorithm>
#include <array>
#include <limits>

#include "codec/encodings.h"
#include "codec/mappings.h"
#include "codec/plan.h"

namespace stepwell::codec {

namespace {

void write_framed(const ByteWriter& column, ByteWriter& out) {
  const Bytes bytes = column.bytes();
  out.u8(bytes[0]);
  out.varint(bytes.size() - 1);
  out.raw(bytes.data() + 1, bytes.size() - 1);
}

void decode(std::span<const Encoding> encodings, ByteReader& in, std::span<uint64_t> values) {
  if (values.empty()) return;
  const uint8_t id = in.u8();
  const auto found =
      std::find_if(encodings.begin(), encodings.end(), [&](const Encoding& e) { return e.id == id; });
  if (found == encodings.end()) throw FormatError("a column of unknown encoding " + std::to_string(id));
  ByteReader payload(in.raw(in.varint()));
  found->decode(payload, values);
  payload.finish("a column");
}

bool write_float_planes(Values values, ByteWriter& column) {
  std::vector<uint32_t> words(values.size());
  if (!narrow_floats(values, words)) return false;
  column.u8(kDoubleFloat.id);
  encode_float_planes(words, column);
  return true;
}

constexpr double kWorthALaterWay =
    1.02;  // ways of about the same size are taken in the order below: the quickest first

struct Candidate {
  const Mapping* mapping;
  int parameter;
  IntPlan plan;
};

// The ways that a sample allows, the cheapest first.
struct Candidates {
  std::array<Candidate, 3> all;
  size_t n = 0;

  explicit Candidates(const Sample& sample) {
    for (const Mapping* mapping : {&kDyadicMapping, &kDecimalMapping}) add(*mapping, sample);
    // What is a float32 has the same order among those, on fewer bits.
    if (!add(kFloatOrderedMapping, sample)) add(kOrderedMapping, sample);
  }

  bool add(const Mapping& mapping, const Sample& sample) {
    Sample ints = sample;
    const auto parameter = mapping.fit(sample, ints);
    if (!parameter) return false;
    size_t place = n++;
    const IntPlan plan = plan_ints(ints);
    for (; place > 0 && all[place - 1].plan.bits > plan.bits * kWorthALaterWay; --place)
      all[place] = all[place - 1];
    all[place] = {&mapping, *parameter, plan};
    return true;
  }
};

// 0, and nothing written, if the column is not like its sample or takes no fewer than `bits` in this way.
uint16_t write_mapped(const Candidate& candidate, Values values, double bits, ByteWriter& column) {
  if (candidate.plan.bits >= bits) return 0;
  column.u8(candidate.mapping->encoding->id);
  const uint16_t since = candidate.mapping->encode(values, candidate.parameter, candidate.plan, column);
  if (since == 0) column.clear();
  return since;
}

uint16_t write_constant(uint64_t value, ByteWriter& column) {
  column.u8(kDoubleConstant.id);
  column.fixed(value);
  return kDoubleConstant.since;
}

uint16_t write_varied(Values values, ByteWriter& column) {
  const auto raw_bits = 64 * static_cast<double>(values.size());
  const Sample sample = sample_of(values);
  const Candidates candidates(sample);
  for (const Candidate& candidate : std::span(candidates.all).first(candidates.n)) {
    const bool floats = candidate.mapping == &kFloatOrderedMapping;
    if (const auto since = write_mapped(candidate, values, floats ? raw_bits / 2 : raw_bits, column))
      return since;
    if (floats && write_float_planes(values, column)) return kDoubleFloat.since;
  }
  // The sample looked like something that the column is not.
  Sample ints = sample;
  kOrderedMapping.fit(sample, ints);
  if (const auto since = write_mapped({&kOrderedMapping, 0, plan_ints(ints)}, values, raw_bits, column))
    return since;
  column.u8(kDoubleRaw.id);
  encode_raw_planes(values, column);
  return kDoubleRaw.since;
}

}  // namespace

uint16_t encode_ints(Values values, ByteWriter& out) {
  if (values.empty()) return 1;
  ByteWriter column;
  IntPlan plan;
  if (!all_equal(values)) plan = plan_ints(sample_of(values));
  const uint16_t since = encode_planned(values, plan, column);
  write_framed(column, out);
  return since;
}

uint16_t encode_doubles(Values values, ByteWriter& out) {
  if (values.empty()) return 1;
  ByteWriter column;
  const uint16_t since = values.size() > 1 && all_equal(values) ? write_constant(values.front(), column)
                                                                : write_varied(values, column);
  write_framed(column, out);
  return since;
}

void decode_ints(ByteReader& in, std::span<uint64_t> values) { decode(int_encodings(), in, values); }
void decode_doubles(ByteReader& in, std::span<uint64_t> values) { decode(double_encodings(), in, values); }

}  // namespace stepwell::codec
