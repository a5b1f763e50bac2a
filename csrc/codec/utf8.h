// UTF-8: whether text is, and making it so. Stores and readers downstream refuse or choke on text that is
// not.
#pragma once

#include <string>
#include <string_view>

namespace stepwell::codec {

bool is_utf8(std::string_view text);

// Each ill-formed sequence becomes U+FFFD.
std::string to_utf8(std::string_view text);

}  // namespace stepwell::codec
