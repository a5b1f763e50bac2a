"""A second decoder of blocks, written from docs/block-format.md alone and for reading, not for speed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

MASK = 2**64 - 1
PARTS = {2: 2, 3: 2, 4: 4, 5: 2, 6: 2, 7: 5}
DOUBLE, INTEGER, BOOL = 0, 1, 2
LOG, LIST = 64, 65


@dataclass(frozen=True)
class Header:
    version: int
    min_reader: int
    body_bytes: int
    crc32c: int


@dataclass(frozen=True)
class Point:
    """One cell of one row. `bits` is the value's 64-bit pattern."""

    metric: str
    type: int
    bits: int
    row_seq: int
    step: int
    time_ms: int
    at: int


@dataclass(frozen=True)
class Record:
    kind: int
    parts: tuple[bytes, ...]
    row_seq: int
    step: int
    time_ms: int


@dataclass
class Block:
    project: str
    id: str
    run: bytes
    rank: int
    attempt: int
    writer: int
    created_ms: int
    first_seq: int
    last_seq: int
    host: str = ""
    points: list[Point] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def signed(bits: int) -> int:
    return bits - 2**64 if bits >> 63 else bits


def unzigzag(value: int) -> int:
    return (value >> 1) ^ (MASK if value & 1 else 0)


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def raw(self, n: int) -> bytes:
        if self.at + n > len(self.data):
            raise ValueError("the bytes end in the middle of a value")
        self.at += n
        return self.data[self.at - n : self.at]

    def u8(self) -> int:
        return self.raw(1)[0]

    def u64(self) -> int:
        return int.from_bytes(self.raw(8), "little")

    def varint(self) -> int:
        value = 0
        for i in range(10):
            byte = self.u8()
            value |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                break
        if value > MASK:
            raise ValueError("a varint of more than 64 bits")
        return value

    def svarint(self) -> int:
        return unzigzag(self.varint())

    def text(self) -> str:
        return self.raw(self.varint()).decode()

    def finish(self) -> None:
        if self.at != len(self.data):
            raise ValueError("bytes too many")


