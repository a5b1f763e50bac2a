"""A second reader of the ring's layout, in plain Python: what csrc/ring/record.h says, read from the file's bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

HEADER, IDENTITY = 4096, 8192
PAD, ROW, MORE = 0, 1, 1


@dataclass(frozen=True)
class Record:
    kind: int
    row_seq: int
    step: int
    time_ms: int
    cells: tuple[tuple[str, float | int | bool], ...] = ()
    parts: tuple[bytes, ...] = ()


def read_ring(path: str | Path) -> list[Record]:
    """Every record between the start of the ring and its head; only for rings that have not wrapped."""
    content = Path(path).read_bytes()
    assert content[:8] == b"SWRING1\0"
    data_bytes = struct.unpack_from("<Q", content, 64)[0]
    head, _, names_used = struct.unpack_from("<3Q", content, 128)
    assert head <= data_bytes, "this reader does not follow a ring that has wrapped"
    names: dict[int, str] = {}
    at = HEADER + IDENTITY
    while at < HEADER + IDENTITY + names_used:
        number, length = struct.unpack_from("<IH", content, at)
        names[number] = content[at + 6 : at + 6 + length].decode()
        at += 6 + length
    data = content[HEADER + IDENTITY + data_bytes // 4 :]
    records = []
    at, payload = 0, b""
    while at < head:
        size, kind, flags, row_seq, step, time_ms = struct.unpack_from("<IHHQqq", data, at)
        if kind != PAD:
            payload += data[at + 32 : at + size]
            if not flags & MORE:
                cells = _cells(payload, names) if kind == ROW else ()
                parts = _parts(payload) if kind != ROW else ()
                records.append(Record(kind, row_seq, step, time_ms, cells, parts))
                payload = b""
        at += (size + 7) // 8 * 8
    return records


def _cells(payload: bytes, names: dict[int, str]) -> tuple[tuple[str, float | int | bool], ...]:
    (count,) = struct.unpack_from("<I", payload)
    values_at = 8 + (4 * count + 7) // 8 * 8
    cells: list[tuple[str, float | int | bool]] = []
    for i in range(count):
        (cell,) = struct.unpack_from("<I", payload, 8 + 4 * i)
        kind = cell >> 29
        (value,) = struct.unpack_from("<d" if kind == 0 else "<q", payload, values_at + 8 * i)
        cells.append((names[cell & 0x1FFFFFFF], bool(value) if kind == 2 else value))
    return tuple(cells)


def _parts(payload: bytes) -> tuple[bytes, ...]:
    (count,) = struct.unpack_from("<I", payload)
    parts, at = [], 4
    for _ in range(count):
        (length,) = struct.unpack_from("<I", payload, at)
        parts.append(payload[at + 4 : at + 4 + length])
        at += 4 + length
    assert at == len(payload)
    return tuple(parts)
