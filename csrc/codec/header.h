// The 24 bytes before a block's compressed body: what it is, who can read it, how long its body is.
#pragma once

#include <array>
#include <cstdint>

#include "codec/bytes.h"

namespace stepwell::codec {

inline constexpr uint16_t kBlockVersion = 3;  // as written, and the newest that is read
inline constexpr uint16_t kFirstVersion = 1;  // min_reader of a block that holds nothing newer
inline constexpr uint16_t kHostVersion = 3;   // the first that knows samples of a host
inline constexpr size_t kBlockHeaderBytes = 24;

// A record of 32 MiB (half of the largest ring) beside rows fits with room to spare.
inline constexpr uint64_t kMaxBodyBytes = 128ULL << 20;

struct Header {
  uint16_t version = kBlockVersion;
  uint16_t min_reader = kFirstVersion;
  uint64_t body_bytes = 0;
  uint32_t body_crc32c = 0;
};

std::array<uint8_t, kBlockHeaderBytes> header_of(Bytes body, uint16_t min_reader);

// Throws FormatError, TooNewError.
Header read_header(Bytes block);

}  // namespace stepwell::codec
