#include "codec/rans.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

namespace stepwell::codec {

namespace {

// A state lies in [kLow, 2^31) and moves whole 16-bit words, so that one word at most follows each symbol.
constexpr uint32_t kLow = 1U << 15;
constexpr unsigned kStateBits = 31;

struct Step {
  uint64_t reciprocal;  // of the share, scaled by 2^(31 + bits): exact for every state below `limit`
  uint32_t limit;
  uint32_t start;
  uint32_t rest;  // 2^bits - share
};

}  // namespace

Shares shares_of(const Histogram256& counts, size_t n) {
  const auto used = static_cast<size_t>(
      std::count_if(counts.begin(), counts.end(), [](uint32_t count) { return count != 0; }));
  Shares shares;
  // Twice as fine as there are symbols to count, and room for each that occurs.
  shares.bits = std::clamp(static_cast<unsigned>(std::max(std::bit_width(n), std::bit_width(2 * used))),
                           kRansBitsMin, kRansBitsMax);
  const uint32_t whole = 1U << shares.bits;
  int64_t left = whole;
  for (size_t symbol = 0; symbol < kSymbols; ++symbol) {
    if (counts[symbol] == 0) continue;
    const uint64_t nearest = (static_cast<uint64_t>(counts[symbol]) * whole + n / 2) / n;
    shares.share[symbol] = static_cast<uint16_t>(std::max<uint64_t>(nearest, 1));
    left -= shares.share[symbol];
  }
  // What rounding left over or overdrew goes to or comes from the commonest, whose cost changes least.
  while (left != 0) {
    uint16_t& most = *std::max_element(shares.share.begin(), shares.share.end());
    const int64_t change = left > 0 ? left : std::max<int64_t>(left, -std::max(1, most / 8));
    most = static_cast<uint16_t>(most + change);
    left -= change;
  }
  return shares;
}

void write_shares(const Shares& shares, ByteWriter& out) {
  const auto used = std::count_if(shares.share.begin(), shares.share.end(), [](auto s) { return s != 0; });
  out.u8(static_cast<uint8_t>(shares.bits));
  out.u8(static_cast<uint8_t>(used - 1));
  size_t next = 0;
  for (size_t symbol = 0; symbol < kSymbols; ++symbol) {
    if (shares.share[symbol] == 0) continue;
    const size_t gap = symbol - next;
    out.varint((static_cast<uint64_t>(shares.share[symbol]) - 1) << 1 | (gap != 0 ? 1U : 0U));
    if (gap != 0) out.u8(static_cast<uint8_t>(gap));
    next = symbol + 1;
  }
}

Shares read_shares(ByteReader& in) {
  Shares shares;
  shares.bits = in.u8();
  if (shares.bits < kRansBitsMin || shares.bits > kRansBitsMax) {
    throw FormatError("a column counts its symbols in parts of 2^" + std::to_string(shares.bits));
  }
  const size_t used = static_cast<size_t>(in.u8()) + 1;
  size_t symbol = 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < used; ++i) {
    const uint64_t share = in.count(2ULL << shares.bits, "the share of a symbol");
    if ((share & 1) != 0) symbol += in.u8();
    if (symbol >= kSymbols) throw FormatError("a column counts a symbol beyond 255");
    shares.share[symbol++] = static_cast<uint16_t>((share >> 1) + 1);
    sum += (share >> 1) + 1;
  }
  if (sum != 1ULL << shares.bits) throw FormatError("the shares of a column's symbols do not add up");
  return shares;
}

