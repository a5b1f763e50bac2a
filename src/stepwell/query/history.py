"""From points as they are stored to the wide table people want: step, rank, one column a metric.

Pure functions over Arrow and numpy; nothing is rounded, sampled or filled in.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .reader import LONG_SCHEMA

__all__ = ["chosen", "column_name", "history_schema", "widen"]

# The table's own columns. A metric called like one of them gets "metric:" before its name, and so does one
# whose name already looks like that, so that two metrics never share a column.
_TAKEN = re.compile(r"(metric:)*(run|step|rank)")

_Ints = npt.NDArray[np.int64]


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


def widen(points: pa.Table, metrics: Sequence[str]) -> pa.Table:
    """One row for each (step, rank) of the points, ascending; null where a metric has no point there.

    points: metric, rank, step, at, value, ordered by metric first. Points that share step and rank but not
    `at` (writers whose steps repeat) are rows of their own, in the order of `at`.
    """
    slices = _slices(points)
    keys, places = _rows({name: key for name, (key, _) in slices.items()})
    columns: dict[str, pa.Array] = {
        "step": pa.array(keys[:, 0], pa.int64()),
        "rank": pa.array(keys[:, 1].astype(np.uint32), pa.uint32()),
    }
    for name in metrics:
        columns[column_name(name)] = _column(slices.get(name), places.get(name), len(keys))
    return pa.table(columns)


def _slices(points: pa.Table) -> dict[str, tuple[_Ints, npt.NDArray[np.float64]]]:
    """By metric: its (step, rank, at) keys and its values."""
    if not points.num_rows:
        return {}
    metric = points.column("metric")
    if not pa.types.is_dictionary(metric.type):
        metric = metric.dictionary_encode()
    metric = metric.unify_dictionaries().combine_chunks()
    if isinstance(metric, pa.ChunkedArray):
        metric = metric.chunk(0)
    codes = np.asarray(metric.indices)
    names = metric.dictionary.to_pylist()
    keys = np.column_stack([points.column(name).to_numpy().astype(np.int64) for name in ("step", "rank", "at")])
    values = points.column("value").to_numpy()
    cuts = np.flatnonzero(np.diff(codes)) + 1
    starts = [0, *cuts.tolist()]
    ends = [*cuts.tolist(), len(codes)]
    return {
        _text(names[codes[start]]): (keys[start:end], values[start:end])
        for start, end in zip(starts, ends, strict=True)
    }


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _rows(keys: dict[str, _Ints]) -> tuple[_Ints, dict[str, _Ints]]:
    """(the rows' keys in order, for each metric the row of each of its points).

    Metrics that were logged together have the same keys, so those are sorted once.
    """
    alike: dict[bytes, list[str]] = {}
    for name, key in keys.items():
        alike.setdefault(key.tobytes(), []).append(name)
    groups = [(keys[names[0]], names) for names in alike.values()]
    if not groups:
        return np.empty((0, 3), np.int64), {}
    every = np.concatenate([key for key, _ in groups])
    order = np.lexsort((every[:, 2], every[:, 1], every[:, 0]))
    ordered = every[order]
    new = np.ones(len(ordered), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    place = np.empty(len(every), np.int64)
    place[order] = np.cumsum(new) - 1
    places: dict[str, _Ints] = {}
    at = 0
    for key, names in groups:
        places.update(dict.fromkeys(names, place[at : at + len(key)]))
        at += len(key)
    return ordered[new], places


def _column(points: tuple[_Ints, npt.NDArray[np.float64]] | None, place: _Ints | None, rows: int) -> pa.Array:
    values = np.zeros(rows, np.float64)
    missing = np.ones(rows, bool)
    if points is not None and place is not None:
        values[place] = points[1]
        missing[place] = False
    return pa.array(values, pa.float64(), mask=missing)  # a NaN that was logged stays a NaN, not a null
