// From ring to block: whole records, fragment groups joined, as many as the builder has room for.
// Called by bindings/ring.cc.
#pragma once

#include <cstdint>

#include "codec/builder.h"
#include "ring/consumer.h"

namespace stepwell::codec {

// Takes up to about max_bytes of ring, at least one record if there is one and it fits. Returns the ring
// bytes taken; 0 with bytes pending means that the builder is full and must be encoded. A record that no
// block may hold (damaged histogram, sequence beyond the format) is left out and counted in
// builder.refused(). Throws RingError as Consumer::collect does.
uint64_t collect(ring::Consumer& consumer, BlockBuilder& builder, uint64_t max_bytes);

}  // namespace stepwell::codec
