#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <random>

#include "codec/column.h"
#include "codec/encodings.h"

namespace stepwell::codec {
namespace {

using Column = std::vector<uint64_t>;

uint64_t bits(double value) { return std::bit_cast<uint64_t>(value); }

Column filled(size_t n, auto value_of) {
  Column column(n);
  for (size_t i = 0; i < n; ++i) column[i] = static_cast<uint64_t>(value_of(i));
  return column;
}

// Columns by what they are like, each in several lengths: round runs, one more, one less.
std::vector<Column> int_columns() {
  std::mt19937_64 random(1);
  std::vector<Column> columns;
  for (const size_t n : {1U, 2U, 3U, 4U, 63U, 64U, 65U, 127U, 128U, 129U, 130U, 257U, 1000U}) {
    columns.push_back(filled(n, [](size_t) { return -7; }));
    columns.push_back(filled(n, [](size_t i) { return i * 10; }));
    columns.push_back(filled(n, [](size_t i) { return i * i - 5000; }));
    columns.push_back(filled(n, [&](size_t) { return random(); }));
    columns.push_back(filled(n, [&](size_t) { return random() & 1; }));
    columns.push_back(filled(n, [&](size_t i) { return 1'790'000'000'000 + i * 50 + random() % 3; }));
    columns.push_back(filled(n, [](size_t i) { return i % 2 == 0 ? INT64_MIN : INT64_MAX; }));
    columns.push_back(filled(n, [&](size_t i) { return i == n / 2 ? UINT64_MAX : i; }));
    columns.push_back(filled(n, [&](size_t i) { return i % 97 == 5 ? random() : i / 3; }));
    columns.push_back(filled(n, [&](size_t) { return (random() % 11) * 0x123456789abcdULL; }));
    columns.push_back(filled(n, [](size_t i) { return i * i * i * i * i; }));
    // Whole steps, also such as wrap around; and one value between them.
    columns.push_back(filled(n, [&](size_t) { return 1000 * (random() % 5000) - 77; }));
    columns.push_back(filled(n, [&](size_t) { return random() << 20; }));
    columns.push_back(filled(n, [&](size_t) { return 0xf000000000000001ULL * (random() & 1); }));
    columns.push_back(filled(n, [&](size_t i) { return 96 * (random() >> 50) + (i == n / 5 ? 1 : 0); }));
    for (unsigned width = 1; width <= 64; width += 9) {
      columns.push_back(filled(n, [&](size_t) { return random() >> (64 - width); }));
    }
  }
  return columns;
}

std::vector<Column> double_columns() {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal;
  std::vector<Column> columns;
  for (const size_t n : {1U, 2U, 3U, 64U, 65U, 200U, 1000U}) {
    columns.push_back(filled(n, [](size_t) { return bits(0.1); }));
    columns.push_back(filled(n, [](size_t i) { return bits(static_cast<double>(i)); }));
    columns.push_back(filled(n, [](size_t i) { return bits(i % 2 == 0 ? 0.0 : -0.0); }));
    columns.push_back(filled(n, [&](size_t) { return bits(static_cast<float>(normal(random))); }));
    columns.push_back(filled(n, [&](size_t) { return bits(normal(random)); }));
    columns.push_back(filled(n, [&](size_t i) { return bits(std::sin(static_cast<double>(i) * 1e-4)); }));
    columns.push_back(filled(n, [&](size_t) { return random(); }));
    // NaNs of every kind, quiet and signalling, with float-sized and longer payloads.
    columns.push_back(
        filled(n, [&](size_t) { return 0x7ff0000000000001ULL | random() << 32 | random() << 63; }));
    columns.push_back(filled(n, [&](size_t) { return 0x7ff0000020000000ULL | (random() & 0x1fffff) << 29; }));
    columns.push_back(filled(n, [](size_t i) { return bits(std::ldexp(1.0, static_cast<int>(i) - 1074)); }));
    columns.push_back(filled(n, [](size_t i) { return bits(i % 3 == 0 ? INFINITY : -1e308); }));
    columns.push_back(filled(n, [](size_t i) { return bits(0x1p53 - 1 + static_cast<double>(i % 3)); }));
    columns.push_back(filled(n, [&](size_t) { return bits(std::round(normal(random) * 5000) / 1000); }));
    columns.push_back(filled(n, [&](size_t) { return bits(static_cast<double>(random() % 200) / 256); }));
    columns.push_back(filled(n, [&](size_t) {
      return bits(std::ldexp(static_cast<double>(random() % 9), -1000 + static_cast<int>(random() % 3)));
    }));
    // Units with exceptions of every kind among them, and a column that is unlike its sample.
    columns.push_back(filled(n, [&](size_t i) {
      const std::array odd = {bits(NAN), bits(-0.0), bits(INFINITY), bits(0.1 + 0.2), bits(1e300)};
      return i % 50 == 7 ? odd[i / 50 % odd.size()] : bits(static_cast<double>(random() % 9999) / 100);
    }));
    columns.push_back(
        filled(n, [&](size_t i) { return bits(i == n / 5 ? std::sqrt(2) : 0.5F * static_cast<float>(i)); }));
    columns.push_back(filled(
        n, [&](size_t i) { return bits(i == n / 5 ? std::sqrt(2) : static_cast<float>(normal(random))); }));
    columns.push_back(filled(n, [&](size_t i) { return i % 2 == 0 ? random() : bits(0.25); }));
    // Few distinct values, far apart.
    columns.push_back(filled(n, [&](size_t) { return bits(std::sqrt(static_cast<double>(random() % 17))); }));
  }
  return columns;
}

TEST(CodecColumn, IntegersComeBackWhateverTheyAre) {
  for (const Column& column : int_columns()) {
    ByteWriter out;
    encode_ints(column, out);
    ByteReader in(out.bytes());
    Column back(column.size());
    decode_ints(in, back);
    in.finish("the test");
    ASSERT_EQ(back, column);
  }
}

TEST(CodecColumn, DoublesComeBackBitForBit) {
  for (const Column& column : double_columns()) {
    ByteWriter out;
    encode_doubles(column, out);
    ByteReader in(out.bytes());
    Column back(column.size());
    decode_doubles(in, back);
    in.finish("the test");
    ASSERT_EQ(back, column);
  }
}

uint8_t chosen(bool doubles, const Column& column) {
  ByteWriter out;
  doubles ? encode_doubles(column, out) : encode_ints(column, out);
  return out.bytes()[0];
}

TEST(CodecColumn, TheEncodingFitsTheData) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  const auto ints = [&](size_t n, auto value_of) { return chosen(false, filled(n, value_of)); };
  const auto doubles = [&](size_t n, auto value_of) {
    return chosen(true, filled(n, [&](size_t i) { return bits(value_of(i)); }));
  };
  EXPECT_EQ(ints(500, [](size_t) { return 3; }), kIntConstant.id);
  EXPECT_EQ(ints(500, [](size_t i) { return 10 * i; }), kIntDifferences.id);
  EXPECT_EQ(ints(20, [&](size_t) { return random() & 1; }), kIntPacked.id);
  EXPECT_EQ(ints(500, [&](size_t) { return (random() & 15) == 0; }), kIntTokens.id);
  EXPECT_EQ(ints(500, [&](size_t) { return 1000 * (random() % 999); }), kIntMultiples.id);
  EXPECT_EQ(doubles(500, [](size_t) { return 0.1; }), kDoubleConstant.id);
  EXPECT_EQ(doubles(500, [](size_t i) { return static_cast<double>(i); }), kDoubleDyadic.id);
  EXPECT_EQ(doubles(500, [&](size_t) { return static_cast<double>(random() % 256) / 256; }),
            kDoubleDyadic.id);
  EXPECT_EQ(doubles(500, [&](size_t) { return static_cast<double>(random() % 9999) / 1000; }),
            kDoubleDecimal.id);
  EXPECT_EQ(doubles(500, [&](size_t) { return static_cast<double>(static_cast<float>(normal(random))); }),
            kDoubleFloatOrdered.id);
  EXPECT_EQ(doubles(500, [](size_t i) { return std::cos(static_cast<double>(i) * 1e-3); }),
            kDoubleOrdered.id);
  EXPECT_EQ(doubles(1, [](size_t) { return std::sqrt(2); }), kDoubleRaw.id);
  EXPECT_EQ(doubles(1, [](size_t) { return -INFINITY; }), kDoubleFloat.id);
}

double bytes_a_value(bool doubles, const Column& column) {
  ByteWriter out;
  doubles ? encode_doubles(column, out) : encode_ints(column, out);
  return static_cast<double>(out.size()) / static_cast<double>(column.size());
}

// Bounds of what the data's own entropy leaves possible, with a tenth on top.
TEST(CodecColumn, NoiseCostsItsEntropyAndOrderCostsLittle) {
  std::mt19937_64 random(9);
  std::normal_distribution<double> normal;
  const auto doubles = [&](size_t n, auto value_of) {
    return bytes_a_value(true, filled(n, [&](size_t i) { return bits(value_of(i)); }));
  };
  EXPECT_LT(doubles(10000, [&](size_t) { return static_cast<double>(static_cast<float>(normal(random))); }),
            3.5);
  EXPECT_LT(doubles(10000, [&](size_t) { return static_cast<double>(random() >> 40) * 0x1p-24; }), 3.1);
  EXPECT_LT(doubles(10000, [&](size_t) { return static_cast<double>(random() % 256) / 256; }), 1.1);
  EXPECT_LT(doubles(10000, [&](size_t) { return static_cast<double>(random() % 10000) / 1000; }), 1.9);
  EXPECT_LT(doubles(10000, [](size_t i) { return 1 + std::cos(static_cast<double>(i) * 3e-4); }), 1.3);
  EXPECT_LT(doubles(10000, [](size_t i) { return i % 1000 == 0 ? NAN : static_cast<double>(i / 100); }), 0.1);
  EXPECT_LT(bytes_a_value(false, filled(10000, [](size_t i) { return 7 * i; })), 0.01);
  EXPECT_LT(bytes_a_value(false, filled(10000, [&](size_t) { return (random() & 63) == 0; })), 0.02);
}

TEST(CodecColumn, NeverMuchLongerThanTheValuesThemselves) {
  const auto check = [](bool doubles, const Column& column) {
    const auto n = static_cast<double>(column.size());
    EXPECT_LE(bytes_a_value(doubles, column) * n, 8.2 * n + 16);
  };
  for (const Column& column : int_columns()) check(false, column);
  for (const Column& column : double_columns()) check(true, column);
}

TEST(CodecColumn, TellsWhichReadersUnderstandIt) {
  ByteWriter out;
  EXPECT_EQ(encode_ints(Column{5, 5, 5}, out), 1);
  EXPECT_EQ(encode_doubles(Column{}, out), 1);
  EXPECT_EQ(encode_doubles(Column{bits(0.1), bits(0.1)}, out), 1);
  EXPECT_EQ(encode_ints(filled(500, [](size_t i) { return i; }), out), 2);
  EXPECT_EQ(encode_doubles(filled(500, [](size_t i) { return bits(static_cast<double>(i)); }), out), 2);
}

TEST(CodecColumn, DamageIsAnErrorNeverMore) {
  const auto check = [](bool doubles, const Column& column) {
    ByteWriter out;
    doubles ? encode_doubles(column, out) : encode_ints(column, out);
    const std::vector<uint8_t> whole = out.take();
    Column back(column.size());
    const auto decode = [&](Bytes bytes) {
      ByteReader in(bytes);
      doubles ? decode_doubles(in, back) : decode_ints(in, back);
    };
    for (size_t length = 0; length < whole.size(); ++length) {
      const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_THROW(decode(cut), FormatError);
    }
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::vector<uint8_t> flipped = whole;
      flipped[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
      try {
        decode(flipped);
      } catch (const FormatError&) {
        SUCCEED();
      }
    }
  };
  for (const Column& column : int_columns()) {
    if (column.size() <= 130) check(false, column);
  }
  for (const Column& column : double_columns()) {
    if (column.size() <= 65) check(true, column);
  }
}

struct Case {
  const char* name;
  std::vector<uint8_t> bytes;
  Column values;
};

// Written by hand after docs/block-format.md: what today's encoder no longer writes.
TEST(CodecColumn, ColumnsOfVersionOneAreRead) {
  const std::vector<Case> ints = {
      {"delta", {2, 4, 6, 2, 1, 1}, {3, 5, 6}},
      {"delta of delta", {3, 4, 2, 4, 1, 0}, {1, 3, 4}},
  };
  for (const Case& c : ints) {
    ByteReader in(c.bytes);
    Column back(c.values.size());
    decode_ints(in, back);
    EXPECT_EQ(back, c.values) << c.name;
  }
  const std::vector<Case> doubles = {
      {"xor", {2, 16, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 2}},
      {"float xor", {4, 8, 0, 0, 0, 0, 0x80, 0x80, 0x3f, 0x7f}, {bits(1.0), bits(2.0)}},
      {"whole", {5, 3, 0, 1, 6}, {bits(3.0), bits(3.0)}},
  };
  for (const Case& c : doubles) {
    ByteReader in(c.bytes);
    Column back(c.values.size());
    decode_doubles(in, back);
    EXPECT_EQ(back, c.values) << c.name;
  }
}

TEST(CodecColumn, UnknownEncodingsAndWidthsAreRefused) {
  const auto refuse = [&](const char* what, size_t n, std::vector<uint8_t> bytes) {
    Column back(n);
    ByteReader in(bytes);
    EXPECT_THROW(decode_ints(in, back), FormatError) << what;
  };
  refuse("an encoding that there is not", 2, {99, 1, 0});
  refuse("longer than its value", 2, {0, 2, 0, 0});
  refuse("65 bits each", 2, {1, 3, 0, 65, 0});
  refuse("a varint of 65 bits", 2, {0, 10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2});
  refuse("a varint without end", 2, {0, 11, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 0});
  refuse("two values have no second difference", 2, {3, 4, 0, 0, 0, 0});
  refuse("differences taken no times", 3, {4, 3, 0, 0, 2});
  refuse("differences taken eight times", 20, {4, 12, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
  refuse("as many values as differences", 2, {4, 5, 2, 0, 0, 0, 2});
  refuse("differences within differences", 9, {4, 6, 1, 0, 4, 1, 0, 0});
  refuse("version 1 within differences", 9, {4, 6, 1, 0, 2, 0, 0, 0});
  refuse("differences of nothing", 9, {4, 2, 1, 0});
  refuse("multiples of multiples", 9, {6, 6, 0, 3, 6, 0, 3, 0});
  refuse("multiples of nothing", 9, {6, 2, 0, 3});
}

// {5, length, map, base, shares, length of states and words, states, words, bits}
std::vector<uint8_t> tokens(std::vector<uint8_t> head, const std::vector<uint32_t>& states,
                            const std::vector<uint8_t>& tail) {
  ByteWriter payload;
  payload.raw(head.data(), head.size());
  payload.varint(states.size() * 4);
  for (const uint32_t state : states) payload.fixed(state);
  payload.raw(tail.data(), tail.size());
  ByteWriter out;
  out.u8(kIntTokens.id);
  out.varint(payload.size());
  out.raw(payload.bytes().data(), payload.size());
  return out.take();
}

TEST(CodecColumn, StepsAreCountedOnlyWhereAllValuesStandOnThem) {
  std::mt19937_64 random(11);
  for (const uint64_t step : {1ULL, 2ULL, 3ULL, 96ULL, 125ULL, 1ULL << 62, 390625ULL, (1ULL << 63) - 1}) {
    Column values = filled(100, [&](size_t) { return 5 + step * ((random() >> 40) - 1000); });
    if (step > UINT32_MAX) values = filled(100, [&](size_t) { return 5 + step * (random() & 1); });
    Column steps(values.size());
    ASSERT_TRUE(divide(values, values[0], step, steps));
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[0] + step * steps[i], values[i]);
    if (step == 1) continue;
    ++values[50];
    EXPECT_FALSE(divide(values, values[0], step, steps));
  }
}

TEST(CodecColumn, TokensTrustNothing) {
  const std::vector<uint32_t> at_rest(4, 1U << 15);
  const std::vector<uint8_t> one = {5, 0, 62};  // one symbol with all 32 parts: 0
  const auto with = [](std::vector<uint8_t> head, const std::vector<uint8_t>& rest) {
    head.insert(head.end(), rest.begin(), rest.end());
    return head;
  };
  const auto decode = [](size_t n, const std::vector<uint8_t>& bytes) {
    Column back(n);
    ByteReader in(bytes);
    decode_ints(in, back);
    return back;
  };
  EXPECT_EQ(decode(3, tokens(with({0, 14}, one), at_rest, {})), Column(3, 7));
  EXPECT_EQ(decode(2, tokens(with({4, 2}, one), at_rest, {0x21})), (Column{2, 3}));
  EXPECT_EQ(decode(2, tokens(with({64, 2}, one), at_rest, {})), Column(2, 1));
  EXPECT_EQ(decode(2, tokens(with({65, 0, 3}, one), at_rest, {})), Column(2, static_cast<uint64_t>(-2)));

  const auto refuse = [&](const char* what, size_t n, const std::vector<uint8_t>& bytes) {
    EXPECT_THROW(decode(n, bytes), FormatError) << what;
  };
  refuse("an unknown map", 3, tokens(with({66, 14}, one), at_rest, {}));
  refuse("no bits for the values", 3, tokens(with({4, 14}, one), at_rest, {}));
  refuse("too few bits", 3, tokens(with({4, 14}, one), at_rest, {0}));
  refuse("bits too many", 3, tokens(with({4, 14}, one), at_rest, {0, 0, 0}));
  refuse("bits of a list", 2, tokens(with({65, 0, 3}, one), at_rest, {0}));
  refuse("a token beyond its list", 2, tokens({65, 0, 3, 5, 0, 63, 1}, at_rest, {}));
  refuse("a token beyond the log map", 2, tokens({64, 0, 5, 0, 63, 252}, at_rest, {}));
  refuse("shares of 2^4", 3, tokens({0, 14, 4, 0, 30}, at_rest, {}));
  refuse("shares of 2^13", 3, tokens({0, 14, 13, 0, 0xfe, 0xff, 1}, at_rest, {}));
  refuse("shares that come to less", 3, tokens({0, 14, 5, 0, 60}, at_rest, {}));
  refuse("shares that come to more", 3, tokens({0, 14, 5, 1, 62, 0}, at_rest, {}));
  refuse("a symbol beyond 255", 3, tokens({0, 14, 5, 1, 61, 255, 1, 1}, at_rest, {}));
  refuse("a state below its range", 3, tokens(with({0, 14}, one), {1, 1U << 15, 1U << 15, 1U << 15}, {}));
  refuse("a state above its range", 3,
         tokens(with({0, 14}, one), {1U << 31, 1U << 15, 1U << 15, 1U << 15}, {}));
  refuse("a state too few", 3, tokens(with({0, 14}, one), {1U << 15, 1U << 15, 1U << 15}, {}));
  refuse("an end where it did not begin", 3,
         tokens(with({0, 14}, one), {1U << 16, 1U << 15, 1U << 15, 1U << 15}, {}));
  refuse("words too many", 3, tokens(with({0, 14}, one), {1U << 15, 1U << 15, 1U << 15, 1U << 15, 0}, {}));
  refuse("no words where some are needed", 9, tokens({0, 14, 5, 1, 30, 30}, at_rest, {}));
  refuse("longer than there are bytes", 3, {5, 9, 0, 14, 5, 0, 62, 100, 0, 0, 0});
}

TEST(CodecColumn, UnitsTrustNothing) {
  const auto decode = [](size_t n, const std::vector<uint8_t>& bytes) {
    Column back(n);
    ByteReader in(bytes);
    decode_doubles(in, back);
    return back;
  };
  const std::vector<uint8_t> odd = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(decode(2, {8, 4, 3, 0, 0, 20}), Column(2, bits(0.01)));
  EXPECT_EQ(decode(2, {9, 4, 3, 0, 0, 20}), Column(2, bits(2.5)));
  EXPECT_EQ(decode(2, {9, 13, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 4}),
            (Column{bits(2.0), 0x0807060504030201}));
  const auto refuse = [&](const char* what, const std::vector<uint8_t>& bytes) {
    EXPECT_THROW(decode(2, bytes), FormatError) << what;
  };
  refuse("19 decimals", {8, 4, 19, 0, 0, 20});
  refuse("units of 2^1001", {9, 5, 0xd2, 0x0f, 0, 0, 20});
  refuse("more exceptions than values", {8, 4, 3, 3, 0, 20});
  refuse("an exception behind the end", {9, 13, 0, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 4});
  refuse("an exception far behind the end",
         {9, 22, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 4});
  refuse("an exception cut short", {9, 7, 0, 1, 0, 1, 2, 3, 4});
  refuse("no integers", {8, 2, 3, 0});
  refuse("ordered doubles within themselves", {6, 3, 6, 0, 4});
}

}  // namespace
}  // namespace stepwell::codec
