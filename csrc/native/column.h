// One column of a ClickHouse Native block: name, type, and how its bytes are laid down in memory that the
// caller provides, so that a block is written once, into its final place. Formats: clickhouse.com/docs,
// "Native", and SerializationLowCardinality.cpp. Knows nothing of stepwell's tables.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace stepwell::native {

// A cursor over memory of exactly the announced size.
class Out {
 public:
  explicit Out(uint8_t* at) : at_(at) {}
  template <typename T>
  void put(T value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void raw(const void* data, size_t size) {
    if (size == 0) return;
    std::memcpy(at_, data, size);
    at_ += size;
  }
  template <typename T>
  void repeat(T value, size_t n) {
    for (size_t i = 0; i < n; ++i) put(value);
  }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at_++ = static_cast<uint8_t>(value | 0x80);
    *at_++ = static_cast<uint8_t>(value);
  }
  void text(std::string_view value) {
    varint(value.size());
    raw(value.data(), value.size());
  }
  const uint8_t* at() const { return at_; }

 private:
  uint8_t* at_;
};

size_t varint_bytes(uint64_t value);
inline size_t text_bytes(std::string_view value) { return varint_bytes(value.size()) + value.size(); }

struct Column {
  std::string name;
  std::string type;
  size_t bytes;  // exactly what fill writes
  std::function<void(Out&)> fill;
};

inline constexpr const char* kDateTime = "DateTime64(3, 'UTC')";
inline constexpr const char* kLowCardinality = "LowCardinality(String)";

// A UUID as Native lays it: two little-endian halves.
std::pair<uint64_t, uint64_t> uuid_halves(std::span<const uint8_t, 16> uuid);

// The distinct values of a LowCardinality column, in the order of their first use. Views must outlive it.
class Dictionary {
 public:
  uint32_t add(std::string_view value);
  size_t index_width() const;  // bytes of an index
  size_t bytes(size_t rows) const;
  void write_keys(Out& out, size_t rows) const;  // all that comes before the indexes

 private:
  std::unordered_map<std::string_view, uint32_t> numbers_;
  std::vector<std::string_view> keys_;
};

// Columns whose value is a function of the row. `rows` must outlive the column.
template <typename T, typename Row, typename Value>
Column fixed_column(std::string name, std::string type, const std::vector<Row>& rows, Value value) {
  return {std::move(name), std::move(type), rows.size() * sizeof(T), [&rows, value](Out& out) {
            for (const Row& row : rows) out.put(static_cast<T>(value(row)));
          }};
}

template <typename Row, typename Value>
Column text_column(std::string name, const std::vector<Row>& rows, Value value) {
  size_t bytes = 0;
  for (const Row& row : rows) bytes += text_bytes(value(row));
  return {std::move(name), "String", bytes, [&rows, value](Out& out) {
            for (const Row& row : rows) out.text(value(row));
          }};
}

template <typename Row, typename Value>
Column uuid_column(std::string name, const std::vector<Row>& rows, Value value) {
  return {std::move(name), "UUID", rows.size() * 16, [&rows, value](Out& out) {
            for (const Row& row : rows) {
              const auto [high, low] = uuid_halves(value(row));
              out.put(high);
              out.put(low);
            }
          }};
}

template <typename Row, typename Value>
Column low_cardinality_column(std::string name, const std::vector<Row>& rows, Value value) {
  Dictionary dictionary;
  std::vector<uint32_t> indexes;
  indexes.reserve(rows.size());
  for (const Row& row : rows) indexes.push_back(dictionary.add(value(row)));
  const size_t bytes = dictionary.bytes(rows.size());
  return {std::move(name), kLowCardinality, bytes,
          [dictionary = std::move(dictionary), indexes = std::move(indexes)](Out& out) {
            dictionary.write_keys(out, indexes.size());
            for (const uint32_t index : indexes) out.raw(&index, dictionary.index_width());
          }};
}

template <typename T, typename Row, typename Values>
Column array_column(std::string name, std::string type, const std::vector<Row>& rows, Values values) {
  size_t bytes = rows.size() * sizeof(uint64_t);
  for (const Row& row : rows) bytes += values(row).size() * sizeof(T);
  return {std::move(name), std::move(type), bytes, [&rows, values](Out& out) {
            uint64_t end = 0;
            for (const Row& row : rows) out.put(end += values(row).size());
            for (const Row& row : rows) out.raw(values(row).data(), values(row).size() * sizeof(T));
          }};
}

}  // namespace stepwell::native
