"""How many points there are, and their buckets, as the parts of the store hold them: to merge is as dear as all else.

That is right where no step of a rank stands in two parts, as it is where a run goes forward: a part has no point twice.
Whether it is so is seen by what is read anyway, the first and the last step of each part, in a bucket or altogether.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from . import series_sql
from .series_scope import Scope
from .series_tables import Columns, Extent, buckets_of, floats, parts_of
from .sources import MetricSource

__all__ = ["buckets_by_parts", "extents_by_parts", "joined"]

_COUNTS = ("points", "nan", "above", "below", "nonpos")


def extents_by_parts(metrics: MetricSource, of: Scope, seen: str) -> dict[tuple[str, str], Extent | None]:
    """By (run, metric). None: of several ranks, or two parts have steps of one range. seen: SEEN_ALL or SEEN_PART."""
    query = series_sql.PART_EXTENTS.format(who=of.who, where=of.where, seen=seen, by=of.by("part"))
    return {series: _extent(part) for series, part in parts_of(metrics.query_arrow(query, of.parameters))}


def _extent(part: pa.Table) -> Extent | None:
    columns = {name: part.column(name).to_numpy() for name in ("lowest", "highest", "start", "final", "points", "seen")}
    order = np.argsort(columns["start"])
    overlap = columns["start"][order][1:] <= columns["final"][order][:-1]
    if overlap.any() or columns["lowest"].min() != columns["highest"].max():
        return None
    in_view = columns["seen"] > 0
    low, high = (part.column(name).to_numpy()[in_view] for name in ("low", "high"))
    return Extent(
        ranks=1,
        points=int(columns["points"].sum()),
        seen=int(columns["seen"].sum()),
        low=int(low.min()) if len(low) else 0,
        high=int(high.max()) if len(high) else 0,
    )


def buckets_by_parts(metrics: MetricSource, of: Scope, shift: int) -> dict[tuple[str, str], Columns | None]:
    """By (run, metric), each of one rank. None: two parts have steps of one range, and have to be merged."""
    query = series_sql.PART_BUCKETS.format(who=of.who, where=of.where, in_view=of.in_view, by=of.by("bucket"))
    table = metrics.query_arrow(query, {**of.parameters, "shift": shift})
    return {series: joined(part) for series, part in parts_of(table)}


def joined(part: pa.Table) -> Columns | None:
    """Of rows that are ordered by bucket and, within it, by their first step; None where their steps overlap."""
    bucket, start, final = (part.column(name).to_numpy() for name in ("bucket", "start", "final"))
    same = bucket[1:] == bucket[:-1]
    if (same & (start[1:] <= final[:-1])).any():
        return None
    first = np.flatnonzero(np.concatenate(([True], ~same)))
    counts = {name: np.add.reduceat(floats(part, name), first) for name in _COUNTS}
    # A row without a finite value has 0 for what it lacks.
    lacking = floats(part, "points") == sum(floats(part, name) for name in ("nan", "above", "below"))
    low = np.minimum.reduceat(np.where(lacking, np.inf, floats(part, "low")), first)
    high = np.maximum.reduceat(np.where(lacking, -np.inf, floats(part, "high")), first)
    finite = counts["points"] - counts["nan"] - counts["above"] - counts["below"]
    with np.errstate(invalid="ignore", divide="ignore"):
        line = np.add.reduceat(floats(part, "line"), first) / finite
    ms = np.minimum.reduceat(floats(part, "ms"), first)
    return buckets_of(pa.table({"start": start[first], "ms": ms, "line": line, "low": low, "high": high, **counts}))
