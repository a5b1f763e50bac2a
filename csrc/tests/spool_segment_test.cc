// Segments survive what disks and kills do to them: good frames come back, damage is reported, nothing
// crashes.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "spool/crc32c.h"
#include "spool/segment.h"

namespace stepwell::spool {
namespace {

using Bytes = std::vector<std::byte>;

std::span<const std::byte> of(const std::string& text) { return std::as_bytes(std::span(text)); }

class SegmentTest : public testing::Test {
 protected:
  SegmentTest() {
    std::string name = testing::TempDir() + "spool-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~SegmentTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ + "/00000001.seg"; }

  // Three frames with payloads of 5, 0 and 40 bytes.
  Bytes small_segment() const {
    SegmentWriter writer(path());
    for (const std::string& payload : kPayloads) writer.append(1, 42, 7, 9, of(payload));
    writer.close();
    std::ifstream file(path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::filesystem::remove(path());
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
  }

  static const std::vector<std::string> kPayloads;
  std::string folder_;
};

const std::vector<std::string> SegmentTest::kPayloads = {"hello", "", std::string(40, 'z')};
constexpr std::uint64_t kAll = UINT64_MAX;

std::string text_of(const Frame& frame) {
  return {reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size()};
}

// Every frame found must be one that was written; returns which.
std::vector<std::size_t> found(const Scan& scan, const std::vector<std::uint64_t>& offsets,
                               const std::vector<std::string>& payloads) {
  std::vector<std::size_t> which;
  for (const Frame& frame : scan.frames) {
    const auto at = std::find(offsets.begin(), offsets.end(), frame.offset);
    EXPECT_NE(at, offsets.end()) << "a frame where none was written";
    if (at == offsets.end()) continue;
    which.push_back(static_cast<std::size_t>(at - offsets.begin()));
    EXPECT_EQ(text_of(frame), payloads[which.back()]);
    EXPECT_EQ(frame.header.writer, 42u);
    EXPECT_EQ(frame.header.first_seq, 7u);
    EXPECT_EQ(frame.header.last_seq, 9u);
  }
  return which;
}

TEST_F(SegmentTest, FramesComeBack) {
  SegmentWriter writer(path());
  std::vector<std::uint64_t> offsets;
  for (const std::string& payload : kPayloads) offsets.push_back(writer.append(1, 42, 7, 9, of(payload)));
  writer.sync();
  const Scan scan = scan_segment(path(), 0, kAll, true);
  EXPECT_EQ(found(scan, offsets, kPayloads).size(), 3u);
  EXPECT_EQ(scan.end, writer.size());
  EXPECT_TRUE(scan.damaged.empty());

  const Scan headers = scan_segment(path(), 0, kAll, false);
  EXPECT_EQ(headers.frames.size(), 3u);
  EXPECT_TRUE(headers.frames[0].payload.empty());
  EXPECT_EQ(headers.frames[0].header.payload_crc, crc32c("hello", 5));
}

TEST_F(SegmentTest, AScanGoesOnWhereTheLastOneEnded) {
  SegmentWriter writer(path());
  for (const std::string& payload : kPayloads) writer.append(1, 42, 7, 9, of(payload));
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < kPayloads.size(); ++i) {
    const Scan scan = scan_segment(path(), at, 1, true);
    ASSERT_EQ(scan.frames.size(), 1u) << "at least one frame, however large";
    EXPECT_EQ(text_of(scan.frames[0]), kPayloads[i]);
    at = scan.end;
  }
  EXPECT_TRUE(scan_segment(path(), at, 1, true).frames.empty());
  writer.append(1, 42, 10, 11, of("more"));
  EXPECT_EQ(scan_segment(path(), at, 1, true).frames.size(), 1u);
}

TEST_F(SegmentTest, TornAtEveryByte) {
  const Bytes whole = small_segment();
  const std::vector<std::uint64_t> offsets = {32, 32 + 53, 32 + 53 + 48};
  const std::vector<std::uint64_t> ends = {85, 133, 221};
  ASSERT_EQ(whole.size(), ends.back());
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const Scan scan = scan_bytes(std::span(whole).first(length), 0, kAll, true);
    std::size_t expected = 0;
    while (expected < ends.size() && ends[expected] <= length) ++expected;
    EXPECT_EQ(found(scan, offsets, kPayloads).size(), expected) << length;
    EXPECT_EQ(scan.end, length < 32 ? 0 : expected == 0 ? 32 : ends[expected - 1]) << length;
    EXPECT_TRUE(scan.damaged.empty()) << "a torn tail is not damage: " << length;
  }
}

TEST_F(SegmentTest, AnySingleBitMayBeWrong) {
  const Bytes whole = small_segment();
  const std::vector<std::uint64_t> offsets = {32, 85, 133};
  const std::vector<std::uint64_t> ends = {85, 133, 221};
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes bad = whole;
    bad[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    SCOPED_TRACE(bit);
    const Scan scan = scan_bytes(bad, 0, kAll, true);
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < 3; ++i) {
      if (bit / 8 < offsets[i] || bit / 8 >= ends[i]) expected.push_back(i);
    }
    EXPECT_EQ(found(scan, offsets, kPayloads), expected);
    if (bit / 8 < 32) {
      ASSERT_EQ(scan.damaged.size(), 1u);
      EXPECT_EQ(scan.damaged[0].bytes, 32u);
    } else if (bit / 8 < ends[1]) {  // a good frame follows
      ASSERT_EQ(scan.damaged.size(), 1u);
      const std::size_t which = bit / 8 < ends[0] ? 0 : 1;
      EXPECT_EQ(scan.damaged[0].offset, offsets[which]);
      EXPECT_EQ(scan.damaged[0].bytes, ends[which] - offsets[which]);
    } else {  // nothing good follows: it may still be being written
      EXPECT_TRUE(scan.damaged.empty());
      EXPECT_EQ(scan.end, offsets[2]);
    }
  }
}

TEST_F(SegmentTest, GarbageInTheMiddleIsPassedOver) {
  const Bytes whole = small_segment();
  for (const std::size_t length : {1, 47, 48, 49, 1000, 65'536, 65'537, 200'000}) {
    Bytes bad(whole.begin(), whole.begin() + 85);
    for (std::size_t i = 0; i < length; ++i) bad.push_back(static_cast<std::byte>("SWFR"[i % 4]));
    bad.insert(bad.end(), whole.begin() + 85, whole.end());
    const Scan scan = scan_bytes(bad, 0, kAll, true);
    EXPECT_EQ(scan.frames.size(), 3u) << length;
    ASSERT_EQ(scan.damaged.size(), 1u) << length;
    EXPECT_EQ(scan.damaged[0].offset, 85u);
    EXPECT_EQ(scan.damaged[0].bytes, length);
    EXPECT_EQ(scan.end, bad.size());
  }
}

TEST_F(SegmentTest, AFrameInsideADamagedPayloadIsNotTaken) {
  const Bytes inner = small_segment();
  const std::string payload(reinterpret_cast<const char*>(inner.data()), inner.size());
  {
    SegmentWriter writer(path());
    writer.append(1, 42, 7, 9, of(payload));
    writer.append(1, 42, 10, 10, of("after"));
  }
  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(32 + 48);
  file.put('X');
  file.close();
  const Scan scan = scan_segment(path(), 0, kAll, true);
  ASSERT_EQ(scan.frames.size(), 1u);
  EXPECT_EQ(text_of(scan.frames[0]), "after");
}

TEST_F(SegmentTest, ANewerLayoutIsSaidNotSkipped) {
  Bytes newer = small_segment();
  const std::uint32_t layout = 2;
  std::memcpy(newer.data() + 8, &layout, sizeof(layout));
  const std::uint32_t crc = crc32c(newer.data(), 28);
  std::memcpy(newer.data() + 28, &crc, sizeof(crc));
  EXPECT_THROW(scan_bytes(newer, 0, kAll, true), SegmentTooNew);
}

TEST_F(SegmentTest, AnExistingFileIsNotWrittenOver) {
  {
    const SegmentWriter first(path());
  }
  try {
    const SegmentWriter second(path());
    ADD_FAILURE();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EEXIST);
  }
}

// A file size limit stands for a full disk: the kernel writes what fits, then refuses. In a child, as it is
// for life.
TEST_F(SegmentTest, AFullDiskLeavesTheFileAsItWas) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    SegmentWriter writer(path());
    writer.append(1, 42, 7, 9, of("hello"));
    const std::uint64_t before = writer.size();
    rlimit limit = {before + 60, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    for (const std::size_t size : {20, 13, 1000, 100'000}) {
      try {
        writer.append(1, 42, 10, 10, of(std::string(size, 'x')));
        _exit(1);
      } catch (const std::system_error&) {
      }
      if (std::filesystem::file_size(path()) != before || writer.size() != before) _exit(2);
    }
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (writer.append(1, 42, 7, 9, of("after")) != before) _exit(3);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const Scan scan = scan_segment(path(), 0, kAll, true);
  EXPECT_EQ(scan.frames.size(), 2u);
  EXPECT_TRUE(scan.damaged.empty());
}

TEST_F(SegmentTest, ReadingWhatIsNotThere) {
  EXPECT_THROW(scan_segment(folder_ + "/missing.seg", 0, kAll, true), std::system_error);
  EXPECT_THROW(scan_segment(folder_, 0, kAll, true), std::system_error);
  const Bytes whole = small_segment();
  const Scan beyond = scan_bytes(whole, 10'000, kAll, true);
  EXPECT_TRUE(beyond.frames.empty());
  EXPECT_EQ(beyond.end, 10'000u);
}

}  // namespace
}  // namespace stepwell::spool
