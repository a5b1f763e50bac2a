"""Spool frames in the body of an HTTP request: the same bytes as on the agent's disk (docs/block-format.md)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .._core import crc32c
from ..errors import InvalidValue
from ..stores.ingest import Reason

__all__ = ["BodyFrame", "parse_frames"]

_HEADER = struct.Struct("<IHHIIQQQII")
_MAGIC = int.from_bytes(b"SWFR", "little")
_BLOCK = 1


@dataclass(frozen=True)
class BodyFrame:
    block: bytes
    fault: str = ""
    reason: Reason | None = None  # None for a good one


def parse_frames(body: bytes) -> Iterator[BodyFrame]:
    """One after the other. Raises InvalidValue where no frame begins, since nothing after it can be found."""
    view = memoryview(body)
    offset = 0
    while offset < len(view):
        if len(view) - offset < _HEADER.size:
            raise InvalidValue(f"the body ends inside a frame's header, at byte {offset}; nothing of it was stored")
        magic, kind, _, length, crc, _, _, _, _, header_crc = _HEADER.unpack_from(view, offset)
        end = offset + _HEADER.size + length
        if magic != _MAGIC or crc32c(bytes(view[offset : offset + _HEADER.size - 4])) != header_crc:
            raise InvalidValue(f"no whole frame begins at byte {offset} of the body; nothing of it was stored")
        if end > len(view):
            raise InvalidValue(f"the body ends inside the frame at byte {offset}; nothing of it was stored")
        block = bytes(view[offset + _HEADER.size : end])
        if kind != _BLOCK:
            yield BodyFrame(b"", f"a frame of kind {kind}, which this version does not know", Reason.TOO_NEW)
        elif crc32c(block) != crc:
            yield BodyFrame(b"", "the frame does not match its checksum", Reason.DAMAGED)
        else:
            yield BodyFrame(block)
        offset = end
