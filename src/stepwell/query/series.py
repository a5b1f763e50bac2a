"""Series for charts: every point where there are few, else one bucket for each power-of-two width of steps.

No view hides a spike: a bucket has the least and the greatest of its points beside the line. Called by the
service's page API; `encode` makes the browser's payload of the answer.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from . import series_sql
from .payload import Payload, compact, decode
from .series_crossed import crossed
from .series_grouped import grouped
from .series_parts import buckets_by_parts, extents_by_parts
from .series_scope import MERGED, UNMERGED, View, scope, source_of
from .series_tables import Columns, Extent, Series, SeriesAsked, buckets_of, empty, floats, mean_in_buckets, parts_of
from .smoothing import ema
from .sources import MetricSource

__all__ = ["Extent", "Series", "SeriesAsked", "decode_series", "encode", "series"]

RAW_POINTS = 1500  # in view: drawn one by one up to here
BUCKETS_MAX = 4096
FEW_SERIES = 4  # as many as are looked at one by one


@dataclass(frozen=True)
class _Plan:
    """Series that one query can answer."""

    shift: int | None
    ranks: bool
    view: View


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
    if not asked:
        return {}
    source = source_of(metrics, asked)
    # To merge the points twice, once to count them and once to draw them, would be to do what is dear twice. Where all
    # is in view, what the parts hold tells the bounds as well, and how many points there are by what is drawn.
    rough = [one for one in asked if source == MERGED and one.since is None and _view_of(one).whole]
    known = set(rough)
    extents = _extents(metrics, source, [one for one in asked if one not in known])
    extents |= _rough_extents(metrics, rough)
    found = _answers(metrics, source, asked, extents, buckets)
    found |= {one: _counted(found[one]) for one in rough}
    # So many were written twice that what is left is few.
    few = [one for one in rough if found[one].shift is not None and found[one].extent.seen <= RAW_POINTS]
    few = [one for one in few if found[one].extent.ranks == 1]
    found |= _answers(metrics, source, few, {one: found[one].extent for one in few}, buckets)
    if smoothing:
        for answer in found.values():
            if answer.extent.seen:
                answer.columns["smooth"] = _smooth(metrics, answer, smoothing)
    return found


def _answers(
    metrics: MetricSource, source: str, asked: Sequence[SeriesAsked], extents: dict[SeriesAsked, Extent], buckets: int
) -> dict[SeriesAsked, Series]:
    """Each as its extent asks for: a query for all that one query can answer."""
    plans: dict[_Plan, list[SeriesAsked]] = defaultdict(list)
    for one in asked:
        if extents[one].seen:
            plans[_plan(one, extents[one], buckets)].append(one)
    found = {one: Series(one, extents[one], None, None, empty()) for one in asked}
    for plan, members in plans.items():
        found |= _answer(metrics, source, plan, members, extents)
    return found


def _counted(answer: Series) -> Series:
    """Its extent by the points that are drawn, all of them in view."""
    columns = answer.columns
    points = len(columns["step"]) if answer.shift is None else int(columns["points"].sum())
    return replace(answer, extent=replace(answer.extent, points=points, seen=points))


def _plan(asked: SeriesAsked, extent: Extent, buckets: int) -> _Plan:
    several = extent.ranks > 1
    if extent.seen <= RAW_POINTS and not several:
        shift = None
    else:
        shift = 0
        while (int(extent.high) >> shift) - (int(extent.low) >> shift) >= buckets:
            shift += 1
    view = _view_of(asked)
    if asked.since is not None and asked.shift == (-1 if shift is None else shift) and not asked.by_time:
        since = asked.since if shift is None else asked.since >> shift << shift
        view = View(since if view.low is None else max(view.low, since), view.high, view.by_time)
    return _Plan(shift, several, view)


def _answer(
    metrics: MetricSource,
    source: str,
    plan: _Plan,
    members: list[SeriesAsked],
    extents: dict[SeriesAsked, Extent],
) -> dict[SeriesAsked, Series]:
    columns = _columns(metrics, source, plan, members)
    answers = {}
    for one in members:
        since = plan.view.low if plan.view != _view_of(one) else None
        answers[one] = Series(one, extents[one], plan.shift, since, columns.get((one.run, one.metric)) or empty())
    return answers


def _columns(
    metrics: MetricSource, source: str, plan: _Plan, members: list[SeriesAsked]
) -> dict[tuple[str, str], Columns]:
    """By (run, metric)."""
    if plan.shift is None:
        return {series: _points(part) for series, part in _parts(metrics, source, plan, members, series_sql.POINTS)}
    found: dict[tuple[str, str], Columns] = {}
    # A point that was written again may have another time: which of the two is in view, merging alone tells.
    if source == MERGED and not plan.ranks and not plan.view.by_time:
        by_parts = buckets_by_parts(metrics, scope(UNMERGED, members, plan.view), plan.shift)
        found = {series: columns for series, columns in by_parts.items() if columns is not None}
        members = [one for one in members if by_parts.get((one.run, one.metric), found) is None]
    if members:
        parts = _parts(metrics, source, plan, members, series_sql.BUCKETS)
        found |= {series: buckets_of(part) for series, part in parts}
    return found


def _parts(
    metrics: MetricSource, source: str, plan: _Plan, members: list[SeriesAsked], query: str
) -> Iterator[tuple[tuple[str, str], pa.Table]]:
    of = scope(source, members, plan.view)
    texts = {"who": of.who, "source": of.source, "where": of.where, "in_view": of.in_view}
    if plan.shift is None:
        table = metrics.query_arrow(query.format(**texts, by=of.by("step", "at")), of.parameters)
    else:
        line = series_sql.MEDIAN if plan.ranks else series_sql.MEAN
        asked = query.format(**texts, by=of.by("bucket"), line=line)
        table = metrics.query_arrow(asked, {**of.parameters, "shift": plan.shift})
    return parts_of(table)


def _rough_extents(metrics: MetricSource, asked: Sequence[SeriesAsked]) -> dict[SeriesAsked, Extent]:
    """By what the parts hold. Of a few series of one rank the ends are enough, and to read all for them is dear."""
    extents: dict[SeriesAsked, Extent] = {}
    if 0 < len(asked) <= FEW_SERIES:
        query = " UNION ALL ".join(series_sql.ENDS.format(i=i) for i in range(len(asked)))
        parameters = {f"run{i}": one.run for i, one in enumerate(asked)}
        parameters |= {f"metric{i}": one.metric for i, one in enumerate(asked)}
        rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in metrics.rows(query, parameters):
            rows[int(row["series"])].append(row)
        for i, one in enumerate(asked):
            points = sum(int(row["points"]) for row in rows[i])
            ends = [row for row in rows[i] if not row["points"]]
            if not points:
                extents[one] = Extent(0, 0, 0, 0, 0)
            elif len({int(row["rank"]) for row in ends}) == 1:
                steps = [int(row["step"]) for row in ends]
                extents[one] = Extent(1, points, points, min(steps), max(steps))
    return extents | _extents(metrics, UNMERGED, [one for one in asked if one not in extents])


def _extents(metrics: MetricSource, source: str, asked: Sequence[SeriesAsked]) -> dict[SeriesAsked, Extent]:
    views: dict[View, list[SeriesAsked]] = defaultdict(list)
    for one in asked:
        views[_view_of(one)].append(one)
    extents = dict.fromkeys(asked, Extent(0, 0, 0, 0, 0))
    for view, members in views.items():
        found = _extents_in(metrics, source, view, members)
        extents |= {one: found[one.run, one.metric] for one in members if (one.run, one.metric) in found}
    return extents


def _extents_in(
    metrics: MetricSource, source: str, view: View, members: list[SeriesAsked]
) -> dict[tuple[str, str], Extent]:
    of = scope(source, members, view)
    seen = series_sql.SEEN_ALL if view.whole else series_sql.SEEN_PART.format(of.in_view)
    found: dict[tuple[str, str], Extent] = {}
    if source == MERGED:
        by_parts = extents_by_parts(metrics, of, seen)
        found = {series: extent for series, extent in by_parts.items() if extent is not None}
        members = [one for one in members if by_parts.get((one.run, one.metric), found) is None]
        if not members:
            return found
        of = scope(source, members, view)
    query = series_sql.EXTENTS.format(
        who=of.who,
        source=of.source,
        where=of.where,
        seen=seen,
        by=f"GROUP BY {of.by()}" if of.keys else "",
    )
    for row in metrics.rows(query, of.parameters):
        key = row.pop("uuid"), row.pop("name")
        found[key] = Extent(**{name: int(value) for name, value in row.items()})
    return found


def _view_of(asked: SeriesAsked) -> View:
    low, high = (None if end is None else int(end) for end in (asked.low, asked.high))
    return View(low, high, asked.by_time)


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


def decode_series(data: bytes, asked: Sequence[SeriesAsked]) -> list[Series]:
    """What `encode` made of the answers to `asked`, but for the bounds of each extent, which do not travel.

    Raises ValueError for anything else.
    """
    body, arrays = decode(data)
    return [
        Series(
            asked=one,
            extent=Extent(told["ranks"], told["points"], told["seen"], math.nan, math.nan, told["unplaced"]),
            shift=None if told["shift"] < 0 else told["shift"],
            since=told["since"],
            columns={name: _wide(arrays[place]) for name, place in told["columns"].items()},
            width=told["width"],
        )
        for one, told in zip(asked, body, strict=True)
    ]


def _wide(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.astype(np.float64) if values.dtype.kind == "f" else values
