"""What the queries of charts answer, cut into one set of columns a series. Knows no SQL and no store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Columns", "Extent", "Series", "SeriesAsked", "buckets_of", "empty", "floats", "mean_in_buckets", "parts_of"]

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class SeriesAsked:
    """One curve. run: its UUID. low, high: what is in view, in steps or (by_time) in ms since 1970; None: all.

    members: the runs (UUIDs) that one line stands for; `run` is then only its name. x: the metric on the x axis, in
    whose values low and high then are. since: with `shift`, what the caller already holds: where the width has stayed
    the same only the part from this step on is answered.
    """

    run: str
    metric: str
    low: float | None = None
    high: float | None = None
    by_time: bool = False
    since: int | None = None
    shift: int | None = None
    x: str | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extent:
    """Of a series as a whole (ranks, points) and in view (seen, low, high). ranks: of a group, its runs.

    unplaced: points at whose step the metric on the x axis has no finite value.
    """

    ranks: int
    points: int
    seen: int
    low: float
    high: float
    unplaced: int = 0


@dataclass(frozen=True)
class Series:
    """shift: a bucket is 2^shift steps; None: `columns` are points. since: None where this is all of the view.

    width: of a bucket in values of the metric on the x axis; shift is then 0.
    """

    asked: SeriesAsked
    extent: Extent
    shift: int | None
    since: int | None
    columns: Columns = field(default_factory=dict)
    width: float | None = None


def parts_of(table: pa.Table) -> Iterator[tuple[tuple[str, str], pa.Table]]:
    """Slices of one (uuid, name) each; the table is ordered by both."""
    if not table.num_rows:
        return
    runs = _one(table.column("uuid").combine_chunks().dictionary_encode())
    names = _one(table.column("name").combine_chunks().dictionary_encode())
    codes = np.asarray(runs.indices).astype(np.int64) << 32 | np.asarray(names.indices)
    cuts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for start, end in pairwise(cuts):
        key = (_text(runs[start].as_py()), _text(names[start].as_py()))
        yield key, table.slice(start, end - start)


def _one(array: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    return array.chunk(0) if isinstance(array, pa.ChunkedArray) else array


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def buckets_of(part: pa.Table) -> Columns:
    """A bucket without a finite point is a gap of the line, and keeps its counts."""
    columns: Columns = {"step": floats(part, "start"), "time": floats(part, "ms")}
    counts = {name: floats(part, name).astype(np.uint32) for name in ("points", "nan", "above", "below", "nonpos")}
    gaps = counts["points"] == counts["nan"] + counts["above"] + counts["below"]
    for name in ("line", "low", "high"):
        values = floats(part, name)
        values[gaps] = np.nan
        columns[name] = values
    columns["points"] = counts["points"]
    columns |= {name: counts[name] for name in ("nan", "above", "below", "nonpos") if counts[name].any()}
    return columns


def floats(part: pa.Table, name: str) -> npt.NDArray[np.float64]:
    return np.array(part.column(name).to_numpy(), np.float64)


def empty() -> Columns:
    return {name: np.empty(0) for name in ("step", "time", "value")}


def mean_in_buckets(
    keys: npt.NDArray[Any], values: npt.NDArray[np.float64], wanted: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Of the finite values of each wanted key; keys ascend."""
    good = np.isfinite(values)
    keys, values = keys[good], values[good]
    starts, ends = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
    sums = np.concatenate([[0.0], np.cumsum(values)])
    with np.errstate(invalid="ignore"):
        return np.asarray((sums[ends] - sums[starts]) / (ends - starts), np.float64)
