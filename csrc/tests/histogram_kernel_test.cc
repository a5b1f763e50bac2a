#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "histogram/buckets.h"
#include "histogram/histogram.h"

namespace stepwell::histogram {
namespace {

template <typename T>
Histogram count(Type type, const std::vector<T>& values) {
  return count_values(type, values.data(), values.size());
}

// What a bucket is, said without tricks: the float32 that is nearest toward zero, its top twelve bits.
uint32_t plain_code(double value) {
  auto narrow = static_cast<float>(value);
  if (std::fabs(static_cast<double>(narrow)) > std::fabs(value)) narrow = std::nextafterf(narrow, 0.0F);
  if (std::signbit(value)) narrow = -std::fabs(narrow);  // a tiny negative number keeps its sign
  return std::bit_cast<uint32_t>(narrow) >> kCodeShift;
}

std::vector<double> awkward_doubles() {
  std::vector<double> values = {0.0,        -0.0,     1,        -1,        0x1p-126,       0x1p-127,
                                0x1.fp-130, 0x1p-149, 0x1p-150, 0x1p-1074, 0x1.ffffffp127, 0x1.fffffffp127,
                                0x1p128,    1e300,    -1e300,   1.125,     1.1249999999};
  std::mt19937_64 random(7);
  while (values.size() < 20000) {
    const double value = std::bit_cast<double>(random());
    if (std::isfinite(value)) values.push_back(value);
    values.push_back(std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 320) - 200));
  }
  return values;
}

TEST(HistogramKernel, TheBucketIsTheTopOfTheFloatTowardZero) {
  for (const double value : awkward_doubles()) {
    const uint32_t expected =
        std::min(plain_code(value) & (kSignCode - 1), kTopCode) | (plain_code(value) & kSignCode);
    ASSERT_EQ(code_of(value), expected) << value;
  }
}

TEST(HistogramKernel, EveryValueLiesInItsBucket) {
  for (const double value : awkward_doubles()) {
    const auto [low, high] = edges_of(code_of(value));
    if (std::fabs(value) >= 0x1p128) continue;  // beyond float32: kept in the top bucket
    ASSERT_LE(low, value);
    ASSERT_LE(value, high);
  }
}

TEST(HistogramKernel, EdgesOfNeighboursMeet) {
  for (uint32_t code = 0; code < kTopCode; ++code) {
    EXPECT_EQ(edges_of(code).second, edges_of(code + 1).first);
    EXPECT_EQ(edges_of(code + kSignCode).first, -edges_of(code).second);
  }
}

TEST(HistogramKernel, OddValuesAreCountedApart) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const size_t n : {1U, 15U, 16U, 17U, 5000U}) {
    std::vector<float> values(n, 2.0F);
    values.insert(values.begin() + static_cast<std::ptrdiff_t>(n / 2), {inf, -inf, -inf, NAN, -NAN, NAN});
    const std::vector<double> doubles(values.begin(), values.end());
    for (const Histogram& h : {count(Type::kF32, values), count(Type::kF64, doubles)}) {
      EXPECT_EQ(h.pos_inf, 1U);
      EXPECT_EQ(h.neg_inf, 2U);
      EXPECT_EQ(h.nan, 3U);
      EXPECT_EQ(h.count, n);
      EXPECT_EQ(h.counts, std::vector<uint64_t>{n});
      EXPECT_EQ(h.buckets, std::vector<uint16_t>{static_cast<uint16_t>(code_of(2.0))});
      EXPECT_EQ(h.sum, 2.0 * static_cast<double>(n));
      EXPECT_EQ(h.sum2, 4.0 * static_cast<double>(n));
      EXPECT_EQ(h.min, 2);
      EXPECT_EQ(h.max, 2);
    }
  }
}

TEST(HistogramKernel, SquaresThatOverflowDoNotLoseTheRest) {
  const Histogram h = count(Type::kF64, std::vector<double>{1e200, -1e308, 3});
  EXPECT_EQ(h.count, 3U);
  EXPECT_EQ(h.max, 1e200);
  EXPECT_EQ(h.min, -1e308);
  EXPECT_TRUE(std::isinf(h.sum2));
}

