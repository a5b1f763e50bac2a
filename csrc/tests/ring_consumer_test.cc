// The consumer trusts nothing: damaged bytes are an explained RingError, and what came before them is kept.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "ring/clock.h"
#include "ring_fixture.h"

namespace stepwell::ring {
namespace {

class ConsumerTest : public RingTest {
 protected:
  // Three rows of two cells (64 bytes each), then a text record (56).
  void publish_four(Producer& producer) {
    for (std::uint64_t i = 0; i < 3; ++i) {
      ASSERT_EQ(producer.publish(row_batch(producer, 2, i), 0, 0), Outcome::kPublished);
    }
    ASSERT_EQ(producer.publish(parts_batch(Kind::kText, {"t", "0123456789"}), 0, 0), Outcome::kPublished);
  }
};

template <typename T>
void put(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}

TEST_F(ConsumerTest, CommitRollbackAndSkip) {
  Producer producer(options());
  publish_four(producer);
  Consumer consumer(producer.file().path());
  Keeper keeper(consumer);
  EXPECT_EQ(consumer.collect(1, keeper), 64u) << "at least one record";
  EXPECT_EQ(consumer.collected_bytes(), 64u);
  consumer.rollback();
  EXPECT_EQ(consumer.collected_bytes(), 0u);
  EXPECT_EQ(consumer.collect(128, keeper), 128u);
  consumer.commit();
  EXPECT_EQ(consumer.pending_bytes(), 64u + 56u);
  consumer.skip_to(3);
  EXPECT_EQ(consumer.pending_bytes(), 56u);
  consumer.skip_to(2);  // behind us
  EXPECT_EQ(consumer.pending_bytes(), 56u);
  EXPECT_EQ(collect_all(consumer).records.size(), 1u);
}

TEST_F(ConsumerTest, AnotherConsumerGoesOnWhereTheTailIs) {
  Producer producer(options());
  publish_four(producer);
  {
    Consumer first(producer.file().path());
    Keeper keeper(first);
    first.collect(1, keeper);
    first.commit();
    first.collect(1, keeper);  // and dies without a commit
  }
  Consumer second(producer.file().path());
  EXPECT_EQ(collect_all(second).rows.size(), 2u);
}

TEST_F(ConsumerTest, BeatTellsTheProducer) {
  Producer producer(options());
  Consumer consumer(producer.file().path());
  const std::int64_t before = monotonic_ns();
  consumer.beat(kConnected, 12);
  EXPECT_GE(producer.header().control.heartbeat_ns.load(), before);
  EXPECT_EQ(producer.header().control.service.load(), static_cast<std::uint32_t>(kConnected));
  EXPECT_EQ(producer.header().control.acked_seq.load(), 12u);
}

TEST_F(ConsumerTest, AVisitorThatThrowsLeavesItsRecord) {
  struct Refusing : RecordVisitor {
    void row(const Row& row) override {
      if (row.row_seq == 2) throw 7;
      ++rows;
    }
    void parts(const Parts&) override {}
    int rows = 0;
  };
  Producer producer(options());
  publish_four(producer);
  Consumer consumer(producer.file().path());
  Refusing refusing;
  EXPECT_THROW(consumer.collect(UINT64_MAX, refusing), int);
  EXPECT_EQ(consumer.collected_bytes(), 64u);
  EXPECT_EQ(collect_all(consumer).rows.size(), 2u);
}

struct Mutation {
  const char* what;
  std::size_t good;  // rows that must still come out
  std::function<void(const RingFile&)> change;
};

TEST_F(ConsumerTest, DamagedBytesAreAnExplainedError) {
  const Mutation mutations[] = {
      {"length 0", 1, [](const RingFile& f) { put<std::uint32_t>(f.data() + 64, 0); }},
      {"length shorter than a header", 1, [](const RingFile& f) { put<std::uint32_t>(f.data() + 64, 31); }},
      {"length beyond what was published", 1,
       [](const RingFile& f) { put<std::uint32_t>(f.data() + 64, 1000); }},
      {"length beyond the ring", 1, [](const RingFile& f) { put<std::uint32_t>(f.data() + 64, 0xFFFFFFFF); }},
      {"length that swallows the next record", 1,
       [](const RingFile& f) { put<std::uint32_t>(f.data() + 64, 128); }},
      {"a pad in the middle", 1, [](const RingFile& f) { put<std::uint16_t>(f.data() + 64 + 4, 0); }},
      {"no such kind", 1, [](const RingFile& f) { put<std::uint16_t>(f.data() + 64 + 4, 8); }},
      {"a kind that it is not", 1, [](const RingFile& f) { put<std::uint16_t>(f.data() + 64 + 4, 2); }},
      {"flags on a row", 1, [](const RingFile& f) { put<std::uint16_t>(f.data() + 64 + 6, 1); }},
      {"no sequence", 1, [](const RingFile& f) { put<std::uint64_t>(f.data() + 64 + 8, 0); }},
      {"a sequence once more", 1, [](const RingFile& f) { put<std::uint64_t>(f.data() + 64 + 8, 1); }},
      {"more cells than bytes", 1, [](const RingFile& f) { put<std::uint32_t>(f.data() + 64 + 32, 3); }},
      {"no cells", 1, [](const RingFile& f) { put<std::uint32_t>(f.data() + 64 + 32, 0); }},
      {"cells without end", 1, [](const RingFile& f) { put<std::uint32_t>(f.data() + 64 + 32, 0xFFFFFFFF); }},
      {"a metric with no name", 1, [](const RingFile& f) { put<std::uint32_t>(f.data() + 64 + 40, 77); }},
      {"no such cell type", 1, [](const RingFile& f) { put<std::uint32_t>(f.data() + 64 + 40, 7u << 29); }},
      {"a bool of 2", 2, [](const RingFile& f) { put<std::uint32_t>(f.data() + 128 + 40, 2u << 29); }},
      {"a last piece that never comes", 3,
       [](const RingFile& f) { put<std::uint16_t>(f.data() + 192 + 6, 1); }},
      {"unknown flags", 3, [](const RingFile& f) { put<std::uint16_t>(f.data() + 192 + 6, 2); }},
      {"more parts than there are", 3, [](const RingFile& f) { put<std::uint32_t>(f.data() + 192 + 32, 3); }},
      {"parts without end", 3,
       [](const RingFile& f) { put<std::uint32_t>(f.data() + 192 + 32, 0xFFFFFFFF); }},
      {"a part beyond its record", 3,
       [](const RingFile& f) { put<std::uint32_t>(f.data() + 192 + 36, 0xFFFFFFF0); }},
      {"parts that leave bytes over", 3,
       [](const RingFile& f) { put<std::uint32_t>(f.data() + 192 + 41, 3); }},
      {"a head behind the tail", 0, [](const RingFile& f) { f.header()->consumer.tail = 512; }},
      {"a head beyond the ring", 0, [](const RingFile& f) { f.header()->producer.head = 1ull << 40; }},
      {"a head between records", 0, [](const RingFile& f) { f.header()->producer.head = 65; }},
      {"a tail between records", 0, [](const RingFile& f) { f.header()->consumer.tail = 1; }},
      {"names beyond the dictionary", 0,
       [](const RingFile& f) { f.header()->producer.dictionary_used = 1ull << 40; }},
      {"half a name", 0, [](const RingFile& f) { f.header()->producer.dictionary_used = 3; }},
      {"a name longer than what is used", 0,
       [](const RingFile& f) { put<std::uint16_t>(f.dictionary() + 4, 60000); }},
      {"a metric number out of range", 0,
       [](const RingFile& f) { put<std::uint32_t>(f.dictionary(), 0x1FFFFFFF); }},
      {"two names for one metric", 0, [](const RingFile& f) { put<std::uint32_t>(f.dictionary() + 8, 0); }},
      {"a name that is not UTF-8", 0, [](const RingFile& f) { put<std::uint8_t>(f.dictionary() + 6, 0xFF); }},
  };
  for (const Mutation& mutation : mutations) {
    SCOPED_TRACE(mutation.what);
    Producer producer(options());
    publish_four(producer);
    mutation.change(producer.file());
    std::size_t rows = 0;
    try {
      Consumer consumer(producer.file().path());
      Keeper keeper(consumer);
      while (consumer.collect(UINT64_MAX, keeper) != 0) rows = keeper.rows.size();
      ADD_FAILURE() << "taken for good";
    } catch (const RingError& error) {
      EXPECT_NE(std::string(error.what()).find("damaged"), std::string::npos) << error.what();
    }
    EXPECT_EQ(rows, mutation.good);
  }
}

TEST_F(ConsumerTest, AnySingleBitOfTheFileMayBeWrong) {
  Producer producer(options());
  publish_four(producer);
  const auto flip = [&](std::byte* at, int bit) { *at ^= static_cast<std::byte>(1 << bit); };
  std::size_t refused = 0;
  const auto attempt = [&] {
    try {
      Consumer consumer(producer.file().path());
      Keeper keeper(consumer);
      while (consumer.collect(UINT64_MAX, keeper) != 0) consumer.commit();
    } catch (const RingError&) {
      ++refused;
    }
    producer.file().header()->consumer.tail = 0;
  };
  const std::pair<std::byte*, std::size_t> ranges[] = {
      {reinterpret_cast<std::byte*>(producer.file().header()), sizeof(Header)},
      {producer.file().dictionary(), 16},
      {producer.file().data(), 256},
  };
  for (const auto& [begin, bytes] : ranges) {
    for (std::size_t i = 0; i < bytes * 8; ++i) {
      flip(begin + i / 8, static_cast<int>(i % 8));
      attempt();
      flip(begin + i / 8, static_cast<int>(i % 8));
    }
  }
  EXPECT_GT(refused, 128u * 8u) << "every bit of the fixed header is covered by its checksum";
  attempt();
}

TEST_F(ConsumerTest, FilesThatAreNoRings) {
  Producer producer(options());
  const std::string whole = producer.file().path();
  const auto copy = [&](const char* name) {
    const std::string path = mailbox() + "/" + name;
    std::filesystem::copy_file(whole, path, std::filesystem::copy_options::overwrite_existing);
    return path;
  };
  const std::string shorter = copy("shorter.ring");
  std::filesystem::resize_file(shorter, file_bytes(kDataBytesMin) - 1);
  const std::string empty = copy("empty.ring");
  std::filesystem::resize_file(empty, 0);
  const std::string link = mailbox() + "/link.ring";
  std::filesystem::create_symlink(whole, link);
  const std::string folder = mailbox() + "/folder.ring";
  std::filesystem::create_directory(folder);
  const std::string fifo = mailbox() + "/fifo.ring";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& path : {shorter, empty, link, folder, fifo, mailbox() + "/missing.ring"}) {
    EXPECT_THROW(Consumer{path}, RingError) << path;
  }
}

}  // namespace
}  // namespace stepwell::ring
