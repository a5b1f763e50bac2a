#include "ring/ring_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

#include "ring/clock.h"
#include "ring/consumer.h"
#include "ring/record.h"
#include "spool/crc32c.h"

namespace stepwell::ring {
namespace {

std::string reason() { return std::generic_category().message(errno); }

[[noreturn]] void fail(const std::string& what, const std::string& path) {
  throw RingError(what + " " + path + ": " + reason());
}

struct flock lock_of(int byte) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

// The owner's lock must not pass to forked children (POSIX lock); the consumer's must not be lost when some
// other fd of the file is closed (OFD lock). macOS documents no OFD locks, so there both are POSIX locks.
#ifdef F_OFD_SETLK
constexpr int kConsumerSet = F_OFD_SETLK;
constexpr int kOwnerQuery = F_OFD_GETLK;
#else
constexpr int kConsumerSet = F_SETLK;
constexpr int kOwnerQuery = F_GETLK;
#endif

int allocate(int fd, std::uint64_t bytes) {
#ifdef __APPLE__
  fstore_t store = {F_ALLOCATEALL, F_PEOFPOSMODE, 0, static_cast<off_t>(bytes), 0};
  if (fcntl(fd, F_PREALLOCATE, &store) != 0) return errno;
  return ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
#else
  int error = 0;
  do {
    error = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  } while (error == EINTR);
  return error;
#endif
}

// Takes every page fault now, so that no log call does. MAP_POPULATE alone would map the pages of a disk file
// read-only and leave the write fault to the first record on each.
void touch_pages(std::byte* base, std::uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0) return;
#endif
  constexpr std::uint64_t kPage = 4096;
  for (std::uint64_t at = 0; at < bytes; at += kPage) {
    auto* byte = reinterpret_cast<volatile unsigned char*>(base + at);
    *byte = *byte;
  }
}

void fill_fixed(Immutable& fixed, const RingSpec& spec) {
  std::memcpy(fixed.magic, kMagic, sizeof(kMagic));
  fixed.layout = kLayout;
  fixed.role = spec.role;
  fixed.writer = spec.writer;
  std::memcpy(fixed.run, spec.run, sizeof(fixed.run));
  fixed.rank = spec.rank;
  fixed.attempt = spec.attempt;
  fixed.created_ms = (monotonic_ns() + spec.wall_offset_ns) / 1'000'000;
  fixed.wall_offset_ns = spec.wall_offset_ns;
  fixed.data_bytes = spec.data_bytes;
  fixed.first_seq = spec.first_seq;
  fixed.index = spec.index;
  fixed.identity_bytes = static_cast<std::uint32_t>(spec.identity.size());
  fixed.pid = static_cast<std::uint64_t>(getpid());
  fixed.crc = spool::crc32c(&fixed, offsetof(Immutable, crc));
}

std::string ring_name(const RingSpec& spec) {
  char name[48];
  std::snprintf(name, sizeof(name), "%016" PRIx64 "-%06u.ring", spec.writer, spec.index);
  return name;
}

/// The header of a file of `size` bytes, checked; throws RingError. Returns data_bytes.
std::uint64_t check_fixed(const Immutable& fixed, std::uint64_t size, const std::string& path) {
  const auto not_a_ring = [&](const char* why) { throw RingError(path + " is not a whole ring: " + why); };
  if (std::memcmp(fixed.magic, kMagic, sizeof(kMagic)) != 0) not_a_ring("it does not begin as one");
  if (fixed.layout != kLayout) {
    throw RingError(path + " has ring layout " + std::to_string(fixed.layout) + ", this build reads " +
                    std::to_string(kLayout) + ": it belongs to another version of stepwell");
  }
  if (fixed.crc != spool::crc32c(&fixed, offsetof(Immutable, crc))) not_a_ring("its header is damaged");
  const std::uint64_t data = fixed.data_bytes;
  if (data < kDataBytesMin || data > kDataBytesMax || (data & (data - 1)) != 0) {
    not_a_ring("its size is not a power of two in range");
  }
  if (size != file_bytes(data)) not_a_ring("the file is shorter or longer than its header says");
  if (fixed.identity_bytes > kIdentityMax) not_a_ring("its identity is too long");
  return data;
}

}  // namespace

