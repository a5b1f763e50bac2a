"""From points as they are stored to the wide table people want: step, rank, one column a metric.

Pure functions over Arrow and numpy; nothing is rounded, sampled or filled in.
"""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .reader import LONG_SCHEMA

__all__ = ["Repeated", "chosen", "column_name", "history_schema", "once", "widen"]

# The table's own columns. A metric called like one of them gets "metric:" before its name, and so does one
# whose name already looks like that, so that two metrics never share a column.
_TAKEN = re.compile(r"(metric:)*(run|step|rank)")

_Ints = npt.NDArray[np.integer[Any]]


def column_name(metric: str) -> str:
    """The wide table's column of a metric: its name; "metric:step" for one that is called "step".

    >>> [column_name(name) for name in ("loss", "step", "metric:step")]
    ['loss', 'metric:step', 'metric:metric:step']
    """
    return f"metric:{metric}" if _TAKEN.fullmatch(metric) else metric


def chosen(asked: Sequence[str], there: Iterable[str]) -> list[str]:
    """The metrics that `asked` names, in that order; patterns (`train/*`) stand for those that are there.

    A name that is there is itself, even with a `*` in it; one that is not stays, and gives a column of nulls.
    """
    existing = sorted(set(there))
    if not asked:
        return existing
    names: dict[str, None] = {}
    for name in asked:
        if ("*" in name or "?" in name) and name not in existing:
            pattern = re.compile(fnmatch.translate(name.replace("[", "[[]")), re.DOTALL)
            names.update(dict.fromkeys(other for other in existing if pattern.match(other)))
        else:
            names[name] = None
    return list(names)


def history_schema(metrics: Sequence[str], *, long: bool, with_run: bool) -> pa.Schema:
    """Of the table that `Reader.history` gives for these metrics."""
    columns = [("step", pa.int64()), ("rank", pa.uint32()), *((column_name(name), pa.float64()) for name in metrics)]
    schema = LONG_SCHEMA if long else pa.schema(columns)
    return pa.schema([("run", pa.string()), *schema]) if with_run else schema


class _Points(NamedTuple):
    """Of one metric, ordered by rank, step, at: columns of the points' table, looked at in place."""

    step: _Ints
    rank: _Ints
    at: _Ints
    value: npt.NDArray[np.float64]

    def like(self, other: _Points) -> bool:
        """Whether both have the same keys."""
        return all(np.array_equal(own, others) for own, others in zip(self[:3], other[:3], strict=True))


class _Rows(NamedTuple):
    """Rows of the wide table, ascending by step, rank, at, and where the points of a metric go."""

    step: _Ints
    rank: _Ints
    places: dict[str, _Ints | None]
    """None: one after the other, each in a row of its own."""


class Repeated(Exception):
    """A point is there twice: the parts of a store were read as they are, and not all of them have been merged."""


def widen(batches: Iterable[pa.RecordBatch], metrics: Sequence[str]) -> pa.Table:
    """One row for each (step, rank) of the points, ascending; null where a metric has no point there.

    batches: of metric, rank, step, at, value, all ordered by metric, rank, step, at. Points that share step and rank
    but not `at` (writers whose steps repeat) are rows of their own, in the order of `at`. Raises Repeated.
    """
    slices = _slices(batches)
    rows = _rows(slices)
    columns: dict[str, pa.Array] = {
        "step": pa.array(rows.step.astype(np.int64, copy=False), pa.int64()),
        "rank": pa.array(rows.rank.astype(np.uint32, copy=False), pa.uint32()),
    }
    for name in metrics:
        columns[column_name(name)] = _column(slices.get(name), rows.places.get(name), len(rows.step))
    return pa.table(columns)


Key = tuple[str, int, int, int]
"""metric, rank, step, at: what points are ordered by."""


def once(
    batches: Iterable[pa.RecordBatch], merged: Callable[[Key | None], Iterable[pa.RecordBatch]]
) -> Iterator[pa.RecordBatch]:
    """The same points, in order, until one comes that is there twice; from that one on what `merged` gives.

    merged: given the key of the last point that was right (None: there was none), the points after it, each once.
    """
    before: Key | None = None
    held: pa.RecordBatch | None = None  # the next may repeat its last point
    for batch in batches:
        if not batch.num_rows:
            continue
        right, whole = held, True
        if held is not None and _key(held, -1) == _key(batch, 0):
            right, whole = held.slice(0, held.num_rows - 1), False
        if right is not None and right.num_rows:
            before = _key(right, -1)
            yield right
        row = _first_repeated(batch) if whole else None
        if row:
            before = _key(batch, row - 1)
            yield batch.slice(0, row)
        if not whole or row is not None:
            yield from merged(before)
            return
        held = batch
    if held is not None:
        yield held


