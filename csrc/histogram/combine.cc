// Histograms made from other histograms, or counted elsewhere: kept as given, merged, seen through fixed
// bins.
#include <algorithm>
#include <cmath>

#include "histogram/buckets.h"
#include "histogram/histogram.h"

namespace stepwell::histogram {

namespace {

void merge_sparse(Histogram& into, const Histogram& other) {
  std::vector<uint16_t> buckets;
  std::vector<uint64_t> counts;
  buckets.reserve(into.buckets.size() + other.buckets.size());
  counts.reserve(buckets.capacity());
  size_t a = 0;
  size_t b = 0;
  while (a < into.buckets.size() || b < other.buckets.size()) {
    const uint32_t left = a < into.buckets.size() ? into.buckets[a] : kCodes;
    const uint32_t right = b < other.buckets.size() ? other.buckets[b] : kCodes;
    uint64_t count = 0;
    if (left <= right) count += into.counts[a++];
    if (right <= left) count += other.counts[b++];
    buckets.push_back(static_cast<uint16_t>(std::min(left, right)));
    counts.push_back(count);
  }
  into.buckets = std::move(buckets);
  into.counts = std::move(counts);
}

// Calls each(low, high, count) for every bucket, from the lowest value to the highest.
template <typename Each>
void for_each_bin(const Histogram& histogram, Each each) {
  if (!histogram.edges.empty()) {
    for (size_t i = 0; i < histogram.counts.size(); ++i) {
      each(histogram.edges[i], histogram.edges[i + 1], histogram.counts[i]);
    }
    return;
  }
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    const auto [low, high] = edges_of(histogram.buckets[i]);
    each(low, high, histogram.counts[i]);
  }
}

}  // namespace

Histogram keep(std::span<const uint64_t> counts, std::span<const double> edges) {
  if (counts.empty() || counts.size() > kMaxGivenBins || edges.size() != counts.size() + 1) {
    throw codec::FormatError("a histogram of n counts needs n + 1 edges, n from 1 to " +
                             std::to_string(kMaxGivenBins) + ": got " + std::to_string(counts.size()) +
                             " counts and " + std::to_string(edges.size()) + " edges");
  }
  for (size_t i = 0; i < edges.size(); ++i) {
    if (!std::isfinite(edges[i]) || (i > 0 && edges[i] < edges[i - 1])) {
      throw codec::FormatError("the edges of a histogram must be finite and ascending");
    }
  }
  Histogram histogram;
  histogram.counts.assign(counts.begin(), counts.end());
  histogram.edges.assign(edges.begin(), edges.end());
  for (size_t i = 0; i < counts.size(); ++i) {
    if (__builtin_add_overflow(histogram.count, counts[i], &histogram.count)) {
      throw codec::FormatError("a histogram counts over 2^64 values");
    }
    const double middle = edges[i] / 2 + edges[i + 1] / 2;
    histogram.sum += static_cast<double>(counts[i]) * middle;
    histogram.sum2 += static_cast<double>(counts[i]) * middle * middle;
  }
  histogram.min = edges.front();
  histogram.max = edges.back();
  return histogram;
}

Histogram from_counts(std::span<const int64_t> counts, const Figures& figures) {
  if (counts.size() != kCodes) {
    throw codec::FormatError("a histogram counted by code has " + std::to_string(kCodes) + " counts, not " +
                             std::to_string(counts.size()));
  }
  Histogram histogram;
  for (uint32_t code = 0; code < kCodes; ++code) {
    if (counts[code] == 0) continue;
    if (counts[code] < 0)
      throw codec::FormatError("a count of bucket " + std::to_string(code) + " is negative");
    const auto count = static_cast<uint64_t>(counts[code]);
    if (is_bucket(code)) {
      histogram.buckets.push_back(static_cast<uint16_t>(code));
      histogram.counts.push_back(count);
      histogram.count += count;
    } else if (code == kInfinityCode) {
      histogram.pos_inf = count;
    } else if (code == kInfinityCode + kSignCode) {
      histogram.neg_inf = count;
    } else if (code == kNanCode) {
      histogram.nan = count;
    } else {
      throw codec::FormatError("there is no bucket " + std::to_string(code));
    }
  }
  if (histogram.count == 0) return histogram;
  histogram.sum = figures.sum;
  histogram.sum2 = figures.sum2;
  histogram.min = figures.min;
  histogram.max = figures.max;
  return histogram;
}

void merge(Histogram& into, const Histogram& other) {
  if (into.edges != other.edges) {
    throw codec::FormatError("two histograms kept as given merge only if they have the same edges");
  }
  uint64_t count = 0;
  if (__builtin_add_overflow(into.count, other.count, &count)) {
    throw codec::FormatError("a histogram counts over 2^64 values");
  }
  if (into.edges.empty()) {
    merge_sparse(into, other);
  } else {
    std::transform(into.counts.begin(), into.counts.end(), other.counts.begin(), into.counts.begin(),
                   [](uint64_t a, uint64_t b) { return a + b; });
  }
  into.count = count;
  into.nan += other.nan;
  into.pos_inf += other.pos_inf;
  into.neg_inf += other.neg_inf;
  into.sum += other.sum;
  into.sum2 += other.sum2;
  into.min = std::fmin(into.min, other.min);  // NaN, where one is empty, gives way
  into.max = std::fmax(into.max, other.max);
}

Bins rebin(const Histogram& histogram, size_t bins) {
  if (bins == 0 || bins > kMaxGivenBins) {
    throw codec::FormatError("a view has from 1 to " + std::to_string(kMaxGivenBins) + " bins");
  }
  double low = histogram.min;
  double high = histogram.max;
  if (!std::isfinite(low) || !std::isfinite(high)) low = high = 0;
  if (!(low < high)) {  // one value: a bin of width 1 round it, as numpy does, or wider where 1 is too little
    const double half = std::max(0.5, std::fabs(low) * 0x1p-20);
    high = low + half;
    low -= half;
  }
  Bins view;
  view.counts.assign(bins, 0);
  view.edges.resize(bins + 1);
  const auto n = static_cast<double>(bins);
  for (size_t i = 0; i <= bins; ++i) {  // weighted, so that the range may exceed the largest double
    const double t = static_cast<double>(i) / n;
    view.edges[i] = i == bins ? high : low * (1 - t) + high * t;
  }
  const double width = high / n - low / n;
  const auto bin_of = [&](double value) {
    const double at = std::clamp(value / width - low / width, 0.0, n - 1);
    return static_cast<size_t>(at);
  };
  for_each_bin(histogram, [&](double from, double to, uint64_t count) {
    const double begin = std::clamp(from, low, high);
    const double end = std::clamp(to, low, high);
    const size_t first = bin_of(begin);
    const size_t last = bin_of(end);
    const auto total = static_cast<double>(count);
    const double span = end - begin;
    if (first == last || !(span > 0) || !std::isfinite(span)) {
      view.counts[first] += total;
      return;
    }
    double given = 0;
    for (size_t i = first; i < last; ++i) {
      const double overlap = std::max(0.0, std::min(end, view.edges[i + 1]) - std::max(begin, view.edges[i]));
      const double part = std::min(total - given, total * (overlap / span));
      view.counts[i] += part;
      given += part;
    }
    view.counts[last] += total - given;  // the last takes the rest, so that nothing is lost to rounding
  });
  return view;
}

}  // namespace stepwell::histogram
