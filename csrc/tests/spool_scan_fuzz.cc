// A segment put together by the input, out of whole frames, damaged frames and any bytes: no crash, no frame
// that its checksum does not vouch for, ranges within the file. Plain bytes alone would hardly ever hold a
// frame: a fuzzer does not guess checksums.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "spool/crc32c.h"
#include "spool/segment.h"

namespace {

using namespace stepwell::spool;

enum class Piece : std::uint8_t { kBytes, kFrame, kFlipped, kCut };

void append(std::vector<std::byte>& file, std::span<const std::byte> bytes) {
  file.insert(file.end(), bytes.begin(), bytes.end());
}

// The input is pieces: a byte that says which, a byte of length, so many bytes.
std::vector<std::byte> assemble(std::span<const std::byte> input) {
  std::vector<std::byte> file;
  while (input.size() >= 2) {
    const auto piece = static_cast<Piece>(std::to_integer<unsigned>(input[0]) % 4);
    const std::size_t length = std::min(std::to_integer<std::size_t>(input[1]), input.size() - 2);
    const auto bytes = input.subspan(2, length);
    input = input.subspan(2 + length);
    if (piece == Piece::kBytes) {
      append(file, bytes);
      continue;
    }
    const FrameHeader header = frame_header(1, length, length, length + 1, bytes);
    std::vector<std::byte> frame;
    append(frame, std::as_bytes(std::span(&header, 1)));
    append(frame, bytes);
    if (piece == Piece::kFlipped && length != 0)
      frame[std::to_integer<std::size_t>(bytes[0]) % frame.size()] ^= std::byte{1};
    if (piece == Piece::kCut && length != 0)
      frame.resize(std::to_integer<std::size_t>(bytes[0]) % frame.size());
    append(file, frame);
  }
  return file;
}

// With a sound segment header in front, so that what follows is looked at.
std::vector<std::byte> with_header(std::span<const std::byte> frames) {
  const auto header = segment_header();
  std::vector<std::byte> file(header.begin(), header.end());
  append(file, frames);
  return file;
}

void scan_all(std::span<const std::byte> file) {
  std::uint64_t at = 0;
  for (int scans = 0; scans < 64; ++scans) {
    const Scan scan = scan_bytes(file, at, 4096, true);
    for (const Frame& frame : scan.frames) {
      if (frame.offset + frame.bytes() > file.size()) abort();
      if (crc32c(frame.payload.data(), frame.payload.size()) != frame.header.payload_crc) abort();
    }
    for (const DamagedRange& range : scan.damaged) {
      if (range.bytes == 0 || range.offset + range.bytes > file.size()) abort();
    }
    if (scan.end <= at) break;
    at = scan.end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  try {
    scan_all(input);
    scan_all(with_header(assemble(input)));
  } catch (const SegmentTooNew&) {
    return 0;
  }
  return 0;
}
