#include <gtest/gtest.h>

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

TEST(CodecColumn, EveryEncodingGivesBackWhatItAppliesTo) {
  const auto check = [](const Encoding& encoding, const Column& column) {
    if (!encoding.applies(column)) return;
    ByteWriter out;
    encoding.encode(column, out);
    ByteReader in(out.bytes());
    Column back(column.size());
    encoding.decode(in, back);
    in.finish("the test");
    ASSERT_EQ(back, column) << encoding.name << " of " << column.size();
  };
  for (const Encoding& encoding : int_encodings()) {
    for (const Column& column : int_columns()) check(encoding, column);
  }
  for (const Encoding& encoding : double_encodings()) {
    for (const Column& column : double_columns()) check(encoding, column);
  }
}

TEST(CodecColumn, TheEncodingFitsTheData) {
  const auto chosen = [](bool doubles, const Column& column) {
    ByteWriter out;
    doubles ? encode_doubles(column, out) : encode_ints(column, out);
    return out.bytes()[0];
  };
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  EXPECT_EQ(chosen(false, filled(500, [](size_t) { return 3; })), kIntConstant.id);
  EXPECT_EQ(chosen(false, filled(500, [](size_t i) { return 10 * i; })), kIntDelta.id);
  EXPECT_EQ(chosen(false, filled(500, [](size_t i) { return i * i * i; })), kIntDelta2.id);
  EXPECT_EQ(chosen(false, filled(500, [&](size_t) { return random() & 1; })), kIntPacked.id);
  EXPECT_EQ(chosen(true, filled(500, [](size_t) { return bits(0.1); })), kDoubleConstant.id);
  EXPECT_EQ(chosen(true, filled(500, [](size_t i) { return bits(static_cast<double>(i)); })),
            kDoubleWhole.id);
  EXPECT_EQ(chosen(true, filled(500, [&](size_t) { return bits(static_cast<float>(normal(random))); })),
            kDoubleFloat.id);
  EXPECT_EQ(chosen(true, filled(500, [&](size_t) { return bits(normal(random)); })), kDoubleRaw.id);
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

TEST(CodecColumn, UnknownEncodingsAndWidthsAreRefused) {
  Column back(2);
  const auto refuse = [&](std::vector<uint8_t> bytes) {
    ByteReader in(bytes);
    EXPECT_THROW(decode_ints(in, back), FormatError);
  };
  refuse({99, 1, 0});
  refuse({0, 2, 0, 0});                                                  // longer than its value
  refuse({1, 3, 0, 65, 0});                                              // 65 bits each
  refuse({0, 10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2});       // a varint of 65 bits
  refuse({0, 11, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 0});  // and one without end
  refuse({3, 4, 0, 0, 0, 0});  // two values have no second difference
}

}  // namespace
}  // namespace stepwell::codec
