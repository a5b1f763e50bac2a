// Producer and consumer at full speed, as two threads on one mapping (for TSan) and as two processes on two.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "ring_fixture.h"

namespace stepwell::ring {
namespace {

using StressTest = RingTest;

// What record number i holds, so that the reader can check it knowing nothing else.
std::uint32_t cells_of(std::uint64_t i) { return 1 + static_cast<std::uint32_t>(i * 2654435761u % 29); }
std::size_t text_of(std::uint64_t i) { return i * 40503 % 5000; }
bool is_text(std::uint64_t i) { return i % 17 == 0; }

void produce(Producer& producer, std::uint64_t records) {
  for (std::uint64_t i = 1; i <= records; ++i) {
    const auto step = static_cast<std::int64_t>(i);
    const std::uint32_t n = cells_of(i);
    const Batch batch =
        is_text(i) ? parts_batch(Kind::kText, {"t", std::string(text_of(i), static_cast<char>('a' + i % 26))})
                   : row_batch(producer, n, i);
    std::byte* row = is_text(i) || i < 1000 ? nullptr : producer.begin_row(n);
    if (row != nullptr) {
      for (std::uint32_t k = 0; k < n; ++k) Producer::row_values(row, n)[k] = i + k;
      producer.publish_row(row, batch.cells(batch.items()[0]), step, step);
      continue;
    }
    while (producer.publish(batch, step, step) == Outcome::kFull) sched_yield();
  }
  producer.close();
}

/// Checks each record against its sequence.
class Checker : public RecordVisitor {
 public:
  explicit Checker(const Consumer& consumer) : consumer_(consumer) {}
  void row(const Row& row) override {
    good_ &= row.row_seq == ++next_ && !is_text(next_) && row.cells.size() == cells_of(next_);
    good_ &= row.step == static_cast<std::int64_t>(next_);
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      good_ &= row.values[i] == next_ + i &&
               consumer_.metric(cell_metric(row.cells[i])) == "m" + std::to_string(i);
    }
  }
  void parts(const Parts& record) override {
    good_ &= record.row_seq == ++next_ && is_text(next_);
    good_ &= record.parts[1] == std::string(text_of(next_), static_cast<char>('a' + next_ % 26));
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::uint64_t count() const { return next_; }

 private:
  const Consumer& consumer_;
  bool good_ = true;
  std::uint64_t next_ = 0;
};

void consume(Consumer& consumer, std::uint64_t records) {
  Checker checker(consumer);
  for (unsigned turn = 0; checker.count() < records && checker.good(); ++turn) {
    const bool ended = consumer.closed();
    const std::uint64_t got = consumer.collect(1 + turn * 977 % 8192, checker);
    consumer.commit();
    consumer.beat(kUnknown, checker.count());
    if (got == 0) {
      ASSERT_FALSE(ended) << "closed after " << checker.count() << " records";
      sched_yield();
    }
  }
  EXPECT_TRUE(checker.good()) << "at record " << checker.count();
  EXPECT_EQ(checker.count(), records);
}

TEST_F(StressTest, TwoThreads) {
  constexpr std::uint64_t kRecords = 60'000;
  Producer producer(options(4 * kDataBytesMin));
  Consumer consumer(producer.file().borrow());
  std::thread reader([&] { consume(consumer, kRecords); });
  produce(producer, kRecords);
  reader.join();
  EXPECT_EQ(producer.dropped(), 0u);
}

TEST_F(StressTest, TwoProcesses) {
  constexpr std::uint64_t kRecords = 200'000;
  int made[2];
  ASSERT_EQ(pipe(made), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Producer producer(options(4 * kDataBytesMin));
    const char byte = 1;
    if (write(made[1], &byte, 1) != 1) _exit(1);
    produce(producer, kRecords);
    _exit(producer.dropped() == 0 ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(made[0], &byte, 1), 1);
  ASSERT_EQ(rings().size(), 1u);
  Consumer consumer(rings()[0]);
  consume(consumer, kRecords);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  close(made[0]);
  close(made[1]);
}

// kill -9 at a random moment: every record that was published before is whole, none after it is half there.
TEST_F(StressTest, AKilledProducerLeavesWholeRecords) {
  for (int round = 0; round < 10; ++round) {
    int made[2];
    ASSERT_EQ(pipe(made), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Producer producer(options(64 * kDataBytesMin));
      const char byte = 1;
      if (write(made[1], &byte, 1) != 1) _exit(1);
      produce(producer, 1'000'000);  // until killed; stands still when full
      _exit(0);
    }
    char byte = 0;
    ASSERT_EQ(read(made[0], &byte, 1), 1);
    close(made[0]);
    close(made[1]);
    std::string path;
    for (const std::string& ring : rings()) path = ring;
    Consumer consumer(path);
    Checker checker(consumer);
    while (checker.count() < static_cast<std::uint64_t>(1 + round * 997)) {
      consumer.collect(4096, checker);
      consumer.commit();
    }
    kill(child, SIGKILL);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_FALSE(consumer.owner_alive());
    EXPECT_FALSE(consumer.closed());
    while (consumer.collect(UINT64_MAX, checker) != 0) consumer.commit();
    EXPECT_TRUE(checker.good());
    EXPECT_EQ(checker.count(), consumer.header().producer.row_seq.load());
    consumer.unlink();
  }
}

}  // namespace
}  // namespace stepwell::ring
