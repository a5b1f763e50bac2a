#include <algorithm>
#include <array>
#include <memory>

#include "codec/bit_stream.h"
#include "codec/rans.h"
#include "codec/tokens.h"

namespace stepwell::codec {

namespace {

constexpr size_t kChunk = 256;  // values: their tokens stay in registers' reach; a multiple of kRansStates

struct Streams {
  std::unique_ptr<uint8_t[]> tokens;
  Histogram256 counts = {};
  std::unique_ptr<uint8_t[]> extra;
  BitWriter bits;

  explicit Streams(size_t n)
      : tokens(std::make_unique_for_overwrite<uint8_t[]>(n)),
        extra(std::make_unique_for_overwrite<uint8_t[]>(n * sizeof(uint64_t) + kBitSlack)),
        bits(extra.get()) {}
};

void write_linear(Values values, const TokenMap& map, Streams& to) {
  const unsigned width = map.map;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint64_t offset = values[i] - map.base;
    const auto token = static_cast<uint8_t>(offset >> width);
    to.tokens[i] = token;
    ++to.counts[token];
  }
  if (width == 0) return;
  BitWriter bits = to.bits;  // in registers: what it writes might else be part of it
  for (const uint64_t value : values) bits.put((value - map.base) & low_bits(width), width);
  to.bits = bits;
}

void write_log(Values values, const TokenMap& map, Streams& to) {
  BitWriter bits = to.bits;  // as above
  uint8_t* const tokens = to.tokens.get();
  const uint64_t base = map.base;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint64_t distance = zigzag(values[i] - base);
    const auto [token, extra] = log_token(distance);
    tokens[i] = static_cast<uint8_t>(token);
    ++to.counts[token];
    bits.put(distance & low_bits(extra), extra);
  }
  to.bits = bits;
}

void write_list(Values values, const TokenMap& map, Streams& to) {
  for (size_t i = 0; i < values.size(); ++i) {
    const auto place = std::lower_bound(
        map.list.begin(), map.list.end(), values[i],
        [](uint64_t a, uint64_t b) { return static_cast<int64_t>(a) < static_cast<int64_t>(b); });
    const auto token = static_cast<uint8_t>(place - map.list.begin());
    to.tokens[i] = token;
    ++to.counts[token];
  }
}

// Calls value_of(chunk of values, chunk of tokens) until all are there.
template <typename Use>
void in_chunks(std::span<uint64_t> values, RansDecoder& decoder, Use use) {
  std::array<uint8_t, kChunk> tokens;
  for (size_t at = 0; at < values.size(); at += kChunk) {
    const auto part = values.subspan(at, std::min(kChunk, values.size() - at));
    const auto of_part = std::span(tokens).first(part.size());
    decoder.decode(of_part);
    use(part, std::span<const uint8_t>(of_part));
  }
}

void read_linear(std::span<uint64_t> values, unsigned width, uint64_t base, RansDecoder& decoder,
                 Bytes extra) {
  BitReader bits(extra);
  in_chunks(values, decoder, [&](std::span<uint64_t> part, std::span<const uint8_t> tokens) {
    bits.read(part.size() * width, [&](BitCursor cursor) {
      if (width <= 56) {
        for (size_t i = 0; i < part.size(); ++i) {
          part[i] = base + (static_cast<uint64_t>(tokens[i]) << width | cursor.get_short(width));
        }
      } else {
        for (size_t i = 0; i < part.size(); ++i) {
          part[i] = base + (static_cast<uint64_t>(tokens[i]) << width | cursor.get(width));
        }
      }
    });
  });
  bits.finish();
}

struct LogStep {
  uint64_t least;
  uint64_t mask;  // of the extra bits
  uint32_t extra;
};

constexpr std::array<LogStep, kLogTokens> kLogSteps = [] {
  std::array<LogStep, kLogTokens> steps = {};
  for (unsigned token = 0; token < kLogTokens; ++token) {
    steps[token] = {log_least(token), low_bits(log_extra(token)), log_extra(token)};
  }
  return steps;
}();

