"""Series for charts: every point where there are few, else one bucket for each power-of-two width of steps.

No view hides a spike: a bucket has the least and the greatest of its points beside the line. Called by the
service's page API; `encode` makes the browser's payload of the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import series_sql
from .local import MetricSource
from .payload import Payload, compact
from .series_crossed import crossed
from .series_grouped import grouped
from .series_tables import Columns, Extent, Series, SeriesAsked, buckets_of, empty, floats, mean_in_buckets, parts_of
from .smoothing import ema

__all__ = ["Extent", "Series", "SeriesAsked", "encode", "series"]

RAW_POINTS = 1500  # in view: drawn one by one up to here
BUCKETS_MAX = 4096
_I64 = (1 << 63) - 1


@dataclass(frozen=True)
class _Plan:
    """Series that one query can answer."""

    shift: int | None
    ranks: bool
    low: int | None
    high: int | None
    by_time: bool


def series(
    metrics: MetricSource,
    asked: Sequence[SeriesAsked],
    *,
    buckets: int = 1024,
    smoothing: float = 0.0,
    median: bool = False,
) -> list[Series]:
    """In the order asked; a series without points in view has empty columns.

    buckets: at most this many a series (a chart asks for two a pixel). smoothing: weight of the moving average over
    the whole series, given as a column `smooth`; 0 for none. median: of the runs of a group, instead of their mean.
    """
    buckets = max(16, min(buckets, BUCKETS_MAX))
    found: dict[SeriesAsked, Series] = {}
    over_steps = [one for one in asked if one.x is None and not one.members]
    found |= _over_steps(metrics, over_steps, buckets, smoothing)
    by_x: dict[str, list[SeriesAsked]] = defaultdict(list)
    for one in asked:
        if one.x is not None:
            by_x[one.x].append(one)
    for x, members in by_x.items():
        found |= crossed(metrics, x, members, buckets=buckets, raw_points=RAW_POINTS, smoothing=smoothing)
    groups = [one for one in asked if one.members and one.x is None]
    found |= grouped(metrics, groups, buckets=buckets, smoothing=smoothing, median=median)
    return [found[one] for one in asked]


def _over_steps(
    metrics: MetricSource, asked: Sequence[SeriesAsked], buckets: int, smoothing: float
) -> dict[SeriesAsked, Series]:
    extents = _extents(metrics, asked)
    plans: dict[_Plan, list[SeriesAsked]] = defaultdict(list)
    for one in asked:
        extent = extents[one]
        if extent.seen:
            plans[_plan(one, extent, buckets)].append(one)
    found = {one: Series(one, extents[one], None, None, empty()) for one in asked}
    for plan, members in plans.items():
        found |= _answer(metrics, plan, members, extents)
    if smoothing:
        for answer in found.values():
            if answer.extent.seen:
                answer.columns["smooth"] = _smooth(metrics, answer, smoothing)
    return found


def _plan(asked: SeriesAsked, extent: Extent, buckets: int) -> _Plan:
    several = extent.ranks > 1
    if extent.seen <= RAW_POINTS and not several:
        shift = None
    else:
        shift = 0
        while (int(extent.high) >> shift) - (int(extent.low) >> shift) >= buckets:
            shift += 1
    low = None if asked.low is None else int(asked.low)
    if asked.since is not None and asked.shift == (-1 if shift is None else shift) and not asked.by_time:
        since = asked.since if shift is None else asked.since >> shift << shift
        low = since if low is None else max(low, since)
    return _Plan(shift, several, low, None if asked.high is None else int(asked.high), asked.by_time)


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
    parts = dict(parts_of(table))
    answers = {}
    for one in members:
        part = parts.get((one.run, one.metric))
        columns = empty() if part is None else _points(part) if plan.shift is None else buckets_of(part)
        since = plan.low if plan.low != one.low else None
        answers[one] = Series(one, extents[one], plan.shift, since, columns)
    return answers


def _extents(metrics: MetricSource, asked: Sequence[SeriesAsked]) -> dict[SeriesAsked, Extent]:
    views: dict[tuple[int | None, int | None, bool], list[SeriesAsked]] = defaultdict(list)
    for one in asked:
        low, high = (None if end is None else int(end) for end in (one.low, one.high))
        views[low, high, one.by_time].append(one)
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


def _points(part: Any) -> Columns:
    return {"step": floats(part, "step"), "time": floats(part, "ms"), "value": floats(part, "value")}


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
    shift = answer.shift or 0
    return mean_in_buckets(all_steps >> shift, smooth, steps >> shift)


def encode(answers: Sequence[Series]) -> bytes:
    """As web/src/charts/series.ts reads it."""
    payload = Payload()
    body = []
    for answer in answers:
        columns = {}
        for name, values in answer.columns.items():
            exact = name in ("step", "time", "x") or values.dtype != np.float64
            columns[name] = payload.add(values if exact else compact(values))
        extent = answer.extent
        body.append(
            {
                "run": answer.asked.run,
                "metric": answer.asked.metric,
                "shift": -1 if answer.shift is None else answer.shift,
                "width": answer.width,
                "since": answer.since,
                "points": extent.points,
                "seen": extent.seen,
                "unplaced": extent.unplaced,
                "ranks": extent.ranks,
                "columns": columns,
            }
        )
    return payload.encode(body)
