"""What machines did, for charts: every sample where there are few, else buckets of time that hide no spike."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .payload import Payload, compact
from .sources import MetricSource

__all__ = ["system_series"]

_VIEW = """FROM v_system WHERE run = {run:UUID}
  AND time BETWEEN fromUnixTimestamp64Milli({low:Int64}, 'UTC') AND fromUnixTimestamp64Milli({high:Int64}, 'UTC')"""

_EXTENT = f"""
SELECT max(n) AS samples, min(first) AS low, max(last) AS high FROM (
  SELECT count() AS n, toUnixTimestamp64Milli(min(time)) AS first, toUnixTimestamp64Milli(max(time)) AS last
  {_VIEW} GROUP BY host, device, metric)
"""

_POINTS = f"""
SELECT host, device, metric, toUnixTimestamp64Milli(time) AS ms, value AS line, value AS low, value AS high, 1 AS points
{_VIEW} ORDER BY host, device, metric, ms SETTINGS output_format_arrow_low_cardinality_as_dictionary = 0
"""

# A bucket is a power of two of milliseconds, aligned to 1970: old buckets never change when samples are appended.
_BUCKETS = f"""
SELECT host, device, metric, toUnixTimestamp64Milli(min(time)) AS ms, avgIf(value, isFinite(value)) AS line,
  minIf(value, isFinite(value)) AS low, maxIf(value, isFinite(value)) AS high, count() AS points
{_VIEW}
GROUP BY host, device, metric, bitShiftRight(toUnixTimestamp64Milli(time), {{shift:UInt8}})
ORDER BY host, device, metric, ms SETTINGS output_format_arrow_low_cardinality_as_dictionary = 0
"""

_EVER_MS = (0, 1 << 42)  # to the year 2109, within what DateTime64 holds


def system_series(
    metrics: MetricSource, run: str, *, low: int | None = None, high: int | None = None, buckets: int = 600
) -> bytes:
    """The payload that web/src/views/useSystem.ts reads: at most about `buckets` points of each figure of each device.

    low, high: the part of the time that is in view, in milliseconds. The answer's `shift` is -1 where every sample is
    there, else a bucket is 2^shift milliseconds and has the least and greatest of its samples beside their mean.
    """
    view: dict[str, Any] = {
        "run": run,
        "low": _EVER_MS[0] if low is None else low,
        "high": _EVER_MS[1] if high is None else high,
    }
    [extent] = metrics.rows(_EXTENT, view)
    shift = -1
    if int(extent["samples"]) > buckets:
        shift = 10
        while (int(extent["high"]) >> shift) - (int(extent["low"]) >> shift) >= buckets:
            shift += 1
    table = metrics.query_arrow(_POINTS if shift < 0 else _BUCKETS, {**view, "shift": max(shift, 0)})
    payload = Payload()
    return payload.encode({"shift": shift, "series": _series(payload, table, shift)})


def _series(payload: Payload, table: pa.Table, shift: int) -> list[dict[str, Any]]:
    names = [_texts(table.column(name)) for name in ("host", "device", "metric")]
    columns = {
        name: table.column(name).to_numpy().astype(np.float64) for name in ("ms", "line", "low", "high", "points")
    }
    found = []
    for start, end in pairwise(_cuts(names, table.num_rows)):
        part = slice(start, end)
        one: dict[str, Any] = {
            name: column[start] for name, column in zip(("host", "device", "metric"), names, strict=True)
        }
        one["samples"] = int(columns["points"][part].sum())
        one["time"] = payload.add(columns["ms"][part])
        for name in ("line",) if shift < 0 else ("line", "low", "high"):
            one[name] = payload.add(compact(columns[name][part]))
        found.append(one)
    return found


def _cuts(names: list[npt.NDArray[Any]], rows: int) -> list[int]:
    """Where a series begins, and the end."""
    if not rows:
        return []
    new = np.zeros(rows, bool)
    new[0] = True
    for column in names:
        new[1:] |= column[1:] != column[:-1]
    return [*np.flatnonzero(new).tolist(), rows]


def _texts(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.asarray(column.cast(pa.string()).to_pylist(), object)
