#include "codec/encodings.h"

#include <algorithm>
#include <array>

namespace stepwell::codec {

std::span<const Encoding> int_encodings() {
  static const std::array kAll = {kIntConstant,    kIntPacked, kIntDelta,    kIntDelta2,
                                  kIntDifferences, kIntTokens, kIntMultiples};
  return kAll;
}

std::span<const Encoding> double_encodings() {
  static const std::array kAll = {kDoubleConstant, kDoubleRaw,   kDoubleXor,     kDoubleFloat,
                                  kDoubleFloatXor, kDoubleWhole, kDoubleOrdered, kDoubleFloatOrdered,
                                  kDoubleDecimal,  kDoubleDyadic};
  return kAll;
}

std::span<const Encoding> leaf_encodings() {
  static const std::array kAll = {kIntConstant, kIntPacked, kIntTokens};
  return kAll;
}

std::span<const Encoding> encodings_of_steps() {
  static const std::array kAll = {kIntConstant, kIntPacked, kIntDifferences, kIntTokens};
  return kAll;
}

void decode_rest(std::span<const Encoding> encodings, ByteReader& in, std::span<uint64_t> values) {
  const uint8_t id = in.u8();
  const auto found =
      std::find_if(encodings.begin(), encodings.end(), [&](const Encoding& e) { return e.id == id; });
  if (found == encodings.end()) throw FormatError("a column of unknown encoding " + std::to_string(id));
  found->decode(in, values);
}

}  // namespace stepwell::codec
