"""The ranks of one series apart: the mean of each rank in each bucket of steps, for a heatmap of rank by step."""

from __future__ import annotations

import numpy as np

from .payload import Payload, compact
from .series_tables import floats
from .sources import MetricSource

__all__ = ["rank_matrix"]

_EXTENT = """
SELECT count() AS points, min(step) AS low, max(step) AS high FROM v_scalars
WHERE run = {run:UUID} AND metric = {metric:String} AND step BETWEEN {low:Int64} AND {high:Int64}
"""

_MEANS = """
SELECT rank, bitShiftRight(step, {shift:UInt8}) AS bucket, avgIf(value, isFinite(value)) AS mean, min(step) AS start
FROM v_scalars WHERE run = {run:UUID} AND metric = {metric:String} AND step BETWEEN {low:Int64} AND {high:Int64}
GROUP BY rank, bucket ORDER BY bucket, rank
"""

_I64 = (1 << 63) - 1


def rank_matrix(
    metrics: MetricSource, run: str, metric: str, *, low: int | None = None, high: int | None = None, buckets: int = 512
) -> bytes:
    """As web/src/heat/ranks.ts reads it: ranks, the first step of each bucket, and their means bucket by bucket.

    A rank without a finite point in a bucket is NaN there.
    """
    named = {"run": run, "metric": metric, "low": -_I64 if low is None else low, "high": _I64 if high is None else high}
    [extent] = metrics.rows(_EXTENT, named)
    shift = 0
    while (int(extent["high"]) >> shift) - (int(extent["low"]) >> shift) >= buckets:
        shift += 1
    table = metrics.query_arrow(_MEANS, {**named, "shift": shift})
    ranks, row = np.unique(floats(table, "rank"), return_inverse=True)
    keys, column = np.unique(floats(table, "bucket"), return_inverse=True)
    values = np.full((len(keys), len(ranks)), np.nan)
    values[column, row] = floats(table, "mean")
    steps = np.full(len(keys), np.inf)
    np.minimum.at(steps, column, floats(table, "start"))
    payload = Payload()
    body = {
        "shift": shift,
        "points": int(extent["points"]),
        "ranks": payload.add(ranks),
        "step": payload.add(steps),
        "values": payload.add(compact(values.reshape(-1))),
    }
    return payload.encode(body)