TEST(HistogramKernel, NothingGivesAnEmptyHistogram) {
  const Histogram h = count_values(Type::kF32, nullptr, 0);
  EXPECT_EQ(h.count, 0U);
  EXPECT_TRUE(h.buckets.empty());
  EXPECT_TRUE(std::isnan(h.min));
  EXPECT_TRUE(std::isnan(h.max));
}

// All types go different ways to the same buckets.
template <typename T>
void expect_as_doubles(Type type, const std::vector<T>& values) {
  std::map<uint32_t, uint64_t> expected;
  double low = INFINITY;
  double high = -INFINITY;
  for (const T value : values) {
    const auto wide = static_cast<long double>(value);
    double below = static_cast<double>(value);
    if (std::fabs(static_cast<long double>(below)) > std::fabs(wide)) below = std::nextafter(below, 0);
    ++expected[code_of(below)];
    low = std::min(low, static_cast<double>(value));
    high = std::max(high, static_cast<double>(value));
  }
  const Histogram h = count(type, values);
  std::map<uint32_t, uint64_t> got;
  for (size_t i = 0; i < h.buckets.size(); ++i) got[h.buckets[i]] = h.counts[i];
  EXPECT_EQ(got, expected) << static_cast<int>(type);
  EXPECT_EQ(h.min, low);
  EXPECT_EQ(h.max, high);
}

template <typename T>
void expect_integers(Type type) {
  std::mt19937_64 random(3);
  std::vector<T> values = {0, 1, 2, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
  for (int i = 0; i < 10000; ++i) values.push_back(static_cast<T>(random() >> (random() % 64)));
  expect_as_doubles(type, values);
}

TEST(HistogramKernel, IntegersOfEveryWidthKeepTheirExactBucket) {
  expect_integers<int8_t>(Type::kI8);
  expect_integers<uint8_t>(Type::kU8);
  expect_integers<int16_t>(Type::kI16);
  expect_integers<uint16_t>(Type::kU16);
  expect_integers<int32_t>(Type::kI32);
  expect_integers<uint32_t>(Type::kU32);
  expect_integers<int64_t>(Type::kI64);
  expect_integers<uint64_t>(Type::kU64);
}

double half_value(uint16_t half) {  // IEEE 754 binary16, by its definition
  const double sign = (half & 0x8000) != 0 ? -1 : 1;
  const int exponent = (half >> 10) & 31;
  const int fraction = half & 1023;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(HistogramKernel, EveryHalfAndEveryBfloatCountsAsItsValue) {
  std::vector<uint16_t> all(65536);
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  std::vector<double> halves;
  std::vector<double> bfloats;
  for (const uint16_t bits : all) {
    halves.push_back(half_value(bits));
    bfloats.push_back(static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits) << 16)));
  }
  for (const auto& [type, values] : {std::pair{Type::kF16, halves}, std::pair{Type::kBf16, bfloats}}) {
    const Histogram got = count(type, all);
    const Histogram expected = count(Type::kF64, values);
    EXPECT_EQ(got.buckets, expected.buckets);
    EXPECT_EQ(got.counts, expected.counts);
    EXPECT_EQ(got.nan, expected.nan);
    EXPECT_EQ(got.pos_inf, 1U);
    EXPECT_EQ(got.neg_inf, 1U);
    EXPECT_EQ(got.min, expected.min);
    EXPECT_EQ(got.max, expected.max);
  }
}

TEST(HistogramKernel, FloatsAndDoublesOfTheSameValuesAgree) {
  std::mt19937 random(11);
  std::vector<float> floats;
  for (int i = 0; i < 100000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    floats.push_back(value);
  }
  const std::vector<double> doubles(floats.begin(), floats.end());
  const Histogram a = count(Type::kF32, floats);
  const Histogram b = count(Type::kF64, doubles);
  EXPECT_EQ(a.buckets, b.buckets);
  EXPECT_EQ(a.counts, b.counts);
  EXPECT_EQ(a.nan, b.nan);
}

