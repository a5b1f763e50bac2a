#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>

#include "codec/bit_stream.h"
#include "codec/rans.h"
#include "codec/tokens.h"

namespace stepwell::codec {
namespace {

using Symbols = std::vector<uint8_t>;

Histogram256 counts_of(const Symbols& symbols) {
  Histogram256 counts = {};
  for (const uint8_t symbol : symbols) ++counts[symbol];
  return counts;
}

std::vector<Symbols> symbol_lists() {
  std::mt19937_64 random(5);
  std::vector<Symbols> lists;
  for (const size_t n : {1U, 2U, 3U, 4U, 5U, 100U, 4097U, 30000U}) {
    for (const auto& symbol_of : std::initializer_list<std::function<uint64_t()>>{
             [] { return 7; }, [&] { return random() & 1; }, [&] { return random(); },
             [&] { return random() % 1000 == 0 ? 255 : 0; },
             [&] { return static_cast<uint64_t>(std::countr_zero(random())); }}) {
      Symbols& list = lists.emplace_back(n);
      for (uint8_t& symbol : list) symbol = static_cast<uint8_t>(symbol_of());
    }
  }
  return lists;
}

TEST(CodecRans, SymbolsComeBackInPortions) {
  for (const Symbols& symbols : symbol_lists()) {
    const Shares shares = shares_of(counts_of(symbols), symbols.size());
    ByteWriter out;
    write_shares(shares, out);
    rans_encode(symbols, shares, out);
    ByteReader in(out.bytes());
    const Shares read = read_shares(in);
    ASSERT_EQ(read.share, shares.share);
    RansDecoder decoder(read, in.raw(in.left()));
    Symbols back(symbols.size());
    for (size_t at = 0; at < back.size(); at += 256) {
      decoder.decode(std::span(back).subspan(at, std::min<size_t>(256, back.size() - at)));
    }
    decoder.finish();
    ASSERT_EQ(back, symbols);
  }
}

TEST(CodecRans, SymbolsTakeTheirEntropy) {
  for (const Symbols& symbols : symbol_lists()) {
    if (symbols.size() < 4000) continue;
    const Histogram256 counts = counts_of(symbols);
    double bits = 0;
    for (const uint32_t count : counts) {
      if (count != 0)
        bits -= count * std::log2(static_cast<double>(count) / static_cast<double>(symbols.size()));
    }
    ByteWriter out;
    rans_encode(symbols, shares_of(counts, symbols.size()), out);
    EXPECT_LE(static_cast<double>(out.size()), bits / 8 * 1.02 + 20);
  }
}

TEST(CodecRans, SharesAddUpWhateverTheCounts) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 2000; ++round) {
    Histogram256 counts = {};
    size_t n = 0;
    const size_t used = 1 + random() % kSymbols;
    for (size_t i = 0; i < used; ++i) {
      const auto count = static_cast<uint32_t>(1 + (random() % 4096 >> random() % 13));
      n += count;
      counts[random() % kSymbols] += count;
    }
    const Shares shares = shares_of(counts, n);
    EXPECT_EQ(std::accumulate(shares.share.begin(), shares.share.end(), 0U), 1U << shares.bits);
    for (size_t symbol = 0; symbol < kSymbols; ++symbol) {
      EXPECT_EQ(counts[symbol] != 0, shares.share[symbol] != 0);
    }
  }
}

TEST(CodecTokens, TheLogMapCutsEveryDistanceInOneWay) {
  uint64_t next = 0;
  for (unsigned token = 0; token < kLogTokens; ++token) {
    EXPECT_EQ(log_least(token), next);
    EXPECT_EQ(log_token(next).token, token);
    EXPECT_EQ(log_token(next).extra, log_extra(token));
    const uint64_t last = next + low_bits(log_extra(token));
    EXPECT_EQ(log_token(last).token, token);
    next = last + 1;
  }
  EXPECT_EQ(next, 0U);  // the last one ended at 2^64 - 1
}

TEST(CodecTokens, EveryMapGivesBackItsValues) {
  std::mt19937_64 random(7);
  for (const size_t n : {1U, 2U, 255U, 256U, 257U, 3000U}) {
    std::vector<uint64_t> values(n);
    const auto check = [&](const TokenMap& map) {
      ByteWriter out;
      encode_tokens(values, map, out);
      ByteReader in(out.bytes());
      std::vector<uint64_t> back(n);
      kIntTokens.decode(in, back);
      in.finish("the test");
      ASSERT_EQ(back, values) << "map " << static_cast<int>(map.map);
    };
    for (unsigned shift = 0; shift <= 56; ++shift) {
      for (uint64_t& value : values) value = 12345 - (random() & low_bits(shift + 8));
      check({static_cast<uint8_t>(shift), 12345 - low_bits(shift + 8), {}, 0});
    }
    for (unsigned width = 0; width <= 64; ++width) {
      for (uint64_t& value : values) value = random() & low_bits(width);
      check({kMapLog, 99, {}, 0});
    }
    for (uint64_t& value : values) value = random() >> random() % 64;
    check({kMapLog, UINT64_MAX / 3, {}, 0});
    const std::vector<uint64_t> list = {static_cast<uint64_t>(INT64_MIN), static_cast<uint64_t>(-5), 0,
                                        1ULL << 40, INT64_MAX};
    for (uint64_t& value : values) value = list[random() % list.size()];
    check({kMapList, 0, list, 0});
  }
}

TEST(CodecTokens, TheMapFitsTheValues) {
  std::mt19937_64 random(8);
  std::normal_distribution<double> normal;
  const auto map = [](std::vector<uint64_t> values) {
    const auto by_sign = [](uint64_t a, uint64_t b) {
      return static_cast<int64_t>(a) < static_cast<int64_t>(b);
    };
    const auto [low, high] = std::minmax_element(values.begin(), values.end(), by_sign);
    return map_tokens(values, *low, *high).map;
  };
  std::vector<uint64_t> values(5000);
  for (uint64_t& value : values) value = random() % 200;
  EXPECT_LT(map(values), 8);
  for (uint64_t& value : values) value = static_cast<uint64_t>(static_cast<int64_t>(normal(random) * 1e6));
  EXPECT_LT(map(values), kMapLog);
  values[77] = 1ULL << 60;
  EXPECT_EQ(map(values), kMapLog);
  for (uint64_t& value : values) value = (random() % 12) * (random() % 12) * 0x123456789abULL;
  EXPECT_EQ(map(values), kMapList);
}

}  // namespace
}  // namespace stepwell::codec
