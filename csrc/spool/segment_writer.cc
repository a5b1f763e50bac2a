#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "spool/crc32c.h"
#include "spool/segment.h"

namespace stepwell::spool {
namespace {

[[noreturn]] void fail(int error, const std::string& path) {
  throw std::system_error(error, std::generic_category(), path);
}

void write_all_of(int fd, const void* data, std::size_t bytes, const std::string& path) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = write(fd, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(written < 0 ? errno : ENOSPC, path);
    at += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

}  // namespace

FrameHeader frame_header(std::uint16_t kind, std::uint64_t writer, std::uint64_t first_seq,
                         std::uint64_t last_seq, std::span<const std::byte> payload) {
  FrameHeader header = {};
  header.magic = kFrameMagic;
  header.kind = kind;
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_crc = crc32c(payload.data(), payload.size());
  header.writer = writer;
  header.first_seq = first_seq;
  header.last_seq = last_seq;
  header.crc = crc32c(&header, offsetof(FrameHeader, crc));
  return header;
}

std::array<std::byte, kSegmentHeaderBytes> segment_header() {
  std::array<std::byte, kSegmentHeaderBytes> header = {};
  std::memcpy(header.data(), "SWSPOOL1", 8);
  std::memcpy(header.data() + 8, &kSegmentLayout, sizeof(kSegmentLayout));
  const std::uint32_t crc = crc32c(header.data(), header.size() - sizeof(crc));
  std::memcpy(header.data() + header.size() - sizeof(crc), &crc, sizeof(crc));
  return header;
}

SegmentWriter::SegmentWriter(const std::string& path) : path_(path) {
  fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd_ < 0) fail(errno, path);
  const auto header = segment_header();
  try {
    write_all_of(fd_, header.data(), header.size(), path);
  } catch (...) {
    ::close(fd_);
    unlink(path.c_str());  // a segment without a header is nothing
    throw;
  }
  size_ = kSegmentHeaderBytes;
}

SegmentWriter::~SegmentWriter() { close(); }

void SegmentWriter::write_all(const FrameHeader& header, std::span<const std::byte> payload) {
  iovec pieces[2] = {{const_cast<FrameHeader*>(&header), sizeof(header)},
                     {const_cast<std::byte*>(payload.data()), payload.size()}};
  ssize_t written = 0;
  do {
    written = writev(fd_, pieces, 2);
  } while (written < 0 && errno == EINTR);
  if (written < 0) fail(errno, path_);
  // A short write: a signal, or the disk is nearly full; going on tells which.
  auto done = static_cast<std::size_t>(written);
  if (done < sizeof(header)) {
    write_all_of(fd_, reinterpret_cast<const char*>(&header) + done, sizeof(header) - done, path_);
    done = sizeof(header);
  }
  done -= sizeof(header);
  if (done < payload.size()) write_all_of(fd_, payload.data() + done, payload.size() - done, path_);
}

std::uint64_t SegmentWriter::append(std::uint16_t kind, std::uint64_t writer, std::uint64_t first_seq,
                                    std::uint64_t last_seq, std::span<const std::byte> payload) {
  if (fd_ < 0) fail(EBADF, path_);
  if (payload.size() > kFramePayloadMax) fail(EMSGSIZE, path_);
  const FrameHeader header = frame_header(kind, writer, first_seq, last_seq, payload);
  try {
    write_all(header, payload);
  } catch (const std::system_error&) {
    // The part that was written is taken back; where even that fails, it is a torn tail that no scan takes
    // for a frame, and the next append must not go behind it.
    if (ftruncate(fd_, static_cast<off_t>(size_)) != 0 || lseek(fd_, static_cast<off_t>(size_), SEEK_SET) < 0)
      close();
    throw;
  }
  const std::uint64_t offset = size_;
  size_ += sizeof(header) + payload.size();
  return offset;
}

void SegmentWriter::sync() {
  if (fd_ < 0) return;
#ifdef __APPLE__
  const int result = fcntl(fd_, F_FULLFSYNC);
#else
  const int result = fdatasync(fd_);
#endif
  if (result != 0) fail(errno, path_);
}

void SegmentWriter::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace stepwell::spool
