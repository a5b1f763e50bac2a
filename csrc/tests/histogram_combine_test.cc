#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "histogram/histogram.h"

namespace stepwell::histogram {
namespace {

Histogram of(const std::vector<double>& values) {
  return count_values(Type::kF64, values.data(), values.size());
}

std::vector<uint8_t> bytes_of(const Histogram& histogram) {
  codec::ByteWriter out;
  encode(histogram, out);
  return out.take();
}

void expect_equal(const Histogram& a, const Histogram& b) { EXPECT_EQ(bytes_of(a), bytes_of(b)); }

TEST(HistogramCombine, MergingIsCountingTogether) {
  const std::vector<double> left = {1, 2, 3, -0.25, NAN};
  const std::vector<double> right = {2, 1024, INFINITY};
  std::vector<double> both = left;
  both.insert(both.end(), right.begin(), right.end());
  Histogram merged = of(left);
  merge(merged, of(right));
  expect_equal(merged, of(both));
}

TEST(HistogramCombine, MergingWithNothingChangesNothing) {
  Histogram merged = of({});
  merge(merged, of({5}));
  expect_equal(merged, of({5}));
  merge(merged, of({}));
  expect_equal(merged, of({5}));
}

TEST(HistogramCombine, GivenHistogramsMergeOnlyOverTheSameEdges) {
  const std::vector<uint64_t> counts = {1, 2};
  const std::vector<double> edges = {0, 1, 3};
  Histogram a = keep(counts, edges);
  merge(a, keep(counts, edges));
  EXPECT_EQ(a.counts, (std::vector<uint64_t>{2, 4}));
  EXPECT_EQ(a.count, 6U);
  EXPECT_EQ(a.min, 0);
  EXPECT_EQ(a.max, 3);
  EXPECT_THROW(merge(a, of({1})), codec::FormatError);
  EXPECT_THROW(merge(a, keep(counts, std::vector<double>{0, 1, 4})), codec::FormatError);
}

TEST(HistogramCombine, WhatCannotBeAHistogramIsRefused) {
  using Counts = std::vector<uint64_t>;
  using Edges = std::vector<double>;
  EXPECT_THROW(keep(Counts{}, Edges{0}), codec::FormatError);
  EXPECT_THROW(keep(Counts{1}, Edges{0}), codec::FormatError);
  EXPECT_THROW(keep(Counts{1}, Edges{1, 0}), codec::FormatError);
  EXPECT_THROW(keep(Counts{1}, Edges{0, INFINITY}), codec::FormatError);
  EXPECT_THROW(keep(Counts{UINT64_MAX, 1}, Edges{0, 1, 2}), codec::FormatError);
}

TEST(HistogramCombine, AViewKeepsTheTotalAndTheRange) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal(3, 10);
  std::vector<double> values(5000);
  for (double& value : values) value = normal(random);
  const Histogram h = of(values);
  for (const size_t bins : {1U, 2U, 64U, 1000U}) {
    const Bins view = rebin(h, bins);
    ASSERT_EQ(view.counts.size(), bins);
    ASSERT_EQ(view.edges.size(), bins + 1);
    EXPECT_EQ(view.edges.front(), h.min);
    EXPECT_EQ(view.edges.back(), h.max);
    EXPECT_TRUE(std::is_sorted(view.edges.begin(), view.edges.end()));
    EXPECT_NEAR(std::accumulate(view.counts.begin(), view.counts.end(), 0.0), 5000, 1e-6);
    for (const double count : view.counts) EXPECT_GE(count, 0);
  }
}

TEST(HistogramCombine, AViewOfOddRangesIsFinite) {
  for (const auto& values :
       {std::vector<double>{}, {0}, {7, 7}, {1e300, 1e300}, {-1.7e308, 1.7e308}, {NAN}, {5e-324, 0}}) {
    const Bins view = rebin(of(values), 8);
    for (const double edge : view.edges) EXPECT_TRUE(std::isfinite(edge)) << values.size();
    const double total = std::accumulate(view.counts.begin(), view.counts.end(), 0.0);
    EXPECT_EQ(total, static_cast<double>(of(values).count));
  }
}

TEST(HistogramCombine, BytesComeBack) {
  for (const Histogram& h : {of({}), of({1, 2, -3, NAN, 1e-300}),
                             keep(std::vector<uint64_t>{0, 9}, std::vector<double>{-1, 0, 0})}) {
    expect_equal(decode(bytes_of(h)), h);
  }
}

TEST(HistogramCombine, DamagedBytesNeverPassTheEnd) {
  for (const Histogram& h :
       {of({1, 2, -3, NAN}), keep(std::vector<uint64_t>{1, 9}, std::vector<double>{-1, 0, 2})}) {
    const std::vector<uint8_t> whole = bytes_of(h);
    for (size_t length = 0; length < whole.size(); ++length) {
      const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_THROW(decode(cut), codec::FormatError) << length;
    }
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::vector<uint8_t> flipped = whole;
      flipped[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
      try {
        const Histogram read = decode(flipped);
        EXPECT_EQ(read.count, std::accumulate(read.counts.begin(), read.counts.end(), uint64_t{0}));
      } catch (const codec::FormatError&) {
        SUCCEED();
      }
    }
  }
}

}  // namespace
}  // namespace stepwell::histogram
