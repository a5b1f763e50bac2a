// stepwell._core: one module over all rooms. Each registers itself; nothing is decided here.
#include "bindings/bindings.h"

PYBIND11_MODULE(_core, module) {
  using namespace stepwell::bindings;
  module.doc() = "The compiled core of stepwell: ring, codec, histogram, spool and Native building.";
  register_codec(module);  // before the ring: Ring.collect takes a BlockBuilder
  register_histogram(module);
  register_native(module);
  register_ring(module);
  register_spool(module);
}
