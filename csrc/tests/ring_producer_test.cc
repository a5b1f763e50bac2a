// The producer against a consumer of the same file: what was published comes back whole, in order, once.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "ring_fixture.h"

namespace stepwell::ring {
namespace {

using ProducerTest = RingTest;

TEST_F(ProducerTest, HeaderAndIdentityReachTheConsumer) {
  Producer producer(options());
  const Consumer consumer(producer.file().path());
  EXPECT_EQ(consumer.identity(), R"({"project":"p","id":"r"})");
  const Immutable& fixed = consumer.header().fixed;
  EXPECT_EQ(fixed.writer, producer.writer());
  EXPECT_EQ(fixed.rank, 3u);
  EXPECT_EQ(fixed.attempt, 77u);
  EXPECT_EQ(fixed.run[15], 15);
  EXPECT_EQ(fixed.role, static_cast<std::uint32_t>(kMain));
  EXPECT_FALSE(consumer.closed());
  producer.close();
  EXPECT_TRUE(consumer.closed());
}

TEST_F(ProducerTest, RowsAndRecordsComeBackInOrder) {
  Producer producer(options());
  Consumer consumer(producer.file().path());
  ASSERT_EQ(producer.publish(row_batch(producer, 3, 10), -5, 1000), Outcome::kPublished);
  ASSERT_EQ(producer.publish(parts_batch(Kind::kField, {"config/lr", "1", "user", ""}), 0, 1001),
            Outcome::kPublished);
  ASSERT_EQ(producer.publish(row_batch(producer, 1, 7), INT64_MAX, -1), Outcome::kPublished);
  const Seen seen = collect_all(consumer);
  const std::vector<SeenRow> rows = {{1, -5, 1000, {{"m0", 10}, {"m1", 11}, {"m2", 12}}},
                                     {3, INT64_MAX, -1, {{"m0", 7}}}};
  EXPECT_EQ(seen.rows, rows);
  const std::vector<SeenParts> records = {{Kind::kField, 2, {"config/lr", "1", "user", ""}}};
  EXPECT_EQ(seen.records, records);
}

TEST_F(ProducerTest, FastRowsWrapAroundManyTimes) {
  Producer producer(options());
  Consumer consumer(producer.file().path());
  std::uint64_t published = 0;
  std::uint64_t read = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::uint32_t n = 1 + static_cast<std::uint32_t>(i) % 7;
    const Batch batch = row_batch(producer, n, published);
    if (std::byte* row = i > 50 ? producer.begin_row(n) : nullptr) {
      for (std::uint32_t k = 0; k < n; ++k) Producer::row_values(row, n)[k] = published + k;
      producer.publish_row(row, batch.cells(batch.items()[0]), i, i);
    } else {
      ASSERT_EQ(producer.publish(batch, i, i), Outcome::kPublished);
    }
    ++published;
    if (i % 13 == 0) {
      const Seen seen = collect_all(consumer);
      for (const SeenRow& row : seen.rows) {
        ASSERT_EQ(row.row_seq, read + 1);
        ASSERT_EQ(row.cells[0].second, read);
        ++read;
      }
      consumer.commit();
    }
  }
  EXPECT_GT(producer.header().producer.head.load(), 10 * kDataBytesMin);
  read += collect_all(consumer).rows.size();
  EXPECT_EQ(read, published);
}

TEST_F(ProducerTest, FillsTheRingToItsLastByteAndThenIsFull) {
  Producer producer(options());
  Consumer consumer(producer.file().path());
  // 32 header + 8 + 8 (two cells) + 16: 64 bytes, so 256 rows are 16 KiB exactly.
  ASSERT_EQ(row_bytes(2), 64u);
  for (int i = 0; i < 256; ++i)
    ASSERT_EQ(producer.publish(row_batch(producer, 2, 0), i, 0), Outcome::kPublished);
  EXPECT_EQ(consumer.pending_bytes(), kDataBytesMin);
  EXPECT_EQ(producer.begin_row(2), nullptr);
  EXPECT_EQ(producer.publish(row_batch(producer, 2, 0), 0, 0), Outcome::kFull);
  EXPECT_EQ(collect_all(consumer).rows.size(), 256u);
  EXPECT_EQ(producer.publish(row_batch(producer, 2, 0), 0, 0), Outcome::kFull)
      << "collected is not committed";
  consumer.commit();
  EXPECT_TRUE(producer.drained());
  EXPECT_EQ(producer.publish(row_batch(producer, 2, 0), 0, 0), Outcome::kPublished);
}

TEST_F(ProducerTest, LargeRecordsAreCutAndJoined) {
  constexpr std::uint64_t kRing = 1 << 20;
  Producer producer(options(kRing));
  Consumer consumer(producer.file().path());
  for (const std::size_t size : {0, 1, 65'000, 65'536 - 32 - 16, 65'536, 200'000, 400'000}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
    ASSERT_EQ(producer.publish(parts_batch(Kind::kText, {"t", text}), 1, 2), Outcome::kPublished) << size;
    const Seen seen = collect_all(consumer);
    ASSERT_EQ(seen.records.size(), 1u) << size;
    EXPECT_EQ(seen.records[0].parts[1], text) << size;
    consumer.commit();
  }
}

TEST_F(ProducerTest, ARecordLargerThanAnyRingIsRefusedAndCounted) {
  Producer producer(options());
  EXPECT_EQ(producer.publish(parts_batch(Kind::kText, {"t", std::string(kDataBytesMin, 'x')}), 0, 0),
            Outcome::kRefused);
  EXPECT_EQ(producer.dropped(), 1u);
  EXPECT_EQ(producer.row_seq(), 0u);
}

TEST_F(ProducerTest, AFullRingGoesOnInALargerOneAndLosesNothing) {
  Producer producer(options(kDataBytesMin, 16 * kDataBytesMin));
  for (std::uint64_t i = 0; i < 2000; ++i) {
    ASSERT_EQ(producer.publish(row_batch(producer, 3, i), static_cast<std::int64_t>(i), 0),
              Outcome::kPublished);
  }
  const auto paths = rings();
  ASSERT_GT(paths.size(), 2u);
  EXPECT_FALSE(producer.drained());
  std::uint64_t next = 1;
  for (const std::string& path : paths) {  // names sort in the order of the rings
    Consumer consumer(path);
    EXPECT_EQ(consumer.closed(), path != producer.file().path());
    EXPECT_EQ(consumer.header().fixed.writer, producer.writer());
    EXPECT_EQ(consumer.header().fixed.first_seq, next);
    for (const SeenRow& row : collect_all(consumer).rows) {
      ASSERT_EQ(row.row_seq, next++);
      ASSERT_EQ(row.cells[2], (std::pair<std::string, std::uint64_t>("m2", row.row_seq + 1)));
    }
    consumer.commit();
    if (consumer.closed()) consumer.unlink();
  }
  EXPECT_EQ(next, 2001u);
  EXPECT_TRUE(producer.drained());
}

TEST_F(ProducerTest, ARecordOverHalfTheRingMovesToALargerOne) {
  Producer producer(options(kDataBytesMin, 16 * kDataBytesMin));
  ASSERT_EQ(producer.publish(parts_batch(Kind::kText, {"t", std::string(kDataBytesMin, 'x')}), 0, 0),
            Outcome::kPublished);
  EXPECT_GE(producer.file().data_bytes(), 2 * kDataBytesMin);
}

TEST_F(ProducerTest, AFullDictionaryGoesOnInALargerRing) {
  Producer producer(options(kDataBytesMin, 4 * kDataBytesMin));
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) {  // 60 x 400 bytes: more than the 4 KiB dictionary of a 16 KiB ring
    names.push_back(std::string(400, 'n') + std::to_string(i));
    const auto id = producer.add_metric(names.back());
    ASSERT_TRUE(id);
    Batch batch;
    const std::uint32_t cell = make_cell(*id, CellType::kF64);
    const std::uint64_t value = static_cast<std::uint64_t>(i);
    batch.add_row({&cell, 1}, {&value, 1});
    ASSERT_EQ(producer.publish(batch, i, 0), Outcome::kPublished) << i;
  }
  std::set<std::string> seen;
  for (const std::string& path : rings()) {
    Consumer consumer(path);
    for (const SeenRow& row : collect_all(consumer).rows) {
      EXPECT_EQ(row.cells[0].first, names[row.cells[0].second]);
      seen.insert(row.cells[0].first);
    }
  }
  EXPECT_EQ(seen.size(), names.size());
}

TEST_F(ProducerTest, WhatWasPublishedIntoARetiredRingIsWrittenAgain) {
  for (const std::uint32_t bit : {kRetired, kUnlinked}) {
    Producer producer(options());
    ASSERT_EQ(producer.publish(row_batch(producer, 2, 0), 1, 2), Outcome::kPublished);
    const std::string first = producer.file().path();
    {
      Consumer agent(first);
      agent.set_control(bit | kStop);
      agent.unlink();
    }
    // The fast way, as of a process that was stopped between its last look at the control word and now.
    std::byte* row = producer.begin_row(2);
    ASSERT_NE(row, nullptr);
    Producer::row_values(row, 2)[0] = 5;
    Producer::row_values(row, 2)[1] = 6;
    const std::uint32_t cells[] = {make_cell(0, CellType::kI64), make_cell(1, CellType::kI64)};
    producer.publish_row(row, cells, 9, 10);
    ASSERT_TRUE(producer.is_abandoned());
    producer.rewrite_row(row);
    EXPECT_NE(producer.file().path(), first);
    EXPECT_EQ(producer.row_seq(), 2u);
    EXPECT_EQ(producer.header().control.control.load(), static_cast<std::uint32_t>(kStop))
        << "a stop is not forgotten";
    ASSERT_EQ(producer.publish(row_batch(producer, 1, 8), 11, 12), Outcome::kPublished);

    Consumer consumer(producer.file().path());
    std::vector<SeenRow> rows = {{2, 9, 10, {{"m0", 5}, {"m1", 6}}}, {3, 11, 12, {{"m0", 8}}}};
    // Nobody had read the ring that lost its name, so its copy has all of it.
    if (bit == kUnlinked) rows.insert(rows.begin(), {1, 1, 2, {{"m0", 0}, {"m1", 1}}});
    EXPECT_EQ(collect_all(consumer).rows, rows);
  }
}

TEST_F(ProducerTest, AWholeBatchIsWrittenAgainWithTheSameSequences) {
  Producer producer(options());
  Consumer old(producer.file().path());
  Batch batch = row_batch(producer, 1, 4);
  const std::string_view parts[] = {"start", "{}"};
  batch.add_parts(Kind::kEvent, parts);
  ASSERT_EQ(producer.publish(batch, 0, 0), Outcome::kPublished);
  old.set_control(kRetired);
  ASSERT_EQ(producer.publish(batch, 1, 0), Outcome::kPublished);
  Consumer fresh(producer.file().path());
  const Seen seen = collect_all(fresh);
  ASSERT_EQ(seen.rows.size(), 1u);
  EXPECT_EQ(seen.rows[0].row_seq, 3u);
  ASSERT_EQ(seen.records.size(), 1u);
  EXPECT_EQ(seen.records[0].row_seq, 4u);
}

TEST_F(ProducerTest, ARingWipedWithNoAgentThereMovesWithWhatWasNotRead) {
  Producer producer(options());
  std::uint64_t logged = 0;
  const auto log = [&] {
    ASSERT_EQ(producer.publish(row_batch(producer, 3, ++logged), 0, 0), Outcome::kPublished);
  };
  for (int i = 0; i < 150; ++i) log();
  {
    Consumer agent(producer.file().path());
    Keeper keeper(agent);
    while (keeper.rows.size() < 100) agent.collect(1, keeper);
    agent.commit();
  }
  for (int i = 0; i < 80; ++i) log();  // wraps
  std::filesystem::remove(producer.file().path());
  producer.look_for_name();
  log();
  Consumer agent(producer.file().path());
  const Seen seen = collect_all(agent);
  ASSERT_EQ(seen.rows.size(), 131u);
  for (std::size_t i = 0; i < seen.rows.size(); ++i) {
    EXPECT_EQ(seen.rows[i].row_seq, 101 + i);
    EXPECT_EQ(seen.rows[i].cells[0], (std::pair<std::string, std::uint64_t>("m0", 101 + i)));
  }
}

TEST_F(ProducerTest, WithoutRoomForANewRingARetiredOneCountsItsDrops) {
  Producer producer(options());
  Consumer agent(producer.file().path());
  agent.set_control(kRetired);
  std::filesystem::remove_all(mailbox());
  {
    const int file = open(fallback().c_str(), O_CREAT | O_WRONLY, 0600);  // a file where the folder would be
    close(file);
  }
  EXPECT_EQ(producer.publish(row_batch(producer, 1, 0), 0, 0), Outcome::kFull);
  producer.drop(row_batch(producer, 1, 0));
  EXPECT_EQ(producer.dropped(), 1u);
}

TEST_F(ProducerTest, TooLittleSharedMemoryMakesAFileElsewhere) {
  ProducerOptions tight = options();
  tight.share_max = 0;
  Producer producer(tight);
  EXPECT_EQ(std::filesystem::path(producer.file().path()).parent_path(), fallback());
  EXPECT_FALSE(producer.in_memory());
  EXPECT_EQ(producer.publish(row_batch(producer, 1, 0), 0, 0), Outcome::kPublished);
}

TEST_F(ProducerTest, NowhereToPutARingSaysWhy) {
  ProducerOptions nowhere = options();
  nowhere.mailbox = folder_ + "/missing";
  nowhere.fallback = folder_ + "/missing/too";
  EXPECT_THROW(Producer{nowhere}, RingError);
}

TEST_F(ProducerTest, ARingIsHiddenUntilItIsWhole) {
  Producer producer(options());
  for (const std::string& path : rings()) EXPECT_TRUE(path.ends_with("-000000.ring")) << path;
  EXPECT_EQ(rings_in(mailbox()), file_bytes(kDataBytesMin));
}

TEST_F(ProducerTest, OnlyValidNamesBecomeMetrics) {
  Producer producer(options());
  const std::pair<std::string, bool> cases[] = {
      {"loss", true},
      {"", false},
      {std::string(512, 'a'), true},
      {std::string(513, 'a'), false},
      {"a\nb", false},
      {"\x7f", false},
      {"\xc2\x85", false},
      {"\xc2\xa0", true},
      {"größe", true},
      {"\xff", false},
      {"\xed\xa0\x80", false},
      {"\xc0\x80", false},
      {"\xf4\x90\x80\x80", false},
      {"\xe2\x82", false},
      {"日本語", true},
      {"\xf0\x9f\x98\x80", true},
      {"\xe0\x80\x80", false},
  };
  for (const auto& [name, valid] : cases) EXPECT_EQ(producer.add_metric(name).has_value(), valid) << name;
}

TEST_F(ProducerTest, NoMoreThanAHundredThousandMetrics) {
  Producer producer(options());
  for (std::uint32_t i = 0; i < kMetricsMax; ++i) ASSERT_TRUE(producer.add_metric("m" + std::to_string(i)));
  EXPECT_FALSE(producer.add_metric("one more"));
}

// Runs `body` in a forked child; its failures are the child's exit status.
template <typename Body>
void in_child(Body body) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    body();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(ProducerTest, AForkedChildWritesIntoARingOfItsOwn) {
  Producer producer(options(4 * kDataBytesMin));
  ASSERT_EQ(producer.publish(row_batch(producer, 2, 0), 0, 0), Outcome::kPublished);
  in_child([&] {
    EXPECT_FALSE(producer.is_attached());
    const std::uint64_t parent = producer.writer();
    EXPECT_EQ(producer.publish(row_batch(producer, 2, 100), 1, 0), Outcome::kPublished);
    EXPECT_NE(producer.writer(), parent);
    EXPECT_EQ(producer.row_seq(), 2u);
    EXPECT_EQ(producer.file().data_bytes(), kDataBytesMin);
    EXPECT_EQ(producer.header().fixed.role, static_cast<std::uint32_t>(kChild));
    in_child([&] {  // and a child of the child once more
      EXPECT_FALSE(producer.is_attached());
      EXPECT_EQ(producer.publish(row_batch(producer, 2, 200), 2, 0), Outcome::kPublished);
    });
    producer.close();
  });
  EXPECT_TRUE(producer.is_attached());
  ASSERT_EQ(producer.publish(row_batch(producer, 2, 1), 1, 0), Outcome::kPublished);
  const auto paths = rings();
  ASSERT_EQ(paths.size(), 3u);
  std::multiset<std::uint64_t> first_values;
  for (const std::string& path : paths) {
    if (path == producer.file().path()) continue;
    Consumer consumer(path);
    EXPECT_FALSE(consumer.owner_alive());
    for (const SeenRow& row : collect_all(consumer).rows) first_values.insert(row.cells[0].second);
  }
  EXPECT_EQ(first_values, (std::multiset<std::uint64_t>{100, 200}));
  Consumer own(producer.file().path());
  EXPECT_EQ(collect_all(own).rows.size(), 2u);
}

TEST_F(ProducerTest, AChildThatNeverLogsLeavesTheParentsRingAlone) {
  Producer producer(options());
  in_child([&] { producer.close(); });
  EXPECT_EQ(producer.header().producer.state.load(), static_cast<std::uint32_t>(kOpen));
}

TEST_F(ProducerTest, TheOwnersDeathIsSeenByItsLock) {
  int ready[2];
  int leave[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(leave), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Producer producer(options());
    char byte = 1;
    if (write(ready[1], &byte, 1) != 1 || read(leave[0], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(rings().size(), 1u);
  const Consumer consumer(rings()[0]);
  EXPECT_TRUE(consumer.owner_alive());
  EXPECT_THROW(Consumer{rings()[0]}, RingBusy);
  ASSERT_EQ(write(leave[1], &byte, 1), 1);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(consumer.owner_alive());
  for (const int fd : {ready[0], ready[1], leave[0], leave[1]}) close(fd);
}

}  // namespace
}  // namespace stepwell::ring
