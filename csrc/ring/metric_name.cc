#include "ring/metric_name.h"

#include <cstdint>

#include "ring/record.h"

namespace stepwell::ring {
namespace {

struct Decoded {
  std::uint32_t code;
  std::size_t bytes;  // 0: not well-formed
};

Decoded decode(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return {0, 0};
  std::uint32_t code = first & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return {0, 0};
    code = (code << 6) | (byte & 0x3Fu);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast[bytes] || code > 0x10FFFF || surrogate) return {0, 0};
  return {code, bytes};
}

}  // namespace

bool valid_metric_name(std::string_view name) {
  if (name.empty() || name.size() > kMetricNameMax) return false;
  while (!name.empty()) {
    const Decoded next = decode(name);
    if (next.bytes == 0) return false;
    if (next.code < 0x20 || (next.code >= 0x7F && next.code < 0xA0)) return false;
    name.remove_prefix(next.bytes);
  }
  return true;
}

}  // namespace stepwell::ring
