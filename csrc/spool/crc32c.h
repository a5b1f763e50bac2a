// CRC32C (Castagnoli, RFC 3720 appendix B.4): the checksum of frames, block bodies and ring headers.
// By the processor's instruction where there is one, by tables elsewhere; the same number either way.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stepwell::spool {

/// Continues `crc` (0 to begin) over `bytes` bytes.
std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc = 0);
/// The same by tables only: what a machine without the instruction computes. For tests.
std::uint32_t crc32c_portable(const void* data, std::size_t bytes, std::uint32_t crc = 0);

}  // namespace stepwell::spool
