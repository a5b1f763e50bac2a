// Histogram bytes: version, form, odd counts, then sparse (code, count) pairs or given counts and edges.
#include <cmath>
#include <string>

#include "histogram/buckets.h"
#include "histogram/histogram.h"

namespace stepwell::histogram {

namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kSparse = 0;
constexpr uint8_t kGiven = 1;

void add_checked(uint64_t& total, uint64_t count) {
  if (__builtin_add_overflow(total, count, &total))
    throw codec::FormatError("a histogram counts over 2^64 values");
}

void read_sparse(codec::ByteReader& in, Histogram& histogram) {
  const uint64_t n = in.count(kCodes, "the number of buckets");
  histogram.buckets.reserve(n);
  histogram.counts.reserve(n);
  uint64_t next = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const uint64_t code = next + in.count(kCodes, "a bucket code");
    if (!is_bucket(static_cast<uint32_t>(code))) {
      throw codec::FormatError("a histogram names bucket " + std::to_string(code) + ", which does not exist");
    }
    const uint64_t count = in.varint();
    if (count == 0) throw codec::FormatError("a sparse histogram holds an empty bucket");
    add_checked(histogram.count, count);
    histogram.buckets.push_back(static_cast<uint16_t>(code));
    histogram.counts.push_back(count);
    next = code + 1;
  }
}

void read_given(codec::ByteReader& in, Histogram& histogram) {
  const uint64_t n = in.count(kMaxGivenBins, "the number of bins");
  if (n == 0) throw codec::FormatError("a given histogram has no bins");
  if (n > in.left()) throw codec::FormatError("the bytes end in the middle of a value");
  histogram.counts.reserve(n);
  for (uint64_t i = 0; i < n; ++i) {
    histogram.counts.push_back(in.varint());
    add_checked(histogram.count, histogram.counts.back());
  }
  const codec::Bytes edges = in.raw((n + 1) * sizeof(double));
  histogram.edges.resize(n + 1);
  std::memcpy(histogram.edges.data(), edges.data(), edges.size());
  for (size_t i = 0; i <= n; ++i) {
    if (!std::isfinite(histogram.edges[i]) || (i > 0 && histogram.edges[i] < histogram.edges[i - 1])) {
      throw codec::FormatError("the edges of a given histogram must be finite and ascending");
    }
  }
}

}  // namespace

void encode(const Histogram& histogram, codec::ByteWriter& out) {
  const bool given = !histogram.edges.empty();
  out.u8(kVersion);
  out.u8(given ? kGiven : kSparse);
  out.varint(histogram.nan);
  out.varint(histogram.pos_inf);
  out.varint(histogram.neg_inf);
  out.varint(histogram.counts.size());
  if (given) {
    for (const uint64_t count : histogram.counts) out.varint(count);
    out.raw(histogram.edges.data(), histogram.edges.size() * sizeof(double));
  } else {
    uint32_t next = 0;
    for (size_t i = 0; i < histogram.counts.size(); ++i) {
      out.varint(histogram.buckets[i] - next);
      out.varint(histogram.counts[i]);
      next = histogram.buckets[i] + 1U;
    }
  }
  for (const double value : {histogram.sum, histogram.sum2, histogram.min, histogram.max}) out.fixed(value);
}

Histogram decode(codec::Bytes bytes) {
  codec::ByteReader in(bytes);
  if (const uint8_t version = in.u8(); version != kVersion) {
    throw codec::FormatError("a histogram of version " + std::to_string(version) +
                             ", this build reads version 1");
  }
  const uint8_t form = in.u8();
  Histogram histogram;
  histogram.nan = in.varint();
  histogram.pos_inf = in.varint();
  histogram.neg_inf = in.varint();
  if (form == kSparse) {
    read_sparse(in, histogram);
  } else if (form == kGiven) {
    read_given(in, histogram);
  } else {
    throw codec::FormatError("a histogram of unknown form " + std::to_string(form));
  }
  histogram.sum = in.fixed<double>();
  histogram.sum2 = in.fixed<double>();
  histogram.min = in.fixed<double>();
  histogram.max = in.fixed<double>();
  in.finish("a histogram");
  return histogram;
}

}  // namespace stepwell::histogram