def packed_runs(reader: Reader, n: int) -> list[int]:
    values: list[int] = []
    while len(values) < n:
        run = min(128, n - len(values))
        low, width = reader.svarint(), reader.u8()
        word = int.from_bytes(reader.raw((run * width + 7) // 8), "little")
        values += [(low + (word >> (i * width) & ((1 << width) - 1))) & MASK for i in range(run)]
    return values


def running_sum(first: int, differences: list[int]) -> list[int]:
    values = [first]
    for difference in differences:
        values.append((values[-1] + difference) & MASK)
    return values


def int_constant(reader: Reader, n: int) -> list[int]:
    return [reader.svarint()] * n


def int_delta(reader: Reader, n: int) -> list[int]:
    first = reader.svarint()
    return running_sum(first, packed_runs(reader, n - 1))


def int_delta2(reader: Reader, n: int) -> list[int]:
    first, delta = reader.svarint(), reader.svarint()
    return running_sum(first, running_sum(delta, packed_runs(reader, n - 2)))


def rest(encodings: dict[int, Callable[[Reader, int], list[int]]], reader: Reader, n: int) -> list[int]:
    """A column within another: its encoding, and the payload to the end."""
    return encodings[reader.u8()](reader, n)


def int_differences(reader: Reader, n: int) -> list[int]:
    order = reader.u8()
    if not 1 <= order <= 7 or n <= order:
        raise ValueError("differences taken too often")
    values = [reader.svarint() for _ in range(order)]
    values += rest(INT_LEAVES, reader, n - order)
    for _ in range(order):
        values = running_sum(values[0], values[1:])
    return values


def int_multiples(reader: Reader, n: int) -> list[int]:
    base, step = reader.svarint(), reader.varint()
    return [(base + step * value) & MASK for value in rest(INT_OF_STEPS, reader, n)]


def shares(reader: Reader) -> tuple[int, list[int]]:
    """The bits of a slot, and the symbol of each slot."""
    bits, used = reader.u8(), reader.u8() + 1
    slots: list[int] = []
    symbol = 0
    for _ in range(used):
        share = reader.varint()
        if share & 1:
            symbol += reader.u8()
        if (share >> 1) + 1 > 1 << 12:
            raise ValueError("a share of more slots than there are")
        slots += [symbol] * ((share >> 1) + 1)
        symbol += 1
    if not 5 <= bits <= 12 or symbol > 256 or len(slots) != 1 << bits:
        raise ValueError("shares that no encoder writes")
    return bits, slots


def symbols(reader: Reader, n: int) -> list[int]:
    bits, slots = shares(reader)
    words = Reader(reader.raw(reader.varint()))
    states = [int.from_bytes(words.raw(4), "little") for _ in range(4)]
    if not all(2**15 <= state < 2**31 for state in states):
        raise ValueError("a state out of its range")
    result = []
    for i in range(n):
        state = states[i % 4]
        slot = state % (1 << bits)
        symbol = slots[slot]
        first = slots.index(symbol)
        state = slots.count(symbol) * (state >> bits) + slot - first
        if state < 2**15:
            state = state << 16 | int.from_bytes(words.raw(2), "little")
        states[i % 4] = state
        result.append(symbol)
    words.finish()
    if states != [2**15] * 4:
        raise ValueError("symbols that do not end where they began")
    return result


def extra_bits(reader: Reader, widths: list[int]) -> list[int]:
    word = int.from_bytes(reader.raw((sum(widths) + 7) // 8), "little")
    result = []
    for width in widths:
        result.append(word & ((1 << width) - 1))
        word >>= width
    return result


def int_tokens(reader: Reader, n: int) -> list[int]:
    kind = reader.u8()
    if kind == LIST:
        count = reader.u8() + 1
        values = running_sum(reader.svarint(), [reader.svarint() for _ in range(count - 1)])
        return [values[token] for token in symbols(reader, n)]
    base = reader.svarint()
    tokens = symbols(reader, n)
    if kind == LOG:
        parts = [log_bucket(token) for token in tokens]
        offsets = [
            least + extra for (least, _), extra in zip(parts, extra_bits(reader, [w for _, w in parts]), strict=True)
        ]
        return [(base + unzigzag(offset)) & MASK for offset in offsets]
    if kind > 63:
        raise ValueError("an unknown map")
    return [(base + (t << kind) + e) & MASK for t, e in zip(tokens, extra_bits(reader, [kind] * n), strict=True)]


def log_bucket(token: int) -> tuple[int, int]:
    """The least distance of a token, and its number of extra bits."""
    if token < 8:
        return token, 0
    if token > 251:
        raise ValueError("a token that the log map does not have")
    width = token // 4 - 1
    return (4 + token % 4) << width, width


def planes(reader: Reader, n: int, width: int) -> list[int]:
    data = reader.raw(n * width)
    return [int.from_bytes(data[i::n], "little") for i in range(n)]


def unxor(words: list[int]) -> list[int]:
    values, previous = [], 0
    for word in words:
        previous ^= word
        values.append(previous)
    return values


def widen(word: int) -> int:
    if word >> 23 & 0xFF == 0xFF:
        return (word >> 31) << 63 | 0x7FF << 52 | (word & 0x7FFFFF) << 29
    return bits_of(struct.unpack("<f", word.to_bytes(4, "little"))[0])


def bits_of(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


def unorder(value: int, width: int) -> int:
    """Two's complement to sign and magnitude."""
    return value ^ ((1 << width - 1) - 1) if value >> width - 1 else value


def decimals(reader: Reader, n: int) -> list[int]:
    places = reader.u8()
    if places > 18:
        raise ValueError("more decimals than a double has")
    return scaled(reader, n, lambda whole: whole / 10.0**places)


def twos(reader: Reader, n: int) -> list[int]:
    power = signed(reader.svarint())
    if abs(power) > 1000:
        raise ValueError("a unit beyond a double's range")
    return scaled(reader, n, lambda whole: whole * 2.0**power)


def scaled(reader: Reader, n: int, value_of: Callable[[float], float]) -> list[int]:
    exceptions: dict[int, int] = {}
    at = 0
    for _ in range(reader.varint()):
        at += reader.varint()
        exceptions[at] = reader.u64()
        at += 1
    if at > n:
        raise ValueError("an exception behind the end")
    values = [bits_of(value_of(float(signed(whole)))) for whole in rest(INT_ENCODINGS, reader, n)]
    return [exceptions.get(i, value) for i, value in enumerate(values)]


INT_ENCODINGS: dict[int, Callable[[Reader, int], list[int]]] = {
    0: int_constant,
    1: packed_runs,
    2: int_delta,
    3: int_delta2,
    4: int_differences,
    5: int_tokens,
    6: int_multiples,
}
INT_LEAVES = {encoding: INT_ENCODINGS[encoding] for encoding in (0, 1, 5)}
INT_OF_STEPS = {encoding: INT_ENCODINGS[encoding] for encoding in (0, 1, 4, 5)}
DOUBLE_ENCODINGS: dict[int, Callable[[Reader, int], list[int]]] = {
    0: lambda reader, n: [reader.u64()] * n,
    1: lambda reader, n: planes(reader, n, 8),
    2: lambda reader, n: unxor(planes(reader, n, 8)),
    3: lambda reader, n: [widen(word) for word in planes(reader, n, 4)],
    4: lambda reader, n: [widen(word) for word in unxor(planes(reader, n, 4))],
    5: lambda reader, n: [bits_of(float(signed(value))) for value in int_column(reader, n)],
    6: lambda reader, n: [unorder(value, 64) for value in rest(INT_ENCODINGS, reader, n)],
    7: lambda reader, n: [widen(unorder(value & 0xFFFFFFFF, 32)) for value in rest(INT_ENCODINGS, reader, n)],
    8: decimals,
    9: twos,
}


def column(encodings: dict[int, Callable[[Reader, int], list[int]]], reader: Reader, n: int) -> list[int]:
    if n == 0:
        return []
    encoding = reader.u8()
    payload = Reader(reader.raw(reader.varint()))
    values = encodings[encoding](payload, n)
    payload.finish()
    return values


def int_column(reader: Reader, n: int) -> list[int]:
    return column(INT_ENCODINGS, reader, n)


def double_column(reader: Reader, n: int) -> list[int]:
    return column(DOUBLE_ENCODINGS, reader, n)


@dataclass(frozen=True)
class Rows:
    step: list[int]
    time: list[int]
    row_seq: list[int]
    at: list[int]

    @classmethod
    def read(cls, reader: Reader, n: int) -> Rows:
        return cls(*(int_column(reader, n) for _ in range(4)))

    def point(self, row: int, metric: str, cell_type: int, bits: int) -> Point:
        return Point(
            metric,
            cell_type,
            bits,
            self.row_seq[row],
            signed(self.step[row]),
            signed(self.time[row]),
            signed(self.at[row]),
        )


def read_wide(reader: Reader, metrics: list[str]) -> list[Point]:
    n, columns = reader.varint(), reader.varint()
    heads = [(metrics[reader.varint()], reader.u8()) for _ in range(columns)]
    rows = Rows.read(reader, n)
    points = []
    for metric, cell_type in heads:
        values = double_column(reader, n) if cell_type == DOUBLE else int_column(reader, n)
        points += [rows.point(row, metric, cell_type, bits) for row, bits in enumerate(values)]
    return points


def read_long(reader: Reader, metrics: list[str]) -> list[Point]:
    n = reader.varint()
    if n == 0:
        return []
    cells = reader.varint()
    rows = Rows.read(reader, n)
    row_of_cell = [row for row, count in enumerate(int_column(reader, n)) for _ in range(count)]
    names = [metrics[number] for number in int_column(reader, cells)]
    types = int_column(reader, cells)
    values = double_column(reader, cells)
    return [rows.point(*cell) for cell in zip(row_of_cell, names, types, values, strict=True)]


def read_records(reader: Reader) -> list[Record]:
    n = reader.varint()
    if n == 0:
        return []
    kinds, steps, times, row_seqs = (int_column(reader, n) for _ in range(4))
    lengths = int_column(reader, sum(PARTS[kind] for kind in kinds))
    data = Reader(reader.raw(reader.varint()))
    parts = iter([data.raw(length) for length in lengths])
    data.finish()
    return [
        Record(kind, tuple(next(parts) for _ in range(PARTS[kind])), row_seq, signed(step), signed(time))
        for kind, step, time, row_seq in zip(kinds, steps, times, row_seqs, strict=True)
    ]


def read_header(block: bytes) -> Header:
    magic, version, min_reader, body_bytes, crc32c, _ = struct.unpack("<4sHHQII", block[:24])
    if magic != b"SWBK":
        raise ValueError("not a block")
    return Header(version, min_reader, body_bytes, crc32c)


def decode(body: bytes) -> Block:
    reader = Reader(body)
    block = Block(
        project=reader.text(),
        id=reader.text(),
        run=reader.raw(16),
        rank=reader.varint(),
        attempt=reader.varint(),
        writer=reader.u64(),
        created_ms=signed(reader.svarint()),
        first_seq=reader.varint(),
        last_seq=reader.varint(),
    )
    metrics = [reader.text() for _ in range(reader.varint())]
    for _ in range(reader.varint()):
        block.points += read_wide(reader, metrics)
    block.points += read_long(reader, metrics)
    block.records = read_records(reader)
    if reader.at < len(body):
        block.host = reader.text()
        if not block.host or not all(device and metric for device, _, metric in (m.partition("/") for m in metrics)):
            raise ValueError("samples that name no host, device or metric")
    reader.finish()
    return block
