// Histograms whose values were counted elsewhere, by bucket code.
#include <gtest/gtest.h>

#include <vector>

#include "histogram/buckets.h"
#include "histogram/histogram.h"

namespace stepwell::histogram {
namespace {

TEST(HistogramCounted, IsTheHistogramOfTheSameValues) {
  const std::vector<float> values = {1.5F, 1.5F, -2.0F, 0.0F, -0.0F, 3e38F, 1e-45F};
  std::vector<int64_t> counts(kCodes);
  for (const float value : values) ++counts[code_of(value)];
  const Histogram expected = count_values(Type::kF32, values.data(), values.size());
  const Histogram found = from_counts(counts, {expected.sum, expected.sum2, expected.min, expected.max});
  EXPECT_EQ(found.count, expected.count);
  EXPECT_EQ(found.buckets, expected.buckets);
  EXPECT_EQ(found.counts, expected.counts);
  EXPECT_EQ(found.min, expected.min);
  EXPECT_EQ(found.max, expected.max);
}

TEST(HistogramCounted, CountsWhatIsNotFiniteApart) {
  std::vector<int64_t> counts(kCodes);
  counts[kInfinityCode] = 1;
  counts[kInfinityCode + kSignCode] = 2;
  counts[kNanCode] = 3;
  const Histogram found = from_counts(counts, {});
  EXPECT_EQ(found.pos_inf, 1U);
  EXPECT_EQ(found.neg_inf, 2U);
  EXPECT_EQ(found.nan, 3U);
  EXPECT_EQ(found.count, 0U);
  EXPECT_NE(found.min, found.min);
}

TEST(HistogramCounted, RefusesWhatCannotBe) {
  std::vector<int64_t> counts(kCodes);
  EXPECT_THROW(from_counts({counts.data(), kCodes - 1}, {}), codec::FormatError);
  counts[1] = -1;
  EXPECT_THROW(from_counts(counts, {}), codec::FormatError);
  counts[1] = 0;
  counts[kNanCode + 1] = 1;
  EXPECT_THROW(from_counts(counts, {}), codec::FormatError);
}

}  // namespace
}  // namespace stepwell::histogram
