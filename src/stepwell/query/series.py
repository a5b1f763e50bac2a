"""Series for charts: every point where there are few, else one bucket for each power-of-two width of steps.

No view hides a spike: a bucket has the least and the greatest of its points beside the line. Called by the
service's page API; `encode` makes the browser's payload of the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from . import series_sql
from .local import MetricSource
from .payload import Payload, compact
from .smoothing import ema

__all__ = ["Extent", "Series", "SeriesAsked", "encode", "series"]

RAW_POINTS = 1500  # in view: drawn one by one up to here
BUCKETS_MAX = 4096
_I64 = (1 << 63) - 1


@dataclass(frozen=True)
class SeriesAsked:
    """One curve. run: its UUID. low, high: what is in view, in steps or (by_time) in ms since 1970; None: all.

    since: with `shift`, what the caller already holds: where the width has stayed the same only the part from this
    step on is answered.
    """

    run: str
    metric: str
    low: int | None = None
    high: int | None = None
    by_time: bool = False
    since: int | None = None
    shift: int | None = None


@dataclass(frozen=True)
class Extent:
    """Of a series as a whole (ranks, points) and in view (seen, low, high)."""

    ranks: int
    points: int
    seen: int
    low: int
    high: int


@dataclass(frozen=True)
class Series:
    """shift: a bucket is 2^shift steps; None: `columns` are points. since: None where this is all of the view."""

    asked: SeriesAsked
    extent: Extent
    shift: int | None
    since: int | None
    columns: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Plan:
    """Series that one query can answer."""

    shift: int | None
    ranks: bool
    low: int | None
    high: int | None
    by_time: bool


def series(
    metrics: MetricSource, asked: Sequence[SeriesAsked], *, buckets: int = 1024, smoothing: float = 0.0
) -> list[Series]:
    """In the order asked; a series without points in view has empty columns.

    buckets: at most this many a series (a chart asks for two a pixel). smoothing: weight of the moving average over
    the whole series, given as a column `smooth`; 0 for none.
    """
    buckets = max(16, min(buckets, BUCKETS_MAX))
    extents = _extents(metrics, asked)
    plans: dict[_Plan, list[SeriesAsked]] = defaultdict(list)
    for one in asked:
        extent = extents[one]
        if extent.seen:
            plans[_plan(one, extent, buckets)].append(one)
    found: dict[SeriesAsked, Series] = {}
    for plan, members in plans.items():
        found |= _answer(metrics, plan, members, extents)
    answers = [found.get(one, Series(one, extents[one], None, None, _empty())) for one in asked]
    if smoothing:
        for answer in answers:
            if answer.extent.seen:
                answer.columns["smooth"] = _smooth(metrics, answer, smoothing)
    return answers


def _plan(asked: SeriesAsked, extent: Extent, buckets: int) -> _Plan:
    several = extent.ranks > 1
    if extent.seen <= RAW_POINTS and not several:
        shift = None
    else:
        shift = 0
        while (extent.high >> shift) - (extent.low >> shift) >= buckets:
            shift += 1
    low = asked.low
    if asked.since is not None and asked.shift == (-1 if shift is None else shift) and not asked.by_time:
        since = asked.since if shift is None else asked.since >> shift << shift
        low = since if low is None else max(low, since)
    return _Plan(shift, several, low, asked.high, asked.by_time)


def _answer(
    metrics: MetricSource, plan: _Plan, members: list[SeriesAsked], extents: dict[SeriesAsked, Extent]
) -> dict[SeriesAsked, Series]:
    where, parameters = _view(plan.low, plan.high, plan.by_time)
    parameters |= _named(members)
    if plan.shift is None:
        table = metrics.query_arrow(series_sql.POINTS.format(where), parameters)
    else:
        line = series_sql.MEDIAN if plan.ranks else series_sql.MEAN
        table = metrics.query_arrow(series_sql.BUCKETS.format(where, line), {**parameters, "shift": plan.shift})
    parts = dict(_parts(table))
    answers = {}
    for one in members:
        part = parts.get((one.run, one.metric))
        columns = _empty() if part is None else _points(part) if plan.shift is None else _buckets(part)
        since = plan.low if plan.low != one.low else None
        answers[one] = Series(one, extents[one], plan.shift, since, columns)
    return answers


def _extents(metrics: MetricSource, asked: Sequence[SeriesAsked]) -> dict[SeriesAsked, Extent]:
    views: dict[tuple[int | None, int | None, bool], list[SeriesAsked]] = defaultdict(list)
    for one in asked:
        views[one.low, one.high, one.by_time].append(one)
    extents = dict.fromkeys(asked, Extent(0, 0, 0, 0, 0))
    for (low, high, by_time), members in views.items():
        where, parameters = _view(low, high, by_time)
        rows = metrics.rows(series_sql.EXTENTS.format(where), {**parameters, **_named(members)})
        by_name = {(row.pop("uuid"), row.pop("name")): Extent(**{k: int(v) for k, v in row.items()}) for row in rows}
        for one in members:
            extents[one] = by_name.get((one.run, one.metric), extents[one])
    return extents


def _view(low: int | None, high: int | None, by_time: bool) -> tuple[str, dict[str, Any]]:
    column = "toUnixTimestamp64Milli(time)" if by_time else "step"
    parameters = {"low": -_I64 if low is None else low, "high": _I64 if high is None else high}
    return f"{column} BETWEEN {{low:Int64}} AND {{high:Int64}}", parameters


def _named(members: Iterable[SeriesAsked]) -> dict[str, Any]:
    members = list(members)
    return {"runs": sorted({one.run for one in members}), "metrics": sorted({one.metric for one in members})}


def _parts(table: pa.Table) -> Iterator[tuple[tuple[str, str], pa.Table]]:
    """Slices of one (run, metric) each; the table is ordered by both."""
    if not table.num_rows:
        return
    runs = table.column("uuid").combine_chunks().dictionary_encode()
    names = table.column("name").combine_chunks().dictionary_encode()
    runs, names = _one(runs), _one(names)
    codes = np.asarray(runs.indices).astype(np.int64) << 32 | np.asarray(names.indices)
    cuts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for start, end in pairwise(cuts):
        key = (_text(runs[start].as_py()), _text(names[start].as_py()))
        yield key, table.slice(start, end - start)


def _one(array: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    return array.chunk(0) if isinstance(array, pa.ChunkedArray) else array


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _points(part: pa.Table) -> dict[str, npt.NDArray[Any]]:
    return {
        "step": _floats(part, "step"),
        "time": _floats(part, "ms"),
        "value": _floats(part, "value"),
    }


def _buckets(part: pa.Table) -> dict[str, npt.NDArray[Any]]:
    columns: dict[str, npt.NDArray[Any]] = {"step": _floats(part, "start"), "time": _floats(part, "ms")}
    counts = {name: _floats(part, name).astype(np.uint32) for name in ("points", "nan", "above", "below")}
    empty = counts["points"] == counts["nan"] + counts["above"] + counts["below"]
    for name in ("line", "low", "high", "first", "last"):
        values = _floats(part, name)
        values[empty] = np.nan
        columns[name] = values
    columns["points"] = counts["points"]
    columns |= {name: counts[name] for name in ("nan", "above", "below") if counts[name].any()}
    return columns


def _floats(part: pa.Table, name: str) -> npt.NDArray[np.float64]:
    return np.array(part.column(name).to_numpy(), np.float64)


def _empty() -> dict[str, npt.NDArray[Any]]:
    return {name: np.empty(0) for name in ("step", "time", "value")}


def _smooth(metrics: MetricSource, answer: Series, weight: float) -> npt.NDArray[np.float64]:
    """The average over everything, then the mean of it in each bucket (or itself at each point)."""
    asked, steps = answer.asked, answer.columns["step"].astype(np.int64)
    table = metrics.query_arrow(series_sql.WHOLE, {"run": asked.run, "metric": asked.metric})
    all_steps = table.column("step").to_numpy().astype(np.int64)
    smooth = ema(table.column("value").to_numpy().astype(np.float64), weight)
    if answer.shift is None and len(steps):
        # Points of one step (a writer whose steps repeat) follow each other in both.
        start = int(np.searchsorted(all_steps, steps[0]))
        return smooth[start : start + len(steps)] if not asked.by_time else smooth[np.searchsorted(all_steps, steps)]
    good = np.isfinite(smooth)
    keys, values = all_steps[good] >> (answer.shift or 0), smooth[good]
    wanted = steps >> (answer.shift or 0)
    starts, ends = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
    sums = np.concatenate([[0.0], np.cumsum(values)])
    with np.errstate(invalid="ignore"):
        return np.asarray((sums[ends] - sums[starts]) / (ends - starts), np.float64)


def encode(answers: Sequence[Series]) -> bytes:
    """As web/src/api/series.ts reads it."""
    payload = Payload()
    body = []
    for answer in answers:
        columns = {}
        for name, values in answer.columns.items():
            exact = name in ("step", "time") or values.dtype != np.float64
            columns[name] = payload.add(values if exact else compact(values))
        extent = answer.extent
        body.append(
            {
                "run": answer.asked.run,
                "metric": answer.asked.metric,
                "shift": -1 if answer.shift is None else answer.shift,
                "since": answer.since,
                "points": extent.points,
                "seen": extent.seen,
                "ranks": extent.ranks,
                "columns": columns,
            }
        )
    return payload.encode(body)