def _first_repeated(batch: pa.RecordBatch) -> int | None:
    """The row of the first of two points that have one key."""
    again: npt.NDArray[np.bool_] | None = None
    for name in ("at", "step", "rank"):
        column = batch.column(name).to_numpy()
        same = column[1:] == column[:-1]
        again = same if again is None else again & same
    assert again is not None
    for row in np.flatnonzero(again).tolist():
        if _key(batch, row) == _key(batch, row + 1):
            return int(row)
    return None


def _key(batch: pa.RecordBatch, row: int) -> Key:
    row %= batch.num_rows
    rank, step, at = (int(batch.column(name)[row].as_py()) for name in ("rank", "step", "at"))
    return _text(batch.column("metric")[row].as_py()), rank, step, at


def _slices(batches: Iterable[pa.RecordBatch]) -> dict[str, _Points]:
    """By metric. Works on what has come while the store makes the rest."""
    found: dict[str, _Points] = {}
    open_name, open_parts = "", list[list[npt.NDArray[Any]]]()
    for batch in batches:
        for name, columns in _by_metric(batch):
            if open_parts and name != open_name:
                found[open_name] = _joined(open_parts)
                open_parts = []
            open_name = name
            open_parts.append(columns)
    if open_parts:
        found[open_name] = _joined(open_parts)
    return found


def _by_metric(batch: pa.RecordBatch) -> Iterator[tuple[str, list[npt.NDArray[Any]]]]:
    if not batch.num_rows:
        return
    metric = batch.column("metric")
    if not pa.types.is_dictionary(metric.type):
        metric = metric.dictionary_encode()
    codes, names = metric.indices.to_numpy(), metric.dictionary
    columns = [batch.column(name).to_numpy() for name in _Points._fields]
    cuts = np.flatnonzero(np.diff(codes)) + 1
    for start, end in pairwise([0, *cuts.tolist(), len(codes)]):
        yield _text(names[int(codes[start])].as_py()), [column[start:end] for column in columns]


def _joined(parts: list[list[npt.NDArray[Any]]]) -> _Points:
    points = _Points(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    again = (points.step[1:] == points.step[:-1]) & (points.at[1:] == points.at[:-1])
    if again.any() and (again & (points.rank[1:] == points.rank[:-1])).any():
        raise Repeated
    return points


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _rows(slices: dict[str, _Points]) -> _Rows:
    """Metrics that were logged together have the same keys, so those are sorted once, and mostly not at all."""
    groups = _alike(slices)
    if not groups:
        empty = np.empty(0, np.int64)
        return _Rows(empty, empty, {})
    if len(groups) == 1:
        [(keys, names)] = groups
        if keys.rank[0] == keys.rank[-1]:  # of one rank: in order as they are
            return _Rows(keys.step, keys.rank, dict.fromkeys(names))
    step, rank, at = (np.concatenate([keys[column] for keys, _ in groups]) for column in range(3))
    order = np.lexsort((at, rank, step))
    new = np.ones(len(order), bool)
    new[1:] = False
    for column in (step, rank, at):
        ordered = column[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(new) - 1
    places: dict[str, _Ints | None] = {}
    start = 0
    for keys, names in groups:
        places.update(dict.fromkeys(names, place[start : start + len(keys.step)]))
        start += len(keys.step)
    first = order[new]
    return _Rows(step[first], rank[first], places)


def _alike(slices: dict[str, _Points]) -> list[tuple[_Points, list[str]]]:
    """(keys, the metrics that have them)."""
    found: dict[tuple[int, ...], list[tuple[_Points, list[str]]]] = defaultdict(list)
    for name, points in slices.items():
        # What differs mostly differs here already.
        told = (len(points.step), *(int(column[end]) for column in points[:3] for end in (0, -1)))
        for keys, names in found[told]:
            if points.like(keys):
                names.append(name)
                break
        else:
            found[told].append((points, [name]))
    return [group for groups in found.values() for group in groups]


def _column(points: _Points | None, place: _Ints | None, rows: int) -> pa.Array:
    if points is not None and place is None:
        return pa.array(points.value, pa.float64())
    values = np.zeros(rows, np.float64)
    missing = np.ones(rows, bool)
    if points is not None:
        values[place] = points.value
        missing[place] = False
    return pa.array(values, pa.float64(), mask=missing)  # a NaN that was logged stays a NaN, not a null
