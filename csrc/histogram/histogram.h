// Distributions: counting arrays of numbers into sparse log-linear buckets, merging, fixed-bin views, bytes.
// Never looks at a device or at Python. Called by bindings/histogram.cc, and by codec and native to check
// and unpack what a block carries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "codec/bytes.h"

namespace stepwell::histogram {

inline constexpr size_t kMaxGivenBins = 65536;  // of a histogram kept as given

struct Histogram {
  uint64_t count = 0;  // finite values: the sum of counts
  uint64_t nan = 0;
  uint64_t pos_inf = 0;
  uint64_t neg_inf = 0;
  double sum = 0;  // of the finite values; as are sum2 (squares), min and max
  double sum2 = 0;
  double min = std::numeric_limits<double>::quiet_NaN();  // NaN where there is no finite value
  double max = std::numeric_limits<double>::quiet_NaN();
  std::vector<uint16_t> buckets;  // ascending codes (buckets.h), one per count; empty if kept as given
  std::vector<uint64_t> counts;
  std::vector<double> edges;  // counts + 1 ascending edges if kept as given; else empty
};

enum class Type : uint8_t { kF16, kBf16, kF32, kF64, kI8, kU8, kI16, kU16, kI32, kU32, kI64, kU64, kBool };

size_t size_of(Type type);

// Counts n values lying one behind the other, aligned to their size or not.
Histogram count_values(Type type, const void* values, size_t n);

// The same by one of the code paths that this processor can take, from the narrowest vectors to the widest,
// which the above takes. Every path gives the same result bit for bit.
size_t count_paths();
Histogram count_values(Type type, const void* values, size_t n, size_t path);

// What lies in `counts`, one a code (buckets.h): buckets, infinities and NaN, counted elsewhere. `sum` to
// `max` are taken from `figures`. Throws FormatError for a negative count or one of a code that means
// nothing.
struct Figures {
  double sum = 0;
  double sum2 = 0;
  double min = 0;
  double max = 0;
};
Histogram from_counts(std::span<const int64_t> counts, const Figures& figures);

// Keeps a histogram as given. sum and sum2 are taken at the bins' middles. Throws FormatError.
Histogram keep(std::span<const uint64_t> counts, std::span<const double> edges);

// Adds `other` to `into`. Throws FormatError where their edges differ.
void merge(Histogram& into, const Histogram& other);

struct Bins {
  std::vector<double> counts;
  std::vector<double> edges;  // one more than counts
};

// A view of `bins` equal bins over [min, max]; a bucket's count is shared by overlap.
Bins rebin(const Histogram& histogram, size_t bins);

// The compact bytes of a histogram, as they travel in ring and block (docs/block-format.md).
void encode(const Histogram& histogram, codec::ByteWriter& out);
Histogram decode(codec::Bytes bytes);  // throws FormatError

}  // namespace stepwell::histogram
