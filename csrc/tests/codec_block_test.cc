#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>
#include <random>
#include <tuple>

#include "codec/builder.h"
#include "codec/decode.h"
#include "codec/header.h"
#include "histogram/histogram.h"

namespace stepwell::codec {
namespace {

using ring::make_cell;

Origin origin() {
  Origin origin{"project", "id", {}, 2, 5, 0xfedcba9876543210, 1'790'000'000'000};
  for (size_t i = 0; i < origin.run.size(); ++i) origin.run[i] = static_cast<uint8_t>(i * 17);
  return origin;
}

uint64_t bits(double value) { return std::bit_cast<uint64_t>(value); }

struct Cell {
  std::string metric;
  CellType type;
  uint64_t value;
};

void add_row(BlockBuilder& builder, const RowStamp& stamp, const std::vector<Cell>& row) {
  std::vector<uint32_t> cells;
  std::vector<uint64_t> values;
  for (const Cell& cell : row) {
    cells.push_back(make_cell(builder.metric(cell.metric), cell.type));
    values.push_back(cell.value);
  }
  builder.add_row(stamp, cells, values);
}

void add_record(BlockBuilder& builder, Kind kind, std::vector<std::string_view> parts,
                const RowStamp& stamp) {
  builder.add_record(kind, parts, stamp);
}

// (row_seq, metric) -> step, time, at, type, bits
using Points =
    std::map<std::pair<uint64_t, std::string>, std::tuple<uint64_t, uint64_t, uint64_t, CellType, uint64_t>>;

Points points_of(const Block& block) {
  Points points;
  const auto put = [&](const RowColumns& rows, size_t row, uint32_t metric, CellType type, uint64_t value) {
    const bool added = points
                           .emplace(std::pair{rows.row_seq[row], block.metrics[metric]},
                                    std::tuple{rows.step[row], rows.time_ms[row], rows.at[row], type, value})
                           .second;
    EXPECT_TRUE(added) << "a point came twice";
  };
  for (const WideTable& table : block.wide) {
    for (const auto& column : table.columns) {
      for (size_t row = 0; row < table.rows.size(); ++row)
        put(table.rows, row, column.metric, column.type, column.values[row]);
    }
  }
  for (const LongTable& table : block.longs) {
    size_t cell = 0;
    for (size_t row = 0; row < table.rows.size(); ++row) {
      for (uint32_t i = 0; i < table.cells_of_row[row]; ++i, ++cell) {
        put(table.rows, row, table.metric[cell], table.type[cell], table.value[cell]);
      }
    }
  }
  return points;
}

std::string histogram_bytes() {
  const std::vector<double> values = {1, 2, -3, NAN};
  ByteWriter out;
  histogram::encode(histogram::count_values(histogram::Type::kF64, values.data(), values.size()), out);
  return {out.bytes().begin(), out.bytes().end()};
}

// A small block with something of everything.
BlockBuilder& fill(BlockBuilder& builder) {
  add_row(builder, {1, 0, 100}, {{"loss", CellType::kF64, bits(0.5)}, {"epoch", CellType::kI64, 7}});
  add_row(builder, {2, 1, 150}, {{"loss", CellType::kF64, bits(0.25)}, {"epoch", CellType::kI64, 8}});
  add_row(builder, {3, 1, 160, 9}, {{"best", CellType::kBool, 1}});
  add_record(builder, Kind::kText, {"note", "hello"}, {4, 1, 170});
  add_record(builder, Kind::kHistogram, {"w", histogram_bytes()}, {5, 1, 171});
  add_record(builder, Kind::kField, {"config/lr", "0.1", "user", "12345678"}, {6, 0, 172});
  add_record(builder, Kind::kConsole, {"1", "line\n"}, {7, 0, 173});
  add_record(builder, Kind::kEvent, {"finish", "{}"}, {8, 2, 174});
  add_record(builder, Kind::kCheckpoint, {"checkpoint", "last", "[]", "{}", "99"}, {9, 2, 175});
  return builder;
}

TEST(CodecBlock, EverythingComesBack) {
  BlockBuilder builder(origin());
  fill(builder);
  EXPECT_EQ(builder.records(), 9U);
  EXPECT_EQ(builder.points(), 5U);
  EXPECT_EQ(builder.first_seq(), 1U);
  EXPECT_EQ(builder.last_seq(), 9U);
  const EncodedBlock encoded = builder.encode();
  EXPECT_EQ(builder.records(), 0U);
  const Header header = read_header(encoded.header);
  EXPECT_EQ(header.version, kBlockVersion);
  EXPECT_EQ(header.body_bytes, encoded.body.size());

  const Block block = decode_body(encoded.body);
  EXPECT_EQ(block.origin.project, "project");
  EXPECT_EQ(block.origin.id, "id");
  EXPECT_EQ(block.origin.run, origin().run);
  EXPECT_EQ(block.origin.rank, 2U);
  EXPECT_EQ(block.origin.attempt, 5U);
  EXPECT_EQ(block.origin.writer, 0xfedcba9876543210U);
  EXPECT_EQ(block.origin.created_ms, 1'790'000'000'000);
  EXPECT_EQ(block.first_seq, 1U);
  EXPECT_EQ(block.last_seq, 9U);
  EXPECT_EQ(block.rows, 3U);
  EXPECT_EQ(points_of(block), (Points{
                                  {{1, "loss"}, {0, 100, 0, CellType::kF64, bits(0.5)}},
                                  {{1, "epoch"}, {0, 100, 0, CellType::kI64, 7}},
                                  {{2, "loss"}, {1, 150, 0, CellType::kF64, bits(0.25)}},
                                  {{2, "epoch"}, {1, 150, 0, CellType::kI64, 8}},
                                  {{3, "best"}, {1, 160, 9, CellType::kBool, 1}},
                              }));
  ASSERT_EQ(block.records.size(), 6U);
  EXPECT_EQ(block.part(block.records[0], 1), "hello");
  EXPECT_EQ(block.part(block.records[1], 1), histogram_bytes());
  EXPECT_EQ(block.part(block.records[5], 4), "99");
  EXPECT_EQ(block.records[4].step, 2);
  EXPECT_EQ(block.records[4].time_ms, 174);
}

TEST(CodecBlock, OnlyWhatNeedsANewerReaderAsksForOne) {
  BlockBuilder builder(origin());
  EXPECT_EQ(read_header(builder.encode().header).min_reader, 1);
  add_row(builder, {1, 0, 100}, {{"loss", CellType::kF64, bits(0.5)}});
  const Header plain = read_header(builder.encode().header);
  EXPECT_EQ(plain.version, kBlockVersion);
  EXPECT_LE(plain.min_reader, kBlockVersion);
  for (uint64_t i = 1; i <= 300; ++i) add_row(builder, {i, 0, 100}, {{"loss", CellType::kF64, bits(0.5)}});
  EXPECT_EQ(read_header(builder.encode().header).min_reader,
            2);  // row_seq, which version 1 has no "differences" for
}

TEST(CodecBlock, AnEmptyBlockIsABlock) {
  BlockBuilder builder(origin());
  const Block block = decode_body(builder.encode().body);
  EXPECT_EQ(block.points, 0U);
  EXPECT_TRUE(block.records.empty());
}

TEST(CodecBlock, ABuilderIsUsedAgain) {
  BlockBuilder builder(origin());
  const auto first = fill(builder).encode();
  const auto second = fill(builder).encode();
  EXPECT_EQ(first.body, second.body);
}

TEST(CodecBlock, ARepeatedMetricKeepsItsLastValue) {
  BlockBuilder builder(origin());
  Points expected;
  for (uint64_t seq = 1; seq <= 200; ++seq) {  // more sets than have tables of their own
    const std::string own = "own/" + std::to_string(seq);
    add_row(builder, {seq, 0, 0},
            {{"a", CellType::kF64, bits(1)}, {own, CellType::kI64, seq}, {"a", CellType::kI64, seq + 1}});
    expected[{seq, "a"}] = {0, 0, 0, CellType::kI64, seq + 1};
    expected[{seq, own}] = {0, 0, 0, CellType::kI64, seq};
  }
  EXPECT_EQ(builder.points(), 400U);
  EXPECT_EQ(points_of(decode_body(builder.encode().body)), expected);
}

TEST(CodecBlock, EverChangingSetsStaySmall) {
  BlockBuilder builder(origin());
  std::mt19937_64 random(4);
  Points expected;
  for (uint64_t seq = 1; seq <= 5000; ++seq) {
    std::vector<Cell> row;
    for (int metric = 0; metric < 16; ++metric) {
      if (random() % 2 == 0) continue;
      row.push_back({"m" + std::to_string(metric), static_cast<CellType>(metric % 2), random() % 100});
      expected[{seq, row.back().metric}] = {seq, 3 * seq, 0, row.back().type, row.back().value};
    }
    if (row.empty()) continue;
    add_row(builder, {seq, static_cast<int64_t>(seq), static_cast<int64_t>(3 * seq)}, row);
  }
  const EncodedBlock encoded = builder.encode();
  const Block block = decode_body(encoded.body);
  EXPECT_EQ(points_of(block), expected);
  EXPECT_LE(block.wide.size(), 64U);
  EXPECT_LT(encoded.body.size(), expected.size() * 12);  // one table a set would take several times that
}

TEST(CodecBlock, AnyBitsSurvive) {
  std::mt19937_64 random(6);
  BlockBuilder builder(origin());
  Points expected;
  for (uint64_t seq = 1; seq <= 3000; ++seq) {
    const auto step = static_cast<int64_t>(random());
    const auto time = static_cast<int64_t>(random());
    const auto at = static_cast<int64_t>(random());
    const std::vector<Cell> row = {{"f", CellType::kF64, random()},
                                   {"i", CellType::kI64, random()},
                                   {"b", CellType::kBool, random() & 1}};
    add_row(builder, {seq, step, time, at}, row);
    for (const Cell& cell : row) expected[{seq, cell.metric}] = {step, time, at, cell.type, cell.value};
  }
  EXPECT_EQ(points_of(decode_body(builder.encode().body)), expected);
}

TEST(CodecBlock, TextThatIsNotUtf8IsMendedOnTheWayIn) {
  BlockBuilder builder(origin());
  add_record(builder, Kind::kConsole, {"1", "a\xff\xc3\xa9\xe2\x82"}, {1, 0, 0});
  const Block block = decode_body(builder.encode().body);
  EXPECT_EQ(block.part(block.records[0], 1), "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(CodecBlock, WhatTheFormatCannotHoldIsRefusedAndNothingKept) {
  BlockBuilder builder(origin());
  const std::string bad_histogram = "\x01\x09";
  using Parts = std::vector<std::string_view>;
  const std::vector<std::pair<Kind, Parts>> cases = {
      {Kind::kRow, {"a"}},
      {Kind::kPad, {}},
      {static_cast<Kind>(77), {"a", "b"}},
      {Kind::kText, {"only one"}},
      {Kind::kText, {"", "no name"}},
      {Kind::kText, {"a\nb", "control character"}},
      {Kind::kHistogram, {"m", bad_histogram}},
      {Kind::kConsole, {"3", "stream"}},
      {Kind::kField, {"k", "1", "user", "1234"}},
      {Kind::kCheckpoint, {"c", "n", "[]", "{}", "-1"}},
      {Kind::kCheckpoint, {"c", "n", "[]", "{}", ""}},
      {Kind::kCheckpoint, {"c", "n", "[]", "{}", "18446744073709551616"}},
  };
  for (const auto& [kind, parts] : cases) {
    EXPECT_THROW(builder.add_record(kind, parts, {1, 0, 0}), FormatError) << static_cast<int>(kind);
  }
  EXPECT_THROW(builder.add_record(Kind::kText, Parts{"m", "t"}, {kMaxSeq + 1, 0, 0}), FormatError);
  EXPECT_THROW(builder.metric(""), FormatError);
  EXPECT_THROW(builder.metric("a\x7f"), FormatError);
  EXPECT_THROW(builder.metric("\xed\xa0\x80"), FormatError);
  EXPECT_THROW(builder.metric(std::string(513, 'x')), FormatError);
  EXPECT_THROW(builder.add_row({1, 0, 0}, {}, {}), FormatError);
  const std::vector<uint32_t> unknown = {make_cell(5, CellType::kF64)};
  const std::vector<uint64_t> value = {0};
  EXPECT_THROW(builder.add_row({1, 0, 0}, unknown, value), FormatError);
  EXPECT_EQ(builder.records(), 0U);
  Origin late = origin();
  late.attempt = kMaxAttempt + 1;
  EXPECT_THROW(BlockBuilder{late}, FormatError);
  Origin unreadable = origin();
  unreadable.project = "\xff";
  EXPECT_THROW(BlockBuilder{unreadable}, FormatError);
}

TEST(CodecBlock, AFullBuilderSaysSoAndWhatItHoldsDecodes) {
  BlockBuilder builder(origin());
  std::vector<uint32_t> cells;
  for (int i = 0; i < 1024; ++i)
    cells.push_back(make_cell(builder.metric("m" + std::to_string(i)), CellType::kF64));
  const std::vector<uint64_t> values(cells.size(), 0);
  uint64_t seq = 0;
  while (builder.has_room(cells.size(), 0)) builder.add_row({++seq, 0, 0}, cells, values);
  EXPECT_EQ(builder.points(), kMaxPoints);
  EXPECT_THROW(builder.add_row({++seq, 0, 0}, cells, values), FormatError);
  EXPECT_EQ(decode_body(builder.encode().body).points, kMaxPoints);
}

TEST(CodecBlock, ALargeRecordFitsAnEmptyBuilderAndFillsIt) {
  BlockBuilder builder(origin());
  const std::string large(33U << 20, 'x');
  ASSERT_TRUE(builder.has_room(0, large.size()));
  add_record(builder, Kind::kText, {"m", large}, {1, 0, 0});
  EXPECT_FALSE(builder.has_room(1, 0));
  const Block block = decode_body(builder.encode().body);
  EXPECT_EQ(block.part(block.records[0], 1).size(), large.size());
}

TEST(CodecBlock, TruncatedAnywhereIsAnError) {
  BlockBuilder builder(origin());
  const std::vector<uint8_t> body = fill(builder).encode().body;
  for (size_t length = 0; length < body.size(); ++length) {
    const std::vector<uint8_t> cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_THROW(decode_body(cut), FormatError) << length;
  }
  std::vector<uint8_t> longer = body;
  longer.push_back(0);
  EXPECT_THROW(decode_body(longer), FormatError);
}

TEST(CodecBlock, AFlippedBitIsAnErrorOrAnotherBlockNeverMore) {
  BlockBuilder builder(origin());
  const std::vector<uint8_t> body = fill(builder).encode().body;
  for (size_t bit = 0; bit < body.size() * 8; ++bit) {
    std::vector<uint8_t> flipped = body;
    flipped[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    try {
      const Block block = decode_body(flipped);
      EXPECT_LE(block.points, kMaxPoints);
    } catch (const FormatError&) {
      SUCCEED();
    }
  }
}

TEST(CodecBlock, ClaimsBeyondTheLimitsAreRefusedBeforeMemoryIsTaken) {
  const auto body = [](auto write_tables) {
    ByteWriter out;
    out.text("p");
    out.text("i");
    out.raw(origin().run.data(), 16);
    out.varint(0);
    out.varint(0);
    out.fixed(uint64_t{1});
    out.svarint(0);
    out.varint(0);
    out.varint(0);
    out.varint(1);
    out.text("m");
    write_tables(out);
    return out.take();
  };
  const auto constant = [](ByteWriter& out) { out.raw("\0\1\0", 3); };
  const auto table = [&](ByteWriter& out, uint64_t rows, uint64_t columns) {
    out.varint(rows);
    out.varint(columns);
    for (uint64_t i = 0; i < columns; ++i) out.raw("\0\1", 2);  // metric 0, integer
    for (uint64_t i = 0; i < 4 + columns; ++i) constant(out);
  };
  const auto end = [](ByteWriter& out) { out.raw("\0\0", 2); };
  EXPECT_EQ(decode_body(body([&](ByteWriter& out) {
              out.varint(1);
              table(out, kMaxRows, 1);
              end(out);
            })).points,
            kMaxRows);
  const std::vector<std::vector<uint8_t>> too_much = {
      body([&](ByteWriter& out) { out.varint(1), table(out, kMaxRows + 1, 1), end(out); }),
      body([&](ByteWriter& out) { out.varint(1), table(out, kMaxRows / 2 + 1, 2), end(out); }),
      body([&](ByteWriter& out) {
        out.varint(2), table(out, kMaxRows / 2, 1), table(out, kMaxRows / 2 + 1, 1), end(out);
      }),
      body([&](ByteWriter& out) { out.varint(1), table(out, UINT64_MAX, 1), end(out); }),
      body([&](ByteWriter& out) { out.varint(UINT64_MAX); }),
      body([&](ByteWriter& out) { out.varint(0), out.varint(0), out.varint(kMaxRecords + 1); }),
      body([&](ByteWriter& out) { out.varint(0), out.varint(1), out.varint(UINT64_MAX); }),
  };
  for (const auto& bytes : too_much) EXPECT_THROW(decode_body(bytes), FormatError);
}

TEST(CodecHeader, OnlyBlocksThatThisBuildReadsPass) {
  BlockBuilder builder(origin());
  const auto good = builder.encode().header;
  EXPECT_EQ(read_header(good).version, kBlockVersion);
  const auto changed = [&](size_t at, uint8_t value) {
    auto header = good;
    header[at] = value;
    return header;
  };
  EXPECT_EQ(read_header(changed(4, 1)).version, 1);
  EXPECT_EQ(read_header(changed(4, 9)).version, 9);  // newer, but readable by us
  EXPECT_THROW(read_header(changed(6, kBlockVersion + 1)), TooNewError);
  EXPECT_THROW(read_header(changed(0, 'X')), FormatError);
  EXPECT_THROW(read_header(changed(4, 0)), FormatError);
  EXPECT_THROW(read_header(changed(6, 0)), FormatError);
  EXPECT_THROW(read_header(changed(15, 1)), FormatError);  // a body of 2^56 bytes
  EXPECT_THROW(read_header(Bytes(good).first(23)), FormatError);
}

}  // namespace
}  // namespace stepwell::codec
