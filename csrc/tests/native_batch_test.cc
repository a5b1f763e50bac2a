#include <gtest/gtest.h>

#include "codec/builder.h"
#include "native/batch.h"

namespace stepwell::native {
namespace {

std::vector<uint8_t> body(uint32_t rank, int rows) {
  codec::BlockBuilder builder(codec::Origin{"p", "i", {1}, rank, 1, rank + 1U, 5});
  const std::vector<uint32_t> cells = {ring::make_cell(builder.metric("loss"), codec::CellType::kF64)};
  for (int i = 1; i <= rows; ++i) {
    const std::vector<uint64_t> values = {static_cast<uint64_t>(i)};
    builder.add_row({static_cast<uint64_t>(i), i, i}, cells, values);
  }
  return builder.encode().body;
}

std::vector<uint8_t> built(const Batch& batch, std::string_view table) {
  const Plan plan = batch.plan(table);
  std::vector<uint8_t> memory(plan.bytes());
  plan.fill(memory.data());
  return memory;
}

TEST(NativeBatch, ABadBlockLeavesTheBatchAsItWas) {
  Batch batch;
  batch.add(body(0, 10));
  const auto before = built(batch, "scalars");
  const std::vector<uint8_t> whole = body(1, 10);
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(batch.add(codec::Bytes(whole).first(length)), codec::FormatError);
  }
  EXPECT_EQ(batch.total_rows(), 11U);
  EXPECT_EQ(built(batch, "scalars"), before);
}

TEST(NativeBatch, RowsAddUpAndClear) {
  Batch batch;
  EXPECT_EQ(batch.total_rows(), 0U);
  batch.add(body(0, 10));
  batch.add(body(1, 5));
  EXPECT_EQ(batch.rows("scalars"), 15U);
  EXPECT_EQ(batch.rows("runs"), 1U);
  EXPECT_EQ(batch.table_names(), (std::vector<std::string_view>{"runs", "scalars", "lasts"}));
  EXPECT_GT(batch.bytes(), 0U);
  batch.clear();
  EXPECT_EQ(batch.total_rows(), 0U);
  EXPECT_EQ(batch.bytes(), 0U);
}

TEST(NativeBatch, AnUnknownTableIsAnError) {
  const Batch batch;
  EXPECT_THROW(batch.plan("nothing"), std::out_of_range);
  EXPECT_THROW((void)batch.rows("nothing"), std::out_of_range);
}

TEST(NativeBatch, AUuidIsTwoLittleEndianHalves) {
  const std::array<uint8_t, 16> uuid = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  EXPECT_EQ(uuid_halves(uuid), (std::pair<uint64_t, uint64_t>{0x0001020304050607, 0x08090a0b0c0d0e0f}));
}

TEST(NativeBatch, TheIndexOfADictionaryIsAsWideAsItMustBe) {
  std::vector<std::string> names;
  for (int i = 0; i < 65537; ++i) names.push_back(std::to_string(i));
  Dictionary dictionary;
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(dictionary.add(names[i]), i);
    const size_t expected = i < 256 ? 1 : i < 65536 ? 2 : 4;
    ASSERT_EQ(dictionary.index_width(), expected) << i;
  }
  EXPECT_EQ(dictionary.add(names[7]), 7U);
}

}  // namespace
}  // namespace stepwell::native
