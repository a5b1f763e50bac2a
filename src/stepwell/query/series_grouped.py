"""Several runs as one line: the mean (or median) of the runs at each step, between the least and the greatest point.

A step is one that some run has logged, and the column `runs` says how many have: none is interpolated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import series_sql
from .series_tables import Extent, Series, SeriesAsked, buckets_of, empty, floats, mean_in_buckets, parts_of
from .smoothing import ema
from .sources import MetricSource

__all__ = ["grouped"]

_I64 = (1 << 63) - 1
_VIEW = "step BETWEEN {low:Int64} AND {high:Int64}"
_OUTER = {False: "avgIf(of.line, isFinite(of.line))", True: "quantileExactInclusiveIf(0.5)(of.line, isFinite(of.line))"}
_WHOLE = {False: "avg(line)", True: "quantileExactInclusive(0.5)(line)"}


def grouped(
    metrics: MetricSource, asked: Sequence[SeriesAsked], *, buckets: int, smoothing: float, median: bool
) -> dict[SeriesAsked, Series]:
    """Always buckets, of one step where there are few steps. A run may be in one group only."""
    found: dict[SeriesAsked, Series] = {}
    views: dict[tuple[int | None, int | None], list[SeriesAsked]] = defaultdict(list)
    for one in asked:
        views[None if one.low is None else int(one.low), None if one.high is None else int(one.high)].append(one)
    for (low, high), members in views.items():
        named = _named(members, low, high)
        extents = {
            (row.pop("uuid"), row.pop("name")): Extent(**{name: int(value) for name, value in row.items()})
            for row in metrics.rows(series_sql.GROUP_EXTENTS.format(_VIEW), named)
        }
        shifts: dict[int, list[SeriesAsked]] = defaultdict(list)
        for one in members:
            extent = extents.get((one.run, one.metric), Extent(0, 0, 0, 0, 0))
            found[one] = Series(one, extent, 0, None, empty())
            if extent.seen:
                shifts[_shift(int(extent.low), int(extent.high), buckets)].append(one)
        for shift, some in shifts.items():
            query = series_sql.GROUP_BUCKETS.format(_VIEW, series_sql.MEAN, _OUTER[median])
            table = metrics.query_arrow(query, {**_named(some, low, high), "shift": shift})
            parts = dict(parts_of(table))
            for one in some:
                part = parts[one.run, one.metric]
                columns = {**buckets_of(part), "runs": floats(part, "runs").astype(np.uint32)}
                if smoothing:
                    columns["smooth"] = _smooth(metrics, one, columns["step"], shift, smoothing, median)
                found[one] = Series(one, found[one].extent, shift, None, columns)
    return found


def _named(members: Sequence[SeriesAsked], low: int | None, high: int | None) -> dict[str, Any]:
    labels = {run: one.run for one in members for run in one.members}
    return {
        "runs": sorted(labels),
        "members": list(labels),
        "labels": list(labels.values()),
        "metrics": sorted({one.metric for one in members}),
        "low": -_I64 if low is None else low,
        "high": _I64 if high is None else high,
    }


def _shift(low: int, high: int, buckets: int) -> int:
    shift = 0
    while (high >> shift) - (low >> shift) >= buckets:
        shift += 1
    return shift


def _smooth(
    metrics: MetricSource, asked: SeriesAsked, steps: np.ndarray[Any, Any], shift: int, weight: float, median: bool
) -> np.ndarray[Any, np.dtype[np.float64]]:
    query = series_sql.GROUP_WHOLE.format(_WHOLE[median])
    table = metrics.query_arrow(query, {"runs": list(asked.members), "metric": asked.metric})
    smooth = ema(floats(table, "value"), weight)
    return mean_in_buckets(floats(table, "step").astype(np.int64) >> shift, smooth, steps.astype(np.int64) >> shift)
