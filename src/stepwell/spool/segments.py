"""Reading segment files and the short indexes beside them. Sources of the format: csrc/spool."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from .. import _core
from ..errors import SpoolError
from .layout import Position, read_json, segment_file, write_json

__all__ = [
    "FRAME_HEADER_BYTES",
    "HEADER_BYTES",
    "Frame",
    "good_end",
    "index_of",
    "raw_frame",
    "read_frames",
    "torn_tail",
    "write_index",
]

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 48
FRAME_BLOCK = 1

_FRAME = struct.Struct("<4sHHIIQQQII")
_MAGIC = b"SWFR"
_SCAN_BYTES = 16 << 20


@dataclass(slots=True)
class Frame:
    """One frame where it lies on disk. The agent empties `payload` once it is handed to the network."""

    segment: int
    offset: int
    length: int
    """Of the whole frame, header and payload, in bytes."""
    kind: int
    writer: int
    first_seq: int
    last_seq: int
    crc32c: int
    payload: bytes

    @property
    def position(self) -> Position:
        return Position(self.segment, self.offset)


def read_frames(
    folder: Path, start: Position, max_bytes: int, payloads: bool = True
) -> tuple[list[Frame], int, list[tuple[int, int]]]:
    """(frames, end, damaged ranges) of one segment from a position on; `end` is where to go on.

    Raises OSError, SpoolError for a segment of a newer layout.
    """
    path = segment_file(folder, start.segment)
    if os.stat(path).st_size < max(HEADER_BYTES, start.offset + 1):
        return [], start.offset, []  # nothing new; or its writer died before it wrote the file's header
    try:
        found, end, damaged = _core.scan_segment(str(path), start.offset, max_bytes, payloads)
    except ValueError as error:
        raise SpoolError(str(error)) from error  # of a newer layout
    frames = [
        Frame(start.segment, f.offset, f.length, f.kind, f.writer, f.first_seq, f.last_seq, f.crc32c, f.payload)
        for f in found
    ]
    return frames, end, damaged


def raw_frame(folder: Path, frame: Frame) -> bytes:
    """The frame's bytes as they lie on disk, header included."""
    with open(segment_file(folder, frame.segment), "rb") as file:
        return os.pread(file.fileno(), frame.length, frame.offset)


def good_end(folder: Path, segment: int) -> int:
    """Where the last good frame of a segment ends."""
    position = Position(segment, 0)
    while True:
        _, end, _ = read_frames(folder, position, _SCAN_BYTES, payloads=False)
        if end <= position.offset:
            return position.offset
        position = Position(segment, end)


def torn_tail(folder: Path, segment: int, end: int) -> tuple[int, bool]:
    """(bytes after the last good frame, whether they are a whole frame that is damaged and not a torn one)."""
    path = segment_file(folder, segment)
    size = os.stat(path).st_size
    left = size - end
    if left < FRAME_HEADER_BYTES:
        return left, False
    with open(path, "rb") as file:
        header = os.pread(file.fileno(), FRAME_HEADER_BYTES, end)
    magic, _, _, length, _, _, _, _, _, crc = _FRAME.unpack(header)
    if magic != _MAGIC:
        return left, True
    return left, _core.crc32c(header[:44]) != crc or FRAME_HEADER_BYTES + length <= left


def write_index(folder: Path, segment: int, last_seqs: dict[int, int]) -> None:
    """What a full segment holds of each writer, so that nobody reads it again only to learn that."""
    write_json(segment_file(folder, segment, "idx"), {f"{writer:016x}": seq for writer, seq in last_seqs.items()})


def index_of(folder: Path, segment: int, until: int | None = None) -> dict[int, int]:
    """The last sequence of each writer in a segment, or in its bytes before `until`."""
    kept = _read_index(folder, segment) if until is None else {}
    if kept:
        return kept
    found: dict[int, int] = {}
    position = Position(segment, 0)
    while True:
        try:
            frames, end, _ = read_frames(folder, position, _SCAN_BYTES, payloads=False)
        except FileNotFoundError:
            return found  # acked and deleted by its owner while we looked
        for frame in frames:
            if until is not None and frame.offset >= until:
                return found
            found[frame.writer] = max(found.get(frame.writer, 0), frame.last_seq)
        if end <= position.offset:
            return found
        position = Position(segment, end)


def _read_index(folder: Path, segment: int) -> dict[int, int]:
    """{} where there is none, or one that cannot be trusted: the segment itself is read instead."""
    try:
        return {int(writer, 16): int(seq) for writer, seq in read_json(segment_file(folder, segment, "idx")).items()}
    except (ValueError, TypeError):
        return {}