TEST(HistogramKernel, FewValuesCountAsPartsOfMany) {
  std::mt19937_64 random(17);
  std::vector<double> values(5000);
  for (double& value : values) value = std::ldexp(static_cast<double>(random() >> 11) - 0x1p52, -50);
  Histogram sum;
  for (size_t at = 0; at < values.size(); at += 500)
    merge(sum, count_values(Type::kF64, values.data() + at, 500));
  const Histogram whole = count(Type::kF64, values);
  EXPECT_EQ(sum.buckets, whole.buckets);
  EXPECT_EQ(sum.counts, whole.counts);
  EXPECT_EQ(sum.count, 5000U);
}

TEST(HistogramKernel, BooleansAreOneOrZero) {
  const Histogram h = count(Type::kBool, std::vector<uint8_t>{0, 1, 1, 255});
  EXPECT_EQ(h.sum, 3);
  EXPECT_EQ(h.buckets, (std::vector<uint16_t>{0, static_cast<uint16_t>(code_of(1.0))}));
}

TEST(HistogramKernel, UnalignedValuesAreRead) {
  std::vector<unsigned char> bytes(1 + 3000 * sizeof(float));
  const float value = 1.5F;
  for (size_t i = 0; i < 3000; ++i) std::memcpy(bytes.data() + 1 + i * sizeof value, &value, sizeof value);
  EXPECT_EQ(count_values(Type::kF32, bytes.data() + 1, 3000).sum, 4500);
}

std::vector<uint64_t> bits_of(const Histogram& h) {
  std::vector<uint64_t> all = {h.count, h.nan, h.pos_inf, h.neg_inf};
  for (const double figure : {h.sum, h.sum2, h.min, h.max}) {
    all.push_back(std::isnan(figure) ? 0 : std::bit_cast<uint64_t>(figure));  // which NaN, nobody promises
  }
  for (size_t i = 0; i < h.buckets.size(); ++i) {
    all.push_back(h.buckets[i]);
    all.push_back(h.counts[i]);
  }
  return all;
}

// Whatever the width of its vectors, a processor finds the same buckets and the same sums bit for bit.
TEST(HistogramKernel, EveryPathGivesTheSameBits) {
  std::mt19937_64 random(23);
  std::normal_distribution<double> normal;
  const std::vector<Type> types = {Type::kF16, Type::kBf16, Type::kF32, Type::kF64, Type::kI8,
                                   Type::kU8,  Type::kI16,  Type::kU16, Type::kI32, Type::kU32,
                                   Type::kI64, Type::kU64,  Type::kBool};
  for (const size_t n : {0U, 1U, 15U, 16U, 17U, 1024U, 1025U, 2047U, 2048U, 2049U, 5000U, 20011U}) {
    std::vector<uint64_t> any(n + 1);  // any bits: every kind of NaN, infinities, subnormals
    for (uint64_t& word : any) word = random();
    std::vector<double> doubles(n + 1);
    for (double& value : doubles) value = std::ldexp(normal(random), static_cast<int>(random() % 40) - 20);
    std::vector<float> floats(doubles.begin(), doubles.end());
    std::vector<float> zeros(n + 1);
    for (float& zero : zeros) zero = (random() & 1) != 0 ? -0.0F : 0.0F;
    std::vector<float> dotted = floats;
    for (size_t i = 0; i < n; i += 700) dotted[i] = i % 1400 == 0 ? NAN : -INFINITY;
    const auto check = [&](Type type, const void* values) {
      const std::vector<uint64_t> first = bits_of(count_values(type, values, n, 0));
      for (size_t path = 1; path < count_paths(); ++path) {
        EXPECT_EQ(bits_of(count_values(type, values, n, path)), first)
            << "type " << static_cast<int>(type) << ", " << n << " values, path " << path;
      }
      EXPECT_EQ(bits_of(count_values(type, values, n)), first);
    };
    for (const Type type : types) check(type, any.data());
    for (const Type type : types) check(type, reinterpret_cast<const char*>(any.data()) + 1);
    check(Type::kF64, doubles.data());
    check(Type::kF32, floats.data());
    check(Type::kF32, zeros.data());
    check(Type::kF32, dotted.data());
  }
}

}  // namespace
}  // namespace stepwell::histogram
