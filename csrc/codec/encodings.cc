#include "codec/encodings.h"

#include <array>

namespace stepwell::codec {

// In the order in which they are tried: of equal cost, the first is taken.
std::span<const Encoding> int_encodings() {
  static const std::array kAll = {kIntConstant, kIntDelta, kIntPacked, kIntDelta2};
  return kAll;
}

std::span<const Encoding> double_encodings() {
  static const std::array kAll = {kDoubleConstant, kDoubleWhole, kDoubleFloat,
                                  kDoubleFloatXor, kDoubleRaw,   kDoubleXor};
  return kAll;
}

}  // namespace stepwell::codec
