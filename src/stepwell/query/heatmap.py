"""Histograms over steps for a heatmap: columns merged by adding counts, buckets never rebinned to a linear scale."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .payload import Payload
from .sources import MetricSource

__all__ = ["heatmap"]

_EXTENT = """
SELECT count() AS histograms, min(step) AS low, max(step) AS high
FROM v_histograms WHERE run = {run:UUID} AND metric = {metric:String}
"""

# One row a histogram; edges are those of a histogram that was kept as its writer gave it.
_ROWS = """
SELECT step, count, sum, min, max, nans AS `nan`, pos_inf, neg_inf, buckets, counts, edges
FROM v_histograms WHERE run = {run:UUID} AND metric = {metric:String} ORDER BY step, rank, at
"""


@dataclass
class _Column:
    step: int
    last_step: int
    merged: int
    count: int
    sum: float
    low: float
    high: float
    nan: int
    above: int
    below: int
    buckets: dict[int, float]


def heatmap(metrics: MetricSource, run: str, metric: str, columns: int = 512) -> bytes:
    """The payload that web/src/heat/columns.ts reads: at most about `columns` columns of sparse buckets.

    A bucket's code is the top 12 bits (sign, exponent, 3 of the mantissa) of the float32 at its lower edge. A histogram
    given with edges of its own is spread over these in proportion to width, and the answer says so (`given`).
    """
    named = {"run": run, "metric": metric}
    [extent] = metrics.rows(_EXTENT, named)
    shift = 0
    while (int(extent["high"]) >> shift) - (int(extent["low"]) >> shift) >= columns and extent["histograms"] > columns:
        shift += 1
    merged: dict[int, _Column] = {}
    given = 0
    for batch in metrics.stream_arrow(_ROWS, named):
        given += _merge(merged, pa.Table.from_batches([batch]), shift)
    return _encode([merged[key] for key in sorted(merged)], shift, int(extent["histograms"]), given)


def _merge(merged: dict[int, _Column], rows: pa.Table, shift: int) -> int:
    given = 0
    for row in rows.to_pylist():
        key = row["step"] >> shift
        column = merged.get(key)
        if column is None:
            column = merged[key] = _Column(row["step"], row["step"], 0, 0, 0.0, np.inf, -np.inf, 0, 0, 0, {})
        column.merged += 1
        column.last_step = max(column.last_step, row["step"])
        finite = row["count"] - row["nan"] - row["pos_inf"] - row["neg_inf"]
        column.count += row["count"]
        column.sum += row["sum"]
        column.nan += row["nan"]
        column.above += row["pos_inf"]
        column.below += row["neg_inf"]
        if finite:
            column.low, column.high = min(column.low, row["min"]), max(column.high, row["max"])
        pairs = zip(row["buckets"], row["counts"], strict=True)
        if row["edges"]:
            given += 1
            pairs = iter(_spread(np.asarray(row["edges"]), np.asarray(row["counts"], np.float64)))  # type: ignore[assignment]
        for code, count in pairs:
            column.buckets[code] = column.buckets.get(code, 0) + count
    return given


def _spread(edges: npt.NDArray[np.float64], counts: npt.NDArray[np.float64]) -> list[tuple[int, float]]:
    """Counts between given edges, over the log-linear buckets that each bin overlaps."""
    spread: list[tuple[int, float]] = []
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        if count <= 0 or not np.isfinite([low, high]).all():
            continue
        if high <= low:
            spread.append((_code(low), count))
            continue
        cuts = _cuts(low, high)
        shares = np.diff(cuts) / (high - low)
        spread += [(_code((a + b) / 2), count * share) for a, b, share in zip(cuts, cuts[1:], shares, strict=False)]
    return spread


def _cuts(low: float, high: float) -> npt.NDArray[np.float64]:
    """low, every bucket edge between, high; magnitudes below a thousandth of the bin's ends are one piece."""
    floor = max(abs(low), abs(high)) * 1e-3
    inner = _edges_from(floor, max(abs(low), abs(high)))
    both = sorted({*(-edge for edge in inner), *inner, 0.0})
    return np.array([low, *(edge for edge in both if low < edge < high), high])


def _edges_from(low: float, high: float) -> list[float]:
    start, end = _code(low), _code(high)
    return [_lower_edge(code) for code in range(start, end + 1)]


def _code(value: float) -> int:
    with np.errstate(over="ignore", under="ignore"):
        bits = int(np.float32(value).view(np.uint32))
    return min(bits >> 20, 0x7F7) if value >= 0 else min(bits >> 20, 0xFF7)


def _lower_edge(code: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", code << 20))[0])


def _encode(columns: list[_Column], shift: int, histograms: int, given: int) -> bytes:
    payload = Payload()

    def floats(values: list[Any]) -> int:
        return payload.add(np.asarray(values, np.float64))

    codes = [code for column in columns for code in sorted(column.buckets)]
    counts = [column.buckets[code] for column in columns for code in sorted(column.buckets)]
    ends = np.cumsum([0, *(len(column.buckets) for column in columns)])
    body = {
        "histograms": histograms,
        "shift": shift,
        "given": given,
        "columns": {
            "step": floats([column.step for column in columns]),
            "lastStep": floats([column.last_step for column in columns]),
            "merged": floats([column.merged for column in columns]),
            "count": floats([column.count for column in columns]),
            "sum": floats([column.sum for column in columns]),
            "low": floats([column.low for column in columns]),
            "high": floats([column.high for column in columns]),
            "nan": floats([column.nan for column in columns]),
            "above": floats([column.above for column in columns]),
            "below": floats([column.below for column in columns]),
            "ends": payload.add(np.asarray(ends, np.uint32)),
            "codes": payload.add(np.asarray(codes, np.uint16)),
            "counts": floats(counts),
        },
    }
    return payload.encode(body)
