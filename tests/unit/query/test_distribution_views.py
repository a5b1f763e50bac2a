"""What is derived from a stored histogram at read time."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell import _core
from stepwell.query import HistogramPoint

TIME = datetime(2026, 1, 1, tzinfo=timezone.utc)


def point(data: bytes) -> HistogramPoint:
    fields: dict[str, Any] = _core.histogram_decode(data)
    return HistogramPoint(
        0, 0, TIME, **{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    )


def of(values: Any) -> HistogramPoint:
    return point(_core.histogram(np.asarray(values, np.float64)))


def test_mean_and_std_are_those_of_the_values() -> None:
    values = np.random.default_rng(1).normal(3, 2, 10_000)
    found = of(values)
    assert found.mean == pytest.approx(values.mean())
    assert found.std == pytest.approx(values.std())


@pytest.mark.parametrize("q", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_a_quantile_is_right_to_a_buckets_width(q: float) -> None:
    values = np.random.default_rng(2).normal(0, 1, 50_000)
    exact = np.quantile(values, q)
    assert of(values).quantile(q) == pytest.approx(exact, rel=0.13, abs=1e-2)


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=50), st.integers(1, 40))
def test_bins_hold_every_value_between_min_and_max(values: list[float], bins: int) -> None:
    counts, edges = of(values).bins(bins)
    assert counts.sum() == pytest.approx(len(values))
    assert len(edges) == bins + 1
    assert edges[0] <= min(values)
    assert edges[-1] >= max(values)
    assert (counts >= 0).all()


def test_one_value_many_times_is_one_bin() -> None:
    counts, edges = of([2.5] * 7).bins(3)
    assert counts.sum() == 7
    assert edges[0] < 2.5 < edges[-1]


def test_a_histogram_given_ready_made_keeps_its_edges() -> None:
    found = point(_core.histogram_counts([1, 0, 3], [0.0, 1.0, 2.0, 4.0]))
    assert found.intervals == [(0.0, 1.0), (1.0, 2.0), (2.0, 4.0)]
    counts, edges = found.bins(4)
    assert counts.tolist() == [1.0, 0.0, 1.5, 1.5]
    assert edges.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_nothing_finite_gives_nan_and_empty_bins() -> None:
    found = of([math.nan, math.inf])
    assert (found.count, found.nan, found.pos_inf) == (0, 1, 1)
    assert math.isnan(found.mean)
    assert math.isnan(found.quantile(0.5))
    assert found.bins(4)[0].tolist() == [0, 0, 0, 0]
