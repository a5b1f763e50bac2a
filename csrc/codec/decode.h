// A block's body back into columns. Trusts nothing: every length, count and number is checked, what is
// allocated is bounded (block.h), and text is UTF-8 before it goes on. Called by native, for the service.
#pragma once

#include "codec/block.h"
#include "codec/bytes.h"

namespace stepwell::codec {

// Throws FormatError.
Block decode_body(Bytes body);

}  // namespace stepwell::codec
