#include "codec/record_check.h"

#include <algorithm>
#include <charconv>

#include "codec/utf8.h"
#include "histogram/histogram.h"

namespace stepwell::codec {

namespace {

Bytes as_bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

bool is_text(Kind kind, size_t part) {
  if (kind == Kind::kHistogram) return part != 1;
  if (kind == Kind::kField) return part != 3;
  return true;
}

void check_name(std::string_view name, const char* what) {
  if (name.size() > kMaxNameBytes || !is_utf8(name)) {
    throw FormatError(std::string(what) + " must be UTF-8 of at most " + std::to_string(kMaxNameBytes) +
                      " bytes");
  }
}

}  // namespace

void check_origin(const Origin& origin) {
  check_name(origin.project, "a project");
  check_name(origin.id, "a run id");
  if (origin.host.size() > kMaxHostBytes || !is_utf8(origin.host)) {
    throw FormatError("a host must be UTF-8 of at most " + std::to_string(kMaxHostBytes) + " bytes");
  }
  if (origin.attempt > kMaxAttempt) {
    throw FormatError("attempt " + std::to_string(origin.attempt) + " is beyond " +
                      std::to_string(kMaxAttempt));
  }
}

void check_metric(std::string_view name) {
  const bool control = std::any_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  if (name.empty() || name.size() > ring::kMetricNameMax || control || !is_utf8(name)) {
    throw FormatError("a metric name is 1 to " + std::to_string(ring::kMetricNameMax) +
                      " bytes of UTF-8 without control characters");
  }
}

void check_sample_name(std::string_view name) {
  const size_t slash = name.find('/');
  if (slash == 0 || slash >= name.size() - 1) {
    throw FormatError("a sample of a host is named device/metric");
  }
}

void check_seq(uint64_t row_seq) {
  if (row_seq > kMaxSeq) throw FormatError("row_seq " + std::to_string(row_seq) + " is beyond 2^34 - 1");
}

void check_parts(Kind kind, std::span<const std::string_view> parts) {
  const uint32_t expected = ring::parts_of(kind);
  if (expected == 0)
    throw FormatError("records of kind " + std::to_string(static_cast<int>(kind)) + " are not known");
  if (parts.size() != expected) {
    throw FormatError("a record of kind " + std::to_string(static_cast<int>(kind)) + " has " +
                      std::to_string(expected) + " parts, not " + std::to_string(parts.size()));
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (is_text(kind, i) && !is_utf8(parts[i])) throw FormatError("text in a record is not UTF-8");
  }
  switch (kind) {
    case Kind::kText:
      check_metric(parts[0]);
      break;
    case Kind::kHistogram:
      check_metric(parts[0]);
      histogram::decode(as_bytes(parts[1]));
      break;
    case Kind::kConsole:
      if (parts[0] != "1" && parts[0] != "2") throw FormatError("a console stream is 1 or 2");
      break;
    case Kind::kField:
      if (!parts[3].empty() && parts[3].size() != sizeof(double))
        throw FormatError("a field's number has 8 bytes");
      break;
    case Kind::kCheckpoint:
      decimal(parts[4]);
      break;
    default:
      break;
  }
}

std::vector<std::string> clean_parts(Kind kind, std::span<const std::string_view> parts) {
  std::vector<std::string> clean;
  clean.reserve(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    clean.push_back(is_text(kind, i) ? to_utf8(parts[i]) : std::string(parts[i]));
  }
  const std::vector<std::string_view> views(clean.begin(), clean.end());
  check_parts(kind, views);
  return clean;
}

uint64_t decimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw FormatError("a size is not a decimal number");
  return value;
}

}  // namespace stepwell::codec
