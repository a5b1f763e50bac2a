// Byte planes: all lowest bytes, then all second ones, and so on. zstd finds the repetition of exponents
// there which the noise of mantissas hides in whole values.
#pragma once

#include <cstdint>
#include <span>

#include "codec/bytes.h"

namespace stepwell::codec {

template <typename Word>
void shuffle(std::span<const Word> values, uint8_t* out) {
  for (size_t plane = 0; plane < sizeof(Word); ++plane) {
    uint8_t* to = out + plane * values.size();
    for (size_t i = 0; i < values.size(); ++i) to[i] = static_cast<uint8_t>(values[i] >> (8 * plane));
  }
}

// Calls put(i, word) for each of n words.
template <typename Word, typename Put>
void unshuffle(Bytes planes, size_t n, Put put) {
  for (size_t i = 0; i < n; ++i) {
    Word word = 0;
    for (size_t plane = 0; plane < sizeof(Word); ++plane) {
      word |= static_cast<Word>(static_cast<Word>(planes[plane * n + i]) << (8 * plane));
    }
    put(i, word);
  }
}

}  // namespace stepwell::codec
