#include "codec/header.h"

#include <algorithm>

#include "spool/crc32c.h"

namespace stepwell::codec {

namespace {

constexpr std::array<uint8_t, 4> kMagic = {'S', 'W', 'B', 'K'};

}  // namespace

std::array<uint8_t, kBlockHeaderBytes> header_of(Bytes body, uint16_t min_reader) {
  ByteWriter out;
  out.raw(kMagic.data(), kMagic.size());
  out.fixed(kBlockVersion);
  out.fixed(min_reader);
  out.fixed(static_cast<uint64_t>(body.size()));
  out.fixed(spool::crc32c(body.data(), body.size()));
  out.fixed(uint32_t{0});
  std::array<uint8_t, kBlockHeaderBytes> header;
  std::copy(out.bytes().begin(), out.bytes().end(), header.begin());
  return header;
}

Header read_header(Bytes block) {
  if (block.size() < kBlockHeaderBytes) {
    throw FormatError("a block has a header of 24 bytes, these are " + std::to_string(block.size()));
  }
  ByteReader in(block.first(kBlockHeaderBytes));
  const Bytes magic = in.raw(kMagic.size());
  if (!std::equal(magic.begin(), magic.end(), kMagic.begin())) {
    throw FormatError("these bytes are not a block: they do not begin with SWBK");
  }
  Header header;
  header.version = in.fixed<uint16_t>();
  header.min_reader = in.fixed<uint16_t>();
  header.body_bytes = in.fixed<uint64_t>();
  header.body_crc32c = in.fixed<uint32_t>();
  if (header.min_reader > kBlockVersion) {
    throw TooNewError("a block of version " + std::to_string(header.version) + " needs a reader of version " +
                      std::to_string(header.min_reader) + ", this build reads up to " +
                      std::to_string(kBlockVersion) + ": upgrade stepwell here");
  }
  if (header.version == 0 || header.min_reader == 0 || header.min_reader > header.version) {
    throw FormatError("a block claims version " + std::to_string(header.version) + ", readable from " +
                      std::to_string(header.min_reader));
  }
  if (header.body_bytes > kMaxBodyBytes) {
    throw FormatError("a block claims a body of " + std::to_string(header.body_bytes) +
                      " bytes, more than the " + std::to_string(kMaxBodyBytes) + " allowed");
  }
  return header;
}

}  // namespace stepwell::codec