void rans_encode(std::span<const uint8_t> symbols, const Shares& shares, ByteWriter& out) {
  std::array<Step, kSymbols> steps = {};
  uint32_t start = 0;
  for (size_t symbol = 0; symbol < kSymbols; ++symbol) {
    const uint32_t share = shares.share[symbol];
    if (share == 0) continue;
    steps[symbol] = {(1ULL << (kStateBits + shares.bits)) / share + 1, share << (kStateBits - shares.bits),
                     start, (1U << shares.bits) - share};
    start += share;
  }
  // From the last symbol to the first, into the end of a buffer: the decoder goes the other way.
  const size_t room = symbols.size() * 2 + sizeof(uint16_t);
  const auto words = std::make_unique_for_overwrite<uint8_t[]>(room);
  uint8_t* const end = words.get() + room;
  uint8_t* at = end;
  std::array<uint32_t, kRansStates> states;
  states.fill(kLow);
  const unsigned shift = kStateBits + shares.bits;
  const auto put = [&](uint32_t& state, uint8_t symbol) {
    const Step& step = steps[symbol];
    const auto word = static_cast<uint16_t>(state);
    std::memcpy(at - sizeof word, &word, sizeof word);
    const bool full = state >= step.limit;
    at -= full ? sizeof word : 0;
    state = full ? state >> 16 : state;
    state += step.start + static_cast<uint32_t>((state * step.reciprocal) >> shift) * step.rest;
  };
  size_t i = symbols.size();
  for (; i % kRansStates != 0; --i) put(states[(i - 1) % kRansStates], symbols[i - 1]);
  for (; i != 0; i -= kRansStates) {
    put(states[3], symbols[i - 1]);
    put(states[2], symbols[i - 2]);
    put(states[1], symbols[i - 3]);
    put(states[0], symbols[i - 4]);
  }
  for (const uint32_t state : states) out.fixed(state);
  out.raw(at, static_cast<size_t>(end - at));
}

RansDecoder::RansDecoder(const Shares& shares, Bytes bytes) : bits_(shares.bits) {
  uint32_t* slot = table_.data();
  for (uint32_t symbol = 0; symbol < kSymbols; ++symbol) {
    const uint32_t share = shares.share[symbol];
    for (uint32_t place = 0; place < share; ++place) *slot++ = symbol << 24 | (share - 1) << 12 | place;
  }
  ByteReader in(bytes);
  for (uint32_t& state : states_) {
    state = in.fixed<uint32_t>();
    if (state < kLow || state >> kStateBits != 0)
      throw FormatError("a column's entropy state is out of range");
  }
  const Bytes words = in.raw(in.left());
  at_ = words.data();
  end_ = words.data() + words.size();
}

void RansDecoder::renew(uint32_t& state) {
  if (state >= kLow) return;
  if (end_ - at_ < 2) throw FormatError("the symbols of a column end too early");
  uint16_t word;
  std::memcpy(&word, at_, sizeof word);
  at_ += sizeof word;
  state = state << 16 | word;
}

void RansDecoder::decode(std::span<uint8_t> symbols) {
  const uint32_t mask = (1U << bits_) - 1;
  const unsigned bits = bits_;
  const uint32_t* table = table_.data();
  size_t i = 0;
  {
    // Copies that stay in registers. A group takes at most four words, looked for before it.
    auto [a, b, c, d] = states_;
    const uint8_t* at = at_;
    const auto take = [&](uint32_t& state) {
      const uint32_t slot = table[state & mask];
      state = (((slot >> 12) & 0xfff) + 1) * (state >> bits) + (slot & 0xfff);
      uint16_t word;
      std::memcpy(&word, at, sizeof word);
      const bool low = state < kLow;
      at += low ? sizeof word : 0;
      state = low ? state << 16 | word : state;
      return static_cast<uint8_t>(slot >> 24);
    };
    constexpr std::ptrdiff_t kGroupBytes = kRansStates * sizeof(uint16_t);
    for (; i + kRansStates <= symbols.size() && end_ - at >= kGroupBytes; i += kRansStates) {
      symbols[i] = take(a);
      symbols[i + 1] = take(b);
      symbols[i + 2] = take(c);
      symbols[i + 3] = take(d);
    }
    states_ = {a, b, c, d};
    at_ = at;
  }
  for (; i < symbols.size(); ++i) {
    uint32_t& state = states_[i % kRansStates];
    const uint32_t slot = table[state & mask];
    state = (((slot >> 12) & 0xfff) + 1) * (state >> bits) + (slot & 0xfff);
    renew(state);
    symbols[i] = static_cast<uint8_t>(slot >> 24);
  }
}

void RansDecoder::finish() const {
  if (at_ != end_) throw FormatError("bytes too many behind the symbols of a column");
  for (const uint32_t state : states_) {
    if (state != kLow) throw FormatError("the symbols of a column do not end where they began");
  }
}

}  // namespace stepwell::codec
