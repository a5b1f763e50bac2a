// Any bytes at all as a segment: no crash, no frame that its checksum does not vouch for, ranges within the
// file.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "spool/crc32c.h"
#include "spool/segment.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stepwell::spool;
  try {
    const auto file = std::as_bytes(std::span(data, size));
    std::uint64_t at = 0;
    for (int scans = 0; scans < 64; ++scans) {
      const Scan scan = scan_bytes(file, at, 4096, true);
      for (const Frame& frame : scan.frames) {
        if (frame.offset + frame.bytes() > size) abort();
        if (crc32c(frame.payload.data(), frame.payload.size()) != frame.header.payload_crc) abort();
      }
      for (const DamagedRange& range : scan.damaged) {
        if (range.bytes == 0 || range.offset + range.bytes > size) abort();
      }
      if (scan.end <= at) break;
      at = scan.end;
    }
  } catch (const SegmentTooNew&) {
    return 0;
  }
  return 0;
}
