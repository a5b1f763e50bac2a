"""One stored histogram, with the views people derive from it. Nothing here touches a store.

A bucket of the log-linear kind is at most 12.5 % wide, so a quantile is right to that; count, sum, min and
max are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .. import _core

__all__ = ["HistogramPoint", "histogram_points"]

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HistogramPoint:
    """What one `log` of a Histogram recorded.

    Attributes:
        step: At which it was logged.
        rank: Of the process that logged it.
        time: When it was logged; UTC.
        count: Finite values; `nan`, `pos_inf` and `neg_inf` are counted apart.
        sum: Of the finite values.
        sum2: Of their squares.
        min: Of the finite values; NaN of none.
        max: Of the finite values; NaN of none.
        nan: How many values were NaN.
        pos_inf: How many were infinite.
        neg_inf: How many were minus infinite.
        buckets: Codes of the log-linear buckets that are not empty.
        counts: How many values each of them holds.
        edges: Filled, with one count fewer, where the histogram was given ready made (`np_histogram=`).
    """

    step: int
    rank: int
    time: datetime
    count: int
    sum: float
    sum2: float
    min: float
    max: float
    nan: int
    pos_inf: int
    neg_inf: int
    buckets: tuple[int, ...]
    counts: tuple[int, ...]
    edges: tuple[float, ...]

    def __repr__(self) -> str:
        return f"<histogram of {self.count:,} values at step {self.step}, {self.min:.4g} to {self.max:.4g}>"

    def _repr_html_(self) -> str:
        from ..notebook.lists import histogram_card

        return histogram_card(self)

    @property
    def mean(self) -> float:
        """NaN of nothing."""
        return self.sum / self.count if self.count else math.nan

    @property
    def std(self) -> float:
        """Of the population."""
        if not self.count:
            return math.nan
        return math.sqrt(max(0.0, self.sum2 / self.count - self.mean**2))

    @cached_property
    def intervals(self) -> list[tuple[float, float]]:
        """(low, high) of each entry of `counts`, in that order: of the codes, so positive values first."""
        if self.edges:
            return list(zip(self.edges[:-1], self.edges[1:], strict=True))
        return _core.histogram_edges(self.buckets)

    def bins(self, bins: int = 64) -> tuple[_Floats, _Floats]:
        """(counts, edges) of equal bins from min to max, as numpy.histogram gives them.

        A bucket over a border is shared by overlap, so counts are not whole numbers; they add up to `count`.

        Args:
            bins: How many, at least 1.

        Raises:
            ValueError: Fewer than one.
        """
        if bins < 1:
            raise ValueError(f"a view has at least one bin, not {bins}")
        low, high = (self.min, self.max) if self.count else (0.0, 1.0)
        if self.edges:
            low, high = self.edges[0], self.edges[-1]
        if not low < high:
            low, high = low - 0.5, high + 0.5
        edges = np.linspace(low, high, bins + 1)
        if not self.counts:
            return np.zeros(bins), edges
        return np.diff(self._cumulative(edges)), edges

    def quantile(self, q: float) -> float:
        """The value below which a share of the values lies; NaN of nothing. Right to the width of a bucket, 12.5 %.

        Args:
            q: The share, 0 to 1; 0.5 is the median.

        Raises:
            ValueError: A share outside 0 to 1.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile is asked for by a share from 0 to 1, not {q}")
        if not self.counts or not sum(self.counts):
            return math.nan
        spans, counts = self._spans(), np.asarray(self.counts, np.float64)
        order = np.argsort(spans[:, 0], kind="stable")
        spans, counts = spans[order], counts[order]
        mass = np.cumsum(counts)
        wanted = q * mass[-1]
        at = min(int(np.searchsorted(mass, wanted)), len(spans) - 1)
        inside = (wanted - (mass[at] - counts[at])) / counts[at] if counts[at] else 0.0
        return float(spans[at, 0] + inside * (spans[at, 1] - spans[at, 0]))

    def _spans(self) -> _Floats:
        """The intervals, cut to [min, max]: nothing lies outside."""
        spans = np.asarray(self.intervals, np.float64).reshape(-1, 2)
        return spans if self.edges else np.clip(spans, self.min, self.max)

    def _cumulative(self, at: _Floats) -> _Floats:
        """How many values lie below each of these places."""
        total = np.zeros(len(at))
        for (low, high), count in zip(self._spans(), self.counts, strict=True):
            if high > low:
                total += count * np.clip((at - low) / (high - low), 0.0, 1.0)
            else:  # one value: it belongs to the bin that begins with it, in the last bin to the one that ends with it
                below = at > low
                below[-1] |= low == at[-1]
                total += count * below
        return total


def histogram_points(table: pa.Table) -> list[HistogramPoint]:
    """Rows of reader.HISTOGRAM_SCHEMA."""
    return [HistogramPoint(**_tuples(row)) for row in table.to_pylist()]


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