RingFile::RingFile(RingFile&& other) noexcept { *this = std::move(other); }

RingFile& RingFile::operator=(RingFile&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    owned_ = other.owned_;
    device_ = other.device_;
    inode_ = other.inode_;
    base_ = std::exchange(other.base_, nullptr);
    data_bytes_ = std::exchange(other.data_bytes_, 0);
    path_ = std::move(other.path_);
  }
  return *this;
}

RingFile::~RingFile() { reset(); }

void RingFile::reset() {
  if (owned_ && base_ != nullptr) munmap(base_, file_bytes(data_bytes_));
  base_ = nullptr;
  if (owned_ && fd_ >= 0) {
    // A program that closes all fds (a daemon's start) may have given this number to a file of its own.
    struct stat seen = {};
    if (fstat(fd_, &seen) == 0 && seen.st_dev == device_ && seen.st_ino == inode_) close(fd_);
  }
  fd_ = -1;
}

void RingFile::map(std::uint64_t data_bytes) {
  void* base = mmap(nullptr, file_bytes(data_bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (base == MAP_FAILED) fail("cannot map", path_);
  base_ = static_cast<std::byte*>(base);
  data_bytes_ = data_bytes;
}

RingFile RingFile::create(const std::string& folder, const RingSpec& spec, const RingCarry& carry) {
  if (spec.identity.size() > kIdentityMax) {
    throw RingError("the identity of a ring takes " + std::to_string(kIdentityMax) + " bytes, not " +
                    std::to_string(spec.identity.size()));
  }
  const std::string name = ring_name(spec);
  RingFile file;
  file.path_ = folder + "/.tmp-" + name;
  file.fd_ = open(file.path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file.fd_ < 0) fail("cannot make", file.path_);
  struct stat seen = {};
  fstat(file.fd_, &seen);
  file.device_ = seen.st_dev;
  file.inode_ = seen.st_ino;
  try {
    if (const int error = allocate(file.fd_, file_bytes(spec.data_bytes)); error != 0) {
      errno = error;
      fail("no room for", file.path_);
    }
    struct flock owner = lock_of(kOwnerLockByte);
    if (fcntl(file.fd_, F_SETLK, &owner) != 0) fail("cannot lock", file.path_);
    file.map(spec.data_bytes);
    touch_pages(file.base_, file_bytes(spec.data_bytes));

    auto* header = new (file.base_) Header{};
    fill_fixed(header->fixed, spec);
    header->producer.row_seq.store(carry.row_seq, std::memory_order_relaxed);
    header->producer.dropped.store(carry.dropped, std::memory_order_relaxed);
    header->producer.refused.store(carry.refused, std::memory_order_relaxed);
    header->control.acked_seq.store(carry.acked_seq, std::memory_order_relaxed);
    header->control.heartbeat_ns.store(carry.heartbeat_ns, std::memory_order_relaxed);
    header->control.service.store(carry.service, std::memory_order_relaxed);
    header->control.control.store(carry.control, std::memory_order_relaxed);
    std::memcpy(file.identity(), spec.identity.data(), spec.identity.size());
    if (carry.copy_of != nullptr) file.copy(*carry.copy_of);

    const std::string path = folder + "/" + name;
    if (rename(file.path_.c_str(), path.c_str()) != 0) fail("cannot rename", file.path_);
    file.path_ = path;
  } catch (...) {
    unlink(file.path_.c_str());
    throw;
  }
  return file;
}

void RingFile::copy(const RingFile& other) {
  // Names and data lie side by side.
  std::memcpy(dictionary(), other.dictionary(), dictionary_bytes(data_bytes_) + data_bytes_);
  const Header* from = other.header();
  Header* to = header();
  const auto relaxed = std::memory_order_relaxed;
  to->producer.dictionary_used.store(from->producer.dictionary_used.load(relaxed), relaxed);
  to->producer.head.store(from->producer.head.load(relaxed), relaxed);
  // A consumer may be reading the other one still; what it commits there and not here is read twice, under
  // one key.
  to->consumer.tail.store(from->consumer.tail.load(std::memory_order_acquire), relaxed);
}

RingFile RingFile::open_consumer(const std::string& path) {
  RingFile file;
  file.path_ = path;
  file.fd_ = open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file.fd_ < 0) fail("cannot open", path);
  struct stat seen = {};
  if (fstat(file.fd_, &seen) != 0) fail("cannot look at", path);
  file.device_ = seen.st_dev;
  file.inode_ = seen.st_ino;
  if (!S_ISREG(seen.st_mode)) throw RingError(path + " is not a regular file");
  if (seen.st_uid != geteuid()) throw RingError(path + " belongs to another user");
  const auto size = static_cast<std::uint64_t>(seen.st_size);
  if (size < file_bytes(kDataBytesMin)) throw RingError(path + " is not a whole ring: it is too short");

  struct flock consumer = lock_of(kConsumerLockByte);
  if (fcntl(file.fd_, kConsumerSet, &consumer) != 0) {
    if (errno == EAGAIN || errno == EACCES) throw RingBusy(path + " is being read by another process");
    fail("cannot lock", path);
  }
  // Read before it is mapped: a wrong size must not decide how much is mapped.
  Immutable fixed = {};
  if (pread(file.fd_, &fixed, sizeof(fixed), 0) != static_cast<ssize_t>(sizeof(fixed)))
    fail("cannot read", path);
  file.map(check_fixed(fixed, size, path));
  return file;
}

RingFile RingFile::borrow() const {
  RingFile file;
  file.fd_ = fd_;
  file.owned_ = false;
  file.device_ = device_;
  file.inode_ = inode_;
  file.base_ = base_;
  file.data_bytes_ = data_bytes_;
  file.path_ = path_;
  return file;
}

bool RingFile::in_memory() const {
#ifdef __linux__
  constexpr long kTmpfs = 0x01021994;
  constexpr long kRamfs = 0x858458f6;
  struct statfs seen = {};
  if (fd_ < 0 || fstatfs(fd_, &seen) != 0) return false;
  return static_cast<long>(seen.f_type) == kTmpfs || static_cast<long>(seen.f_type) == kRamfs;
#else
  return false;
#endif
}

bool RingFile::owner_alive() const {
  struct flock owner = lock_of(kOwnerLockByte);
  // A query that fails says nothing; taking a living owner for dead would cost more than waiting for the next
  // one.
  if (fcntl(fd_, kOwnerQuery, &owner) != 0) return true;
  return owner.l_type != F_UNLCK;
}

std::int64_t RingFile::owner_pid() const {
  struct flock owner = lock_of(kOwnerLockByte);
  if (fcntl(fd_, kOwnerQuery, &owner) != 0 || owner.l_type == F_UNLCK) return 0;
  return owner.l_pid > 0 ? owner.l_pid : 0;
}

std::uint64_t RingFile::links() const {
  struct stat seen = {};
  return fstat(fd_, &seen) == 0 ? static_cast<std::uint64_t>(seen.st_nlink) : 0;
}

std::uint64_t rings_in(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open_folder(opendir(folder.c_str()), closedir);
  if (!open_folder) return 0;
  std::uint64_t bytes = 0;
  while (const dirent* entry = readdir(open_folder.get())) {
    if (!std::string_view(entry->d_name).ends_with(".ring")) continue;
    struct stat seen = {};
    if (fstatat(dirfd(open_folder.get()), entry->d_name, &seen, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(seen.st_mode)) {
      bytes += static_cast<std::uint64_t>(seen.st_size);
    }
  }
  return bytes;
}

bool ring_fits(const std::string& folder, std::uint64_t bytes, double share) {
  struct statvfs seen = {};
  if (statvfs(folder.c_str(), &seen) != 0) return false;
  const auto unit = static_cast<double>(seen.f_frsize);
  const double total = unit * static_cast<double>(seen.f_blocks);
  const double available = unit * static_cast<double>(seen.f_bavail);
  const auto wanted = static_cast<double>(bytes);
  // A filesystem that reports no size (some tmpfs without a limit) bounds nothing.
  if (total <= 0) return true;
  return wanted <= available && wanted + static_cast<double>(rings_in(folder)) <= total * share;
}

}  // namespace stepwell::ring
