#include "codec/column.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

constexpr size_t kSampleRun = 64;  // neighbours looked at together
constexpr size_t kSampleRuns = 3;  // from begin, middle and end: a bounded cost however long the column

double sampled_cost(const Encoding& encoding, Values values) {
  if (values.size() <= kSampleRun) return encoding.cost(values);
  double cost = 0;
  const size_t last = values.size() - kSampleRun;
  for (size_t i = 0; i < kSampleRuns; ++i) {
    cost += encoding.cost(values.subspan(last / (kSampleRuns - 1) * i, kSampleRun));
  }
  return cost;
}

const Encoding& choose(std::span<const Encoding> encodings, Values values) {
  const Encoding* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const Encoding& encoding : encodings) {
    const double cost = sampled_cost(encoding, values);
    if (cost < least && encoding.applies(values)) {
      best = &encoding;
      least = cost;
      if (cost == 0) break;
    }
  }
  if (best == nullptr) throw std::logic_error("each kind of column needs an encoding that always applies");
  return *best;
}

void encode(std::span<const Encoding> encodings, Values values, ByteWriter& out) {
  if (values.empty()) return;
  const Encoding& encoding = choose(encodings, values);
  ByteWriter payload;
  encoding.encode(values, payload);
  out.u8(encoding.id);
  out.varint(payload.size());
  out.raw(payload.bytes().data(), payload.size());
}

void decode(std::span<const Encoding> encodings, ByteReader& in, std::span<uint64_t> values) {
  if (values.empty()) return;
  const uint8_t id = in.u8();
  ByteReader payload(in.raw(in.varint()));
  const auto found =
      std::find_if(encodings.begin(), encodings.end(), [&](const Encoding& e) { return e.id == id; });
  if (found == encodings.end()) throw FormatError("a column of unknown encoding " + std::to_string(id));
  found->decode(payload, values);
  payload.finish("a column");
}

}  // namespace

void encode_ints(std::span<const uint64_t> values, ByteWriter& out) { encode(int_encodings(), values, out); }
void encode_doubles(std::span<const uint64_t> values, ByteWriter& out) {
  encode(double_encodings(), values, out);
}
void decode_ints(ByteReader& in, std::span<uint64_t> values) { decode(int_encodings(), in, values); }
void decode_doubles(ByteReader& in, std::span<uint64_t> values) { decode(double_encodings(), in, values); }

double int_cost(std::span<const uint64_t> sample) {
  double least = std::numeric_limits<double>::infinity();
  for (const Encoding& encoding : int_encodings()) {
    if (encoding.applies(sample)) least = std::min(least, encoding.cost(sample));
  }
  return least;
}

}  // namespace stepwell::codec
