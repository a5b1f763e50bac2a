// Records on their way into a ring: encoded once, so that they can wait for room, or be written again into
// another ring, without going back to whoever made them. Owns bytes only; knows no ring and no sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ring/record.h"

namespace stepwell::ring {

class Batch {
 public:
  struct Item {
    Kind kind;
    std::size_t offset;  // of its payload in `bytes`
    std::size_t bytes;
  };

  /// A row. No metric may be in it twice.
  void add_row(std::span<const std::uint32_t> cells, std::span<const std::uint64_t> values);
  /// A parts record; the number of parts must be what its kind has, and none longer than 4 GiB.
  void add_parts(Kind kind, std::span<const std::string_view> parts);

  /// A batch of this one item.
  [[nodiscard]] Batch only(const Item& item) const;

  [[nodiscard]] std::span<const Item> items() const { return items_; }
  [[nodiscard]] const std::byte* payload(const Item& item) const {
    return reinterpret_cast<const std::byte*>(bytes_.data()) + item.offset;
  }
  /// Cells of a row's item.
  [[nodiscard]] std::span<const std::uint32_t> cells(const Item& item) const;

 private:
  std::byte* grow(Kind kind, std::size_t bytes);

  std::vector<std::uint64_t> bytes_;  // u64 for alignment
  std::vector<Item> items_;
};

}  // namespace stepwell::ring
