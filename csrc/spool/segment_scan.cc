#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "spool/crc32c.h"
#include "spool/segment.h"

namespace stepwell::spool {
namespace {

constexpr std::size_t kSearchWindow = std::size_t{64} << 10;

/// Bytes at an offset, from a file or from memory. `size` is fixed when the scan begins: a file that grows
/// meanwhile is read further by the next scan.
class Source {
 public:
  Source(int fd, std::uint64_t size, std::string path) : fd_(fd), size_(size), path_(std::move(path)) {}
  explicit Source(std::span<const std::byte> memory) : memory_(memory), size_(memory.size()) {}

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  /// All of it, or false where the file has become shorter meanwhile.
  bool read(std::uint64_t offset, std::span<std::byte> out) const {
    if (offset > size_ || out.size() > size_ - offset) return false;
    if (fd_ < 0) {
      if (!out.empty()) std::memcpy(out.data(), memory_.data() + offset, out.size());
      return true;
    }
    while (!out.empty()) {
      const ssize_t got = pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw std::system_error(errno, std::generic_category(), path_);
      if (got == 0) return false;
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return true;
  }

 private:
  int fd_ = -1;
  std::span<const std::byte> memory_;
  std::uint64_t size_ = 0;
  std::string path_;
};

bool header_is_good(const FrameHeader& header) {
  return header.magic == kFrameMagic && header.payload_bytes <= kFramePayloadMax &&
         header.crc == crc32c(&header, offsetof(FrameHeader, crc));
}

class Scanner {
 public:
  Scanner(Source source, bool payloads) : source_(std::move(source)), payloads_(payloads) {}

  Scan run(std::uint64_t offset, std::uint64_t max_bytes) {
    std::uint64_t at = offset;
    if (at < kSegmentHeaderBytes && !check_segment_header()) {
      scan_.end = 0;
      return std::move(scan_);
    }
    at = std::max<std::uint64_t>(at, kSegmentHeaderBytes);
    const std::uint64_t begin = at;
    while (scan_.frames.empty() || at - begin < max_bytes) {
      if (auto frame = read_frame(at)) {
        at += frame->bytes();
        scan_.frames.push_back(std::move(*frame));
        continue;
      }
      const auto next = find_frame(at);
      if (!next) break;
      scan_.damaged.push_back({at, *next - at});
      at = *next;
    }
    scan_.end = at;
    return std::move(scan_);
  }

 private:
  // False: the header is not whole yet. A damaged one is a damaged range, as the frames behind it stand for
  // themselves.
  bool check_segment_header() {
    std::byte header[kSegmentHeaderBytes];
    if (!source_.read(0, header)) return false;
    std::uint32_t layout = 0;
    std::uint32_t crc = 0;
    std::memcpy(&layout, header + 8, sizeof(layout));
    std::memcpy(&crc, header + kSegmentHeaderBytes - sizeof(crc), sizeof(crc));
    const bool whole =
        std::memcmp(header, "SWSPOOL1", 8) == 0 && crc == crc32c(header, kSegmentHeaderBytes - sizeof(crc));
    if (whole && layout > kSegmentLayout) throw SegmentTooNew(source_.path(), layout);
    if (!whole) scan_.damaged.push_back({0, kSegmentHeaderBytes});
    return true;
  }

  std::optional<FrameHeader> read_header(std::uint64_t at) const {
    FrameHeader header = {};
    if (!source_.read(at, std::as_writable_bytes(std::span(&header, 1))) || !header_is_good(header))
      return std::nullopt;
    return header;
  }

  std::optional<Frame> read_frame(std::uint64_t at) {
    const auto header = read_header(at);
    // Against the file's size first: a wrong length must not decide how much memory is taken.
    if (!header || header->payload_bytes > source_.size() - at - kFrameHeaderBytes) return std::nullopt;
    Frame frame = {at, *header, {}};
    scratch_.resize(header->payload_bytes);
    if (!source_.read(at + kFrameHeaderBytes, scratch_)) return std::nullopt;
    if (crc32c(scratch_.data(), scratch_.size()) != header->payload_crc) return std::nullopt;
    if (payloads_) frame.payload = scratch_;
    return frame;
  }

  // The first good frame after the bad bytes at `at`.
  std::optional<std::uint64_t> find_frame(std::uint64_t at) {
    std::uint64_t from = at + 1;
    if (const auto header = read_header(at)) {
      // Only the payload is bad. Its length can be believed, and what looks like a frame inside it cannot.
      from = at + kFrameHeaderBytes + header->payload_bytes;
    }
    std::vector<std::byte> window(kSearchWindow + sizeof(kFrameMagic) - 1);
    while (from < source_.size() && source_.size() - from >= kFrameHeaderBytes) {
      const std::size_t bytes = std::min<std::uint64_t>(window.size(), source_.size() - from);
      if (!source_.read(from, std::span(window).first(bytes))) return std::nullopt;
      for (std::size_t i = 0; i + sizeof(kFrameMagic) <= bytes; ++i) {
        if (std::memcmp(window.data() + i, &kFrameMagic, sizeof(kFrameMagic)) == 0 && read_frame(from + i))
          return from + i;
      }
      from += bytes - (sizeof(kFrameMagic) - 1);
    }
    return std::nullopt;
  }

  Source source_;
  bool payloads_;
  std::vector<std::byte> scratch_;
  Scan scan_;
};

}  // namespace

Scan scan_segment(const std::string& path, std::uint64_t offset, std::uint64_t max_bytes, bool payloads) {
  struct Descriptor {
    int fd;
    ~Descriptor() {
      if (fd >= 0) ::close(fd);
    }
  };
  const Descriptor file = {open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat seen = {};
  if (file.fd < 0 || fstat(file.fd, &seen) != 0)
    throw std::system_error(errno, std::generic_category(), path);
  if (!S_ISREG(seen.st_mode)) throw std::system_error(EINVAL, std::generic_category(), path);
  return Scanner(Source(file.fd, static_cast<std::uint64_t>(seen.st_size), path), payloads)
      .run(offset, max_bytes);
}

Scan scan_bytes(std::span<const std::byte> file, std::uint64_t offset, std::uint64_t max_bytes,
                bool payloads) {
  return Scanner(Source(file), payloads).run(offset, max_bytes);
}

}  // namespace stepwell::spool
