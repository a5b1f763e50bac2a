// Integers as they are, bit-packed: booleans, small counts, values without order.
#include "codec/bit_pack.h"
#include "codec/encodings.h"

namespace stepwell::codec {

namespace {

bool always(Values) { return true; }

}  // namespace

const Encoding kIntPacked = {1, "packed", always, packed_bits, pack_runs, unpack_runs};

}  // namespace stepwell::codec
