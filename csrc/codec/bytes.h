// Reading and writing of little-endian bytes: fixed integers, LEB128 varints, length-prefixed strings.
// The reader trusts nothing: every read is checked against the end and throws FormatError.
// Used by codec and histogram; knows neither blocks nor Python.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace stepwell::codec {

static_assert(std::endian::native == std::endian::little, "bytes are copied as they lie in memory");

using Bytes = std::span<const uint8_t>;

// Bytes that this format does not allow, or arguments that it cannot hold.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A block whose min_reader is beyond this build.
class TooNewError : public FormatError {
 public:
  using FormatError::FormatError;
};

// Small differences of either sign become small unsigned numbers. Any 64-bit pattern survives.
constexpr uint64_t zigzag(uint64_t value) { return (value << 1) ^ (0 - (value >> 63)); }
constexpr uint64_t unzigzag(uint64_t value) { return (value >> 1) ^ (0 - (value & 1)); }

class ByteWriter {
 public:
  template <typename T>
  void fixed(T value) {
    static_assert(std::is_arithmetic_v<T>);
    raw(&value, sizeof value);
  }
  void u8(uint8_t value) { out_.push_back(value); }
  void varint(uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<uint8_t>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<uint8_t>(value));
  }
  void svarint(uint64_t value) { varint(zigzag(value)); }
  void raw(const void* data, size_t size) {
    const auto* first = static_cast<const uint8_t*>(data);
    out_.insert(out_.end(), first, first + size);
  }
  void text(std::string_view value) {
    varint(value.size());
    raw(value.data(), value.size());
  }
  // Room for `size` bytes, zeroed; the pointer is good until the next write.
  uint8_t* extend(size_t size) {
    out_.resize(out_.size() + size);
    return out_.data() + out_.size() - size;
  }
  size_t size() const { return out_.size(); }
  void clear() { out_.clear(); }
  Bytes bytes() const { return out_; }
  std::vector<uint8_t> take() { return std::move(out_); }

 private:
  std::vector<uint8_t> out_;
};

class ByteReader {
 public:
  explicit ByteReader(Bytes data) : data_(data) {}

  template <typename T>
  T fixed() {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, raw(sizeof value).data(), sizeof value);
    return value;
  }
  uint8_t u8() { return fixed<uint8_t>(); }
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = u8();
      if (shift == 63 && byte > 1) break;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw FormatError("a varint is longer than 64 bits");
  }
  uint64_t svarint() { return unzigzag(varint()); }
  // A varint that must not exceed `limit`; `what` names it in the error.
  uint64_t count(uint64_t limit, const char* what) {
    const uint64_t value = varint();
    if (value > limit) {
      throw FormatError(std::string(what) + " is " + std::to_string(value) + ", more than the " +
                        std::to_string(limit) + " allowed here");
    }
    return value;
  }
  Bytes raw(size_t size) {
    if (size > left()) throw FormatError("the bytes end in the middle of a value");
    const Bytes part = data_.subspan(at_, size);
    at_ += size;
    return part;
  }
  std::string_view text(size_t limit, const char* what) {
    const Bytes part = raw(count(limit, what));
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  size_t left() const { return data_.size() - at_; }
  void finish(const char* what) const {
    if (left() != 0) throw FormatError(std::to_string(left()) + " bytes too many at the end of " + what);
  }

 private:
  Bytes data_;
  size_t at_ = 0;
};

}  // namespace stepwell::codec