// widest: extra bits of the widest token that the decoder may give.
void read_log(std::span<uint64_t> values, uint64_t base, unsigned widest, RansDecoder& decoder, Bytes extra) {
  BitReader bits(extra);
  in_chunks(values, decoder, [&](std::span<uint64_t> part, std::span<const uint8_t> tokens) {
    const auto read = [&](auto get) {
      for (size_t i = 0; i < part.size(); ++i) {
        const LogStep& step = kLogSteps[tokens[i]];
        part[i] = base + unzigzag(step.least | get(step));
      }
    };
    const auto read_all = [&](BitCursor& cursor) {
      BitCursor local = cursor;  // in registers
      if (widest <= 56) {
        read([&](const LogStep& step) { return local.get_masked(step.extra, step.mask); });
      } else {
        read([&](const LogStep& step) { return local.get(step.extra); });
      }
      cursor = local;
    };
    if (bits.read_some(part.size() * widest, read_all)) return;
    size_t sum = 0;  // near the end: as many as they really are
    for (const uint8_t token : tokens) sum += kLogSteps[token].extra;
    bits.read(sum, [&](BitCursor cursor) { read_all(cursor); });
  });
  bits.finish();
}

// `list` has a value for every token there may be.
void read_list(std::span<uint64_t> values, const std::array<uint64_t, kSymbols>& list, RansDecoder& decoder) {
  in_chunks(values, decoder, [&](std::span<uint64_t> part, std::span<const uint8_t> tokens) {
    std::transform(tokens.begin(), tokens.end(), part.begin(), [&](uint8_t token) { return list[token]; });
  });
}

// Highest token that has a share.
unsigned last_token(const Shares& shares) {
  unsigned last = kSymbols - 1;
  while (shares.share[last] == 0) --last;
  return last;
}

void decode(ByteReader& in, std::span<uint64_t> values) {
  const uint8_t map = in.u8();
  if (map > kMapList) throw FormatError("a column of unknown token map " + std::to_string(map));
  uint64_t base = 0;
  std::array<uint64_t, kSymbols> list = {};
  size_t tokens = kSymbols;
  if (map == kMapList) {
    tokens = static_cast<size_t>(in.u8()) + 1;
    for (size_t i = 0; i < tokens; ++i) list[i] = base += in.svarint();
  } else {
    base = in.svarint();
    if (map == kMapLog) tokens = kLogTokens;
  }
  const Shares shares = read_shares(in);
  if (last_token(shares) >= tokens) throw FormatError("a column counts a token that its map does not have");
  RansDecoder decoder(shares, in.raw(in.varint()));
  const Bytes extra = in.raw(in.left());
  if (map == kMapList) {
    read_list(values, list, decoder);
    if (!extra.empty()) throw FormatError("bits too many at the end of a column");
  } else if (map == kMapLog) {
    read_log(values, base, log_extra(last_token(shares)), decoder, extra);
  } else {
    read_linear(values, map, base, decoder, extra);
  }
  decoder.finish();
}

}  // namespace

void encode_tokens(Values values, const TokenMap& map, ByteWriter& out) {
  out.u8(map.map);
  Streams streams(values.size());
  if (map.map == kMapList) {
    out.u8(static_cast<uint8_t>(map.list.size() - 1));
    uint64_t before = 0;
    for (const uint64_t value : map.list) {
      out.svarint(value - before);
      before = value;
    }
    write_list(values, map, streams);
  } else {
    out.svarint(map.base);
    map.map == kMapLog ? write_log(values, map, streams) : write_linear(values, map, streams);
  }
  const Shares shares = shares_of(streams.counts, values.size());
  write_shares(shares, out);
  ByteWriter symbols;
  rans_encode({streams.tokens.get(), values.size()}, shares, symbols);
  out.varint(symbols.size());
  out.raw(symbols.bytes().data(), symbols.size());
  out.raw(streams.extra.get(), streams.bits.finish());
}

const Encoding kIntTokens = {5, 2, "tokens", decode};

}  // namespace stepwell::codec
