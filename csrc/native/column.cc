#include "native/column.h"

#include <bit>

namespace stepwell::native {

namespace {

// The state before the values: keys are in the block itself ("additional keys"), one version of that exists.
constexpr uint64_t kSharedDictionariesWithAdditionalKeys = 1;
constexpr uint64_t kHasAdditionalKeys = 1ULL << 9;
constexpr uint64_t kNeedUpdateDictionary = 1ULL << 10;

}  // namespace

size_t varint_bytes(uint64_t value) { return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7; }

std::pair<uint64_t, uint64_t> uuid_halves(std::span<const uint8_t, 16> uuid) {
  uint64_t high = 0;
  uint64_t low = 0;
  for (size_t i = 0; i < 8; ++i) {
    high = high << 8 | uuid[i];
    low = low << 8 | uuid[i + 8];
  }
  return {high, low};
}

uint32_t Dictionary::add(std::string_view value) {
  const auto [entry, added] = numbers_.try_emplace(value, static_cast<uint32_t>(keys_.size()));
  if (added) keys_.push_back(value);
  return entry->second;
}

size_t Dictionary::index_width() const {
  if (keys_.size() <= 1U << 8) return 1;
  return keys_.size() <= 1U << 16 ? 2 : 4;
}

size_t Dictionary::bytes(size_t rows) const {
  if (rows == 0) return 0;
  size_t bytes = 4 * sizeof(uint64_t) + rows * index_width();
  for (const std::string_view key : keys_) bytes += text_bytes(key);
  return bytes;
}

void Dictionary::write_keys(Out& out, size_t rows) const {
  if (rows == 0) return;
  const uint64_t index_type = static_cast<uint64_t>(std::countr_zero(index_width()));
  out.put(kSharedDictionariesWithAdditionalKeys);
  out.put(index_type | kHasAdditionalKeys | kNeedUpdateDictionary);
  out.put(static_cast<uint64_t>(keys_.size()));
  for (const std::string_view key : keys_) out.text(key);
  out.put(static_cast<uint64_t>(rows));
}

}  // namespace stepwell::native
