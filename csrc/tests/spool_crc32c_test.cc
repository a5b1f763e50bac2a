// Against published values, and the two implementations against each other.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "spool/crc32c.h"

namespace stepwell::spool {
namespace {

std::string bytes(std::size_t n, int first, int by) {
  std::string text(n, '\0');
  for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>(first + by * static_cast<int>(i));
  return text;
}

TEST(Crc32c, KnownVectors) {
  struct Case {
    std::string data;
    std::uint32_t crc;
  };
  const Case cases[] = {
      {"", 0},
      {"a", 0xC1D04330},
      {"123456789", 0xE3069283},
      // RFC 3720, B.4
      {std::string(32, '\0'), 0x8A9136AA},
      {std::string(32, '\xff'), 0x62A8AB43},
      {bytes(32, 0, 1), 0x46DD794E},
      {bytes(32, 31, -1), 0x113FDB5C},
  };
  for (const Case& known : cases) {
    EXPECT_EQ(crc32c(known.data.data(), known.data.size()), known.crc);
    EXPECT_EQ(crc32c_portable(known.data.data(), known.data.size()), known.crc);
  }
}

TEST(Crc32c, BothWaysAgreeAtEveryLengthAndSplit) {
  const std::string data = bytes(100, 7, 13);
  for (std::size_t n = 0; n <= data.size(); ++n) {
    const std::uint32_t whole = crc32c(data.data(), n);
    EXPECT_EQ(crc32c_portable(data.data(), n), whole);
    for (std::size_t cut = 0; cut <= n; cut += 9) {
      EXPECT_EQ(crc32c(data.data() + cut, n - cut, crc32c(data.data(), cut)), whole);
      EXPECT_EQ(crc32c_portable(data.data() + cut, n - cut, crc32c_portable(data.data(), cut)), whole);
    }
  }
}

}  // namespace
}  // namespace stepwell::spool
