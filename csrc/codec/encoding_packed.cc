// Integers as they are, bit-packed: booleans, small counts, values without order.
#include "codec/bit_pack.h"
#include "codec/encodings.h"

namespace stepwell::codec {

const Encoding kIntPacked = {1, 1, "packed", unpack_runs};

}  // namespace stepwell::codec
