"""Blocks and frames made by hand, for tests of what takes them in."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stepwell import _core
from stepwell.blocks import seal
from stepwell.ids import run_uuid

__all__ = ["START_MS", "Making", "frame_of"]

START_MS = 1_767_225_600_000

_FRAME = struct.Struct("<IHHIIQQQII")


@dataclass
class Making:
    """One writer of a run; each call of `block` goes on where the last one ended."""

    project: str = "project"
    id: str = "run"
    writer: int = 0x1234_5678_9ABC_DEF0
    attempt: int = 1000
    rank: int = 0
    run: bytes = b""
    row_seq: int = 0
    logged: list[tuple[str, int, float]] = field(default_factory=list)

    def builder(self, host: str = "") -> _core.BlockBuilder:
        return _core.BlockBuilder(
            project=self.project,
            id=self.id,
            run=self.run or run_uuid(self.project, self.id).bytes,
            rank=self.rank,
            attempt=self.attempt,
            writer=self.writer,
            created_ms=START_MS,
            host=host,
        )

    def block(self, rows: int = 10, metrics: Sequence[str] = ("loss",)) -> bytes:
        """`rows` log calls of these metrics; what they hold is added to `logged`."""
        builder = self.builder()
        for _ in range(rows):
            self.row_seq += 1
            step = self.row_seq
            cells = [(metric, step / (index + 3)) for index, metric in enumerate(metrics)]
            builder.add_row(cells, self.row_seq, step, START_MS + step)
            self.logged += [(metric, step, value) for metric, value in cells]
        return seal(builder, 3)

    def samples(self, host: str, figures: Mapping[str, float], time_ms: int) -> bytes:
        """One sample of a machine, as its agent takes it; time_ms: since the run was created."""
        builder = self.builder(host)
        self.row_seq += 1
        builder.add_row(list(figures.items()), self.row_seq, 0, START_MS + time_ms)
        return seal(builder, 3)

    def records(self, *records: tuple[int, tuple[bytes, ...]]) -> bytes:
        """One block of these records."""
        builder = self.builder()
        for kind, parts in records:
            self.row_seq += 1
            builder.add_record(kind, parts, self.row_seq, self.row_seq, START_MS + self.row_seq)
        return seal(builder, 3)


def frame_of(block: bytes, *, kind: int = 1, crc: int | None = None) -> bytes:
    """The block as a frame of a spool's segment (docs/block-format.md)."""
    head = _FRAME.pack(
        int.from_bytes(b"SWFR", "little"),
        kind,
        0,
        len(block),
        _core.crc32c(block) if crc is None else crc,
        1,
        1,
        1,
        0,
        0,
    )[:-4]
    return head + struct.pack("<I", _core.crc32c(head)) + block
