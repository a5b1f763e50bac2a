#include "ring/batch.h"

#include <cstring>

namespace stepwell::ring {

std::byte* Batch::grow(Kind kind, std::size_t bytes) {
  const std::size_t offset = bytes_.size() * 8;
  bytes_.resize(bytes_.size() + align_record(bytes) / 8);
  items_.push_back({kind, offset, bytes});
  return reinterpret_cast<std::byte*>(bytes_.data()) + offset;
}

void Batch::add_row(std::span<const std::uint32_t> cells, std::span<const std::uint64_t> values) {
  const auto n = static_cast<std::uint32_t>(cells.size());
  std::byte* payload = grow(Kind::kRow, row_bytes(n) - sizeof(RecordHeader));
  std::memcpy(payload, &n, sizeof(n));
  std::memcpy(payload + 8, cells.data(), cells.size_bytes());
  std::memcpy(payload + 8 + align_record(cells.size_bytes()), values.data(), values.size_bytes());
}

void Batch::add_parts(Kind kind, std::span<const std::string_view> parts) {
  std::size_t bytes = sizeof(std::uint32_t);
  for (const std::string_view part : parts) bytes += sizeof(std::uint32_t) + part.size();
  std::byte* at = grow(kind, bytes);
  const auto count = static_cast<std::uint32_t>(parts.size());
  std::memcpy(at, &count, sizeof(count));
  at += sizeof(count);
  for (const std::string_view part : parts) {
    const auto length = static_cast<std::uint32_t>(part.size());
    std::memcpy(at, &length, sizeof(length));
    at += sizeof(length);
    if (length > 0) std::memcpy(at, part.data(), length);
    at += length;
  }
}

Batch Batch::only(const Item& item) const {
  Batch one;
  std::memcpy(one.grow(item.kind, item.bytes), payload(item), item.bytes);
  return one;
}

std::span<const std::uint32_t> Batch::cells(const Item& item) const {
  const std::byte* at = payload(item);
  std::uint32_t n = 0;
  std::memcpy(&n, at, sizeof(n));
  return {reinterpret_cast<const std::uint32_t*>(at + 8), n};
}

}  // namespace stepwell::ring
