// What names and records may look like: asked by the builder before they enter a block, and by the decoder
// before they leave one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/block.h"
#include "codec/bytes.h"

namespace stepwell::codec {

// Each throws FormatError with the reason.
void check_origin(const Origin& origin);
void check_metric(std::string_view name);
void check_sample_name(std::string_view name);  // of a metric in a block of a host: device/metric
void check_seq(uint64_t row_seq);
void check_parts(Kind kind, std::span<const std::string_view> parts);

// The parts with their text made UTF-8; then checked.
std::vector<std::string> clean_parts(Kind kind, std::span<const std::string_view> parts);

// An unsigned decimal number, nothing else. Throws FormatError.
uint64_t decimal(std::string_view text);

}  // namespace stepwell::codec
