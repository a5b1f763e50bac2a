// Numbers of changing width behind one another, lowest bit first, through the bytes in order. The reader is
// given the number of bits up front and checks it once, so that its loop has no test for the end.
// Used by bit_pack and tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "codec/bytes.h"

namespace stepwell::codec {

// Bytes beyond the stream that its reader loads and its writer stores to.
inline constexpr size_t kBitSlack = 16;

constexpr uint64_t low_bits(unsigned width) { return width >= 64 ? ~0ULL : (1ULL << width) - 1; }

// Writes into memory that must hold what is written and kBitSlack more. Values must not be wider than said.
class BitWriter {
 public:
  explicit BitWriter(uint8_t* out) : begin_(out), out_(out) {}

  void put(uint64_t value, unsigned width) {
    if (width > 56) {  // together with up to seven pending bits more than a word
      put_short(value & 0xffffffffU, 32);
      value >>= 32;
      width -= 32;
    }
    put_short(value, width);
  }
  // For at most 56 bits.
  void put_short(uint64_t value, unsigned width) {
    pending_ |= value << bits_;
    bits_ += width;
    std::memcpy(out_, &pending_, sizeof pending_);
    out_ += bits_ >> 3;
    pending_ >>= bits_ & ~7U;
    bits_ &= 7;
  }
  // Bytes written, the last one filled up with zeros.
  size_t finish() {
    *out_ = static_cast<uint8_t>(pending_);
    return static_cast<size_t>(out_ - begin_) + (bits_ != 0 ? 1 : 0);
  }

 private:
  uint8_t* begin_;
  uint8_t* out_;
  uint64_t pending_ = 0;
  unsigned bits_ = 0;
};

// Reads from memory with kBitSlack readable bytes behind what is read.
class BitCursor {
 public:
  explicit BitCursor(const uint8_t* from, unsigned bit = 0) : from_(from), bit_(bit) {}

  // Bits behind `from`, read or passed over.
  size_t at() const { return bit_; }

  uint64_t get(unsigned width) {
    if (width <= 56) return get_short(width);
    const uint64_t low = get_short(32);
    return low | get_short(width - 32) << 32;
  }
  // For at most 56 bits.
  uint64_t get_short(unsigned width) { return get_masked(width, low_bits(width)); }
  // The same where the mask of the width is at hand.
  uint64_t get_masked(unsigned width, uint64_t mask) {
    uint64_t word;
    std::memcpy(&word, from_ + (bit_ >> 3), sizeof word);
    word >>= bit_ & 7;
    bit_ += width;
    return word & mask;
  }

 private:
  const uint8_t* from_;
  size_t bit_;
};

// A stream to its end. Parts near the end are read from a copy with room behind it.
class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}

  // Calls use(cursor) with a cursor that may read `bits` bits, and moves on by them. Throws FormatError where
  // there are fewer.
  template <typename Use>
  void read(size_t bits, Use use) {
    const size_t byte = bit_ >> 3;
    if (bits > bytes_.size() * 8 - bit_)
      throw FormatError("the bits of a column end in the middle of a value");
    const size_t needed = ((bit_ & 7) + bits + 7) / 8;
    const auto offset = static_cast<unsigned>(bit_ & 7);
    if (bytes_.size() - byte >= needed + kBitSlack) {
      use(BitCursor(bytes_.data() + byte, offset));
    } else {
      tail_.assign(needed + kBitSlack, 0);
      if (needed != 0) std::memcpy(tail_.data(), bytes_.data() + byte, needed);
      use(BitCursor(tail_.data(), offset));
    }
    bit_ += bits;
  }
  // Calls use(cursor) with a cursor that may read up to `most` bits, and moves on by those that it read.
  // False, without a call, where there may be fewer: then `read` is to be told how many there are to be.
  template <typename Use>
  bool read_some(size_t most, Use use) {
    const size_t byte = bit_ >> 3;
    const auto offset = static_cast<unsigned>(bit_ & 7);
    if (bytes_.size() - byte < (offset + most + 7) / 8 + kBitSlack) return false;
    BitCursor cursor(bytes_.data() + byte, offset);
    use(cursor);
    bit_ = byte * 8 + cursor.at();
    return true;
  }
  void finish() const {
    if (bytes_.size() != (bit_ + 7) / 8) throw FormatError("bits too many at the end of a column");
  }

 private:
  Bytes bytes_;
  size_t bit_ = 0;
  std::vector<uint8_t> tail_;
};

}  // namespace stepwell::codec
