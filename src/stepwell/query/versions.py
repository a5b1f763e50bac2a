"""Which version an artifact is: worked out of its rows, so that no two services have to agree on a number.

Pure. The completed artifacts of one (project, type, name), in the order in which the service stamped them, are v0, v1,
...; one with the content of the one before it is that version once more. Deleted ones keep their place. The parts that
ranks add under one (run, step) are one artifact from the moment the last of them is in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from blake3 import blake3

__all__ = ["Entry", "Row", "RowKey", "entries_of", "number"]

_T = TypeVar("_T")


@dataclass(frozen=True, order=True)
class RowKey:
    """Of a row of the table `artifacts`. `str` gives "run writer row_seq"."""

    run: str
    writer: int
    row_seq: int

    def __str__(self) -> str:
        return f"{self.run} {self.writer} {self.row_seq}"


@dataclass(frozen=True)
class Row:
    """What of a row its version depends on. state: staged | complete | deleted. parts: 0 or 1: it is whole."""

    key: RowKey
    project: str
    type: str
    name: str
    state: str
    step: int
    time: datetime
    digest: str
    committed: datetime | None
    part: int = 0
    parts: int = 0


@dataclass(frozen=True)
class Entry:
    """One artifact as it was logged: one row, or the parts of a save, by their number."""

    rows: tuple[Row, ...]
    state: str
    """staged | partial | complete | deleted."""
    parts: int
    digest: str = ""
    committed: datetime | None = None
    version: int | None = None

    @property
    def first(self) -> Row:
        return self.rows[0]

    @property
    def keys(self) -> Iterator[RowKey]:
        return (row.key for row in self.rows)


def entries_of(rows: Iterable[Row]) -> list[Entry]:
    """Rows as artifacts, without numbers, in the order in which they were logged."""
    found: list[Entry] = []
    shared: list[Row] = []
    for row in rows:
        if row.parts > 1:
            shared.append(row)
        else:
            committed = row.committed if row.state != "staged" else None
            found.append(Entry((row,), row.state, row.parts, row.digest, committed))
    for _, its in _by(shared, lambda row: (row.key.run, row.type, row.name, row.step, row.parts)):
        found += _saves(its)
    return sorted(found, key=lambda entry: (max(row.time for row in entry.rows), entry.first.key))


def number(entries: Iterable[Entry]) -> list[Entry]:
    """Those that are complete or deleted, with their version, ascending by it within each (project, type, name)."""
    numbered = []
    done = [entry for entry in entries if entry.state in ("complete", "deleted") and entry.committed is not None]
    for _, its in _by(done, lambda entry: (entry.first.project, entry.first.type, entry.first.name)):
        version, digest = -1, None
        for entry in sorted(its, key=_order):
            if entry.digest != digest:
                version, digest = version + 1, entry.digest
            numbered.append(Entry(entry.rows, entry.state, entry.parts, entry.digest, entry.committed, version))
    return numbered


def _saves(rows: Sequence[Row]) -> Iterator[Entry]:
    """A rank that adds its part anew before all parts were in (the run had crashed between) replaces it; after that it
    begins another save of the same step.
    """
    parts: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: (row.time, row.key)):
        if len(parts) == row.parts:
            yield _save(parts)
            parts = {}
        parts[row.part] = row
    yield _save(parts)


def _save(parts: Mapping[int, Row]) -> Entry:
    rows = tuple(parts[part] for part in sorted(parts))
    states, wanted = {row.state for row in rows}, rows[0].parts
    if "deleted" in states:
        state = "deleted"
    elif len(rows) < wanted or "staged" in states:
        state = "partial" if "complete" in states else "staged"
    else:
        state = "complete"
    stamps = [row.committed for row in rows if row.state != "staged" and row.committed is not None]
    whole = len(rows) == wanted and len(stamps) == wanted
    digest = blake3("\n".join(f"{row.part} {row.digest}" for row in rows).encode()).hexdigest() if whole else ""
    return Entry(rows, state, wanted, digest, max(stamps) if whole else None)


def _order(entry: Entry) -> tuple[datetime, int, int]:
    assert entry.committed is not None
    last = max(entry.rows, key=lambda row: (row.committed or entry.committed, row.key.writer, row.key.row_seq))
    return entry.committed, last.key.writer, last.key.row_seq


def _by(items: Iterable[_T], key: Callable[[_T], tuple[object, ...]]) -> Iterator[tuple[object, list[_T]]]:
    ordered = sorted(items, key=lambda item: tuple(map(str, key(item))))
    return ((name, list(its)) for name, its in groupby(ordered, key=key))
