"""Series over another metric instead of steps: joined on the step, exactly, and bucketed by that metric's values."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from . import series_sql
from .series_tables import Columns, Extent, Series, SeriesAsked, buckets_of, empty, floats, mean_in_buckets, parts_of
from .smoothing import ema
from .sources import MetricSource

__all__ = ["crossed"]

_FAR = sys.float_info.max


def crossed(
    metrics: MetricSource, x: str, asked: Sequence[SeriesAsked], *, buckets: int, raw_points: int, smoothing: float
) -> dict[SeriesAsked, Series]:
    """Points in order of their step where there are few; else buckets in order of x. Both have a column `x`.

    A point at whose step `x` was not logged has no place: it is counted (Extent.unplaced), never guessed.
    """
    found: dict[SeriesAsked, Series] = {}
    views: dict[tuple[float | None, float | None], list[SeriesAsked]] = defaultdict(list)
    for one in asked:
        views[one.low, one.high].append(one)
    for (low, high), members in views.items():
        named: dict[str, Any] = {
            "runs": sorted({one.run for one in members}),
            "metrics": sorted({one.metric for one in members}),
            "x": x,
            "low": -_FAR if low is None else float(low),
            "high": _FAR if high is None else float(high),
        }
        found |= _in_view(metrics, named, members, buckets, raw_points)
    if smoothing:
        for answer in found.values():
            if answer.extent.seen:
                answer.columns["smooth"] = _smooth(metrics, answer, smoothing)
    return found


def _in_view(
    metrics: MetricSource, named: dict[str, Any], members: list[SeriesAsked], buckets: int, raw_points: int
) -> dict[SeriesAsked, Series]:
    extents = {(row["uuid"], row["name"]): _extent(row) for row in metrics.rows(series_sql.CROSSED_EXTENTS, named)}
    widths: dict[float | None, list[SeriesAsked]] = defaultdict(list)
    found = {}
    for one in members:
        extent = extents.get((one.run, one.metric), Extent(0, 0, 0, 0, 0))
        found[one] = Series(one, extent, None, None, {**empty(), "x": np.empty(0)})
        if extent.seen:
            few = extent.seen <= raw_points and extent.ranks == 1
            widths[None if few else _width(extent.low, extent.high, buckets)].append(one)
    for width, some in widths.items():
        asked = {**named, "runs": sorted({one.run for one in some}), "metrics": sorted({one.metric for one in some})}
        if width is None:
            table = metrics.query_arrow(series_sql.CROSSED_POINTS, asked)
        else:
            # Ranks at one x are a median, as over steps; a group of queries by rank would be one query a series.
            ranks = any(found[one].extent.ranks > 1 for one in some)
            line = series_sql.MEDIAN if ranks else series_sql.MEAN
            table = metrics.query_arrow(series_sql.CROSSED_BUCKETS.format(None, line), {**asked, "width": width})
        parts = dict(parts_of(table))
        for one in some:
            part = parts.get((one.run, one.metric))
            if part is not None:
                columns = _points(part) if width is None else {**buckets_of(part), "x": floats(part, "abscissa")}
                found[one] = Series(one, found[one].extent, None if width is None else 0, None, columns, width)
    return found


def _extent(row: dict[str, Any]) -> Extent:
    ranks, points, seen, unplaced = (int(row[name]) for name in ("ranks", "points", "seen", "unplaced"))
    return Extent(ranks, points, seen, float(row["low"]), float(row["high"]), unplaced)


def _width(low: float, high: float, buckets: int) -> float:
    """The least power of two by which [low, high] is at most `buckets` buckets aligned to 0."""
    if not high > low:
        return 1.0
    power = math.frexp((high / buckets) - (low / buckets))[1] - 1
    while math.floor(high / 2.0**power) - math.floor(low / 2.0**power) >= buckets:
        power += 1
    return 2.0**power


def _points(part: pa.Table) -> Columns:
    names = {"step": "step", "time": "ms", "value": "value", "x": "x"}
    return {name: floats(part, column) for name, column in names.items()}


def _smooth(metrics: MetricSource, answer: Series, weight: float) -> npt.NDArray[np.float64]:
    """The average runs over the steps, as they were trained; x only says where it is drawn."""
    asked = answer.asked
    table = metrics.query_arrow(
        series_sql.CROSSED_WHOLE, {"run": asked.run, "metric": asked.metric, "x": asked.x or ""}
    )
    smooth = ema(floats(table, "value"), weight)
    x, placed = floats(table, "x"), floats(table, "placed") > 0
    if answer.width is None:
        low, high = asked.low, asked.high
        inside = placed & (x >= (-_FAR if low is None else low)) & (x <= (_FAR if high is None else high))
        return smooth[inside]
    keys = np.floor(x[placed] / answer.width)
    order = np.argsort(keys, kind="stable")
    return mean_in_buckets(keys[order], smooth[placed][order], np.floor(answer.columns["x"] / answer.width))
