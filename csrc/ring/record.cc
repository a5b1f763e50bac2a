#include "ring/record.h"

#include <cstring>

namespace stepwell::ring {
namespace {

[[noreturn]] void corrupt(std::uint64_t at, const std::string& why) {
  throw RingError("the ring is damaged at byte " + std::to_string(at) + ": " + why);
}

}  // namespace

RecordHeader RecordReader::read_header(std::uint64_t at, std::uint64_t end) const {
  const std::uint64_t offset = at & (data_bytes_ - 1);
  const std::uint64_t room = data_bytes_ - offset;
  const std::uint64_t published = end - at;
  RecordHeader header = {};
  std::memcpy(&header, data_ + offset, kPadHeaderBytes);
  if (header.kind == Kind::kPad) {
    if (header.bytes != room)
      corrupt(at, "a pad of " + std::to_string(header.bytes) + " bytes does not end the ring");
    if (room > published) corrupt(at, "a pad goes beyond what was published");
    return header;
  }
  if (header.bytes < sizeof(RecordHeader)) {
    corrupt(at, "a record of " + std::to_string(header.bytes) + " bytes is shorter than its header");
  }
  const std::uint64_t stride = align_record(header.bytes);
  if (stride > room || stride > published) {
    corrupt(at, "a record of " + std::to_string(header.bytes) + " bytes goes beyond " +
                    (stride > room ? "the ring's end" : "what was published"));
  }
  const std::uint32_t bytes = header.bytes;
  const Kind kind = header.kind;
  const std::uint16_t flags = header.flags;
  std::memcpy(&header, data_ + offset, sizeof(header));
  // The first eight bytes were checked as they were read the first time.
  header.bytes = bytes;
  header.kind = kind;
  header.flags = flags;
  return header;
}

std::uint64_t RecordReader::next(std::uint64_t at, std::uint64_t end) {
  found_ = false;
  bool more = false;
  payload_bytes_ = 0;
  while (at != end) {
    const RecordHeader piece = read_header(at, end);
    if (piece.kind == Kind::kPad) {
      at += piece.bytes;
      continue;
    }
    if (more) {
      if (piece.kind != header_.kind || piece.row_seq != header_.row_seq)
        corrupt(at, "a record lacks its last pieces");
    } else {
      if (piece.kind > Kind::kCheckpoint) {
        corrupt(at, "no record is of kind " + std::to_string(static_cast<unsigned>(piece.kind)));
      }
      if (piece.row_seq == 0) corrupt(at, "a record has no sequence");
      if (piece.flags != 0 && piece.kind == Kind::kRow) corrupt(at, "a row is cut into pieces");
      header_ = piece;
    }
    if ((piece.flags & ~kFlagMore) != 0) corrupt(at, "a record has unknown flags");
    const std::size_t bytes = piece.bytes - sizeof(RecordHeader);
    if (payload_bytes_ + bytes > data_bytes_) corrupt(at, "a record is larger than the ring");
    payload_.resize((payload_bytes_ + bytes + 7) / 8);
    std::memcpy(reinterpret_cast<std::byte*>(payload_.data()) + payload_bytes_,
                data_ + (at & (data_bytes_ - 1)) + sizeof(RecordHeader), bytes);
    payload_bytes_ += bytes;
    at += align_record(piece.bytes);
    more = (piece.flags & kFlagMore) != 0;
    if (!more) {
      found_ = true;
      return at;
    }
  }
  if (more) corrupt(at, "a record lacks its last pieces");
  return at;
}

Row RecordReader::row() const {
  const auto sequence = header_.row_seq;
  const auto* payload = reinterpret_cast<const std::byte*>(payload_.data());
  std::uint32_t n = 0;
  if (payload_bytes_ >= 8) std::memcpy(&n, payload, sizeof(n));
  if (n == 0 || n > kMetricsMax || row_bytes(n) != payload_bytes_ + sizeof(RecordHeader)) {
    throw RingError("the ring is damaged: row " + std::to_string(sequence) + " of " +
                    std::to_string(payload_bytes_) + " bytes claims " + std::to_string(n) + " cells");
  }
  const auto* cells = reinterpret_cast<const std::uint32_t*>(payload + 8);
  const auto* values =
      reinterpret_cast<const std::uint64_t*>(payload + 8 + align_record(4 * std::uint64_t{n}));
  const Row row = {sequence, header_.step, header_.time_ms, {cells, n}, {values, n}};
  for (std::uint32_t i = 0; i < n; ++i) {
    const CellType type = cell_type(cells[i]);
    if (type > CellType::kBool || (type == CellType::kBool && values[i] > 1)) {
      throw RingError("the ring is damaged: row " + std::to_string(sequence) +
                      " has a cell of no known type");
    }
  }
  return row;
}

Parts RecordReader::parts() {
  const auto* payload = reinterpret_cast<const char*>(payload_.data());
  const auto damaged = [&] {
    throw RingError("the ring is damaged: the parts of record " + std::to_string(header_.row_seq) +
                    " do not fill its bytes");
  };
  std::uint32_t count = 0;
  if (payload_bytes_ < sizeof(count)) damaged();
  std::memcpy(&count, payload, sizeof(count));
  if (count == 0 || count != parts_of(header_.kind)) damaged();
  std::size_t at = sizeof(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t length = 0;
    if (payload_bytes_ - at < sizeof(length)) damaged();
    std::memcpy(&length, payload + at, sizeof(length));
    at += sizeof(length);
    if (payload_bytes_ - at < length) damaged();
    parts_[i] = {payload + at, length};
    at += length;
  }
  if (at != payload_bytes_) damaged();
  return {header_.kind, header_.row_seq, header_.step, header_.time_ms, {parts_, count}};
}

}  // namespace stepwell::ring
