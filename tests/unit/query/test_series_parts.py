"""Buckets that were read from the parts of a store without merging them are those of the merged points."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording import record

from stepwell.query import series_parts, series_sql
from stepwell.query.series import Extent, Series, SeriesAsked, series
from stepwell.query.series_parts import joined
from stepwell.query.series_scope import UNMERGED, View, scope
from stepwell.stores.metrics import MetricStore

ODD = [math.nan, math.inf, -math.inf, 0.0, -1.5]


@pytest.fixture
def parts_as_written(store: MetricStore) -> Iterator[None]:
    """What is written by one insert stays a part of its own."""
    store.command("SYSTEM STOP MERGES scalars")
    yield
    store.command("SYSTEM START MERGES scalars")


def both_ways(store: MetricStore, asked: list[SeriesAsked], patch: pytest.MonkeyPatch) -> tuple[list[Series], ...]:
    by_parts = series(store, asked, buckets=64)
    none = dict.fromkeys((one.run, one.metric) for one in asked)
    with patch.context() as merging:
        for by_parts_of in ("buckets_by_parts", "extents_by_parts"):
            merging.setattr(f"stepwell.query.series.{by_parts_of}", lambda *_: none)
        return by_parts, series(store, asked, buckets=64)


@pytest.mark.usefixtures("parts_as_written")
@pytest.mark.parametrize("view", [(None, None), (1000, 4100)])
def test_a_run_that_goes_forward_has_the_buckets_of_its_merged_points(
    store: MetricStore, run: str, view: tuple[int | None, int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parts end within buckets, at a point that is not finite, and one holds nothing else."""
    rng = np.random.default_rng(0)
    start = -20
    for name in ("loss", "lr"):
        start = -20
        for size in (1000, 37, 1500, 1, 5, 1900, 700):
            values = [*rng.normal(size=size - 1).tolist(), ODD[size % 5]] if size != 5 else [math.nan] * 5
            record(store, run, name, values, start=start)
            start += size
    asked = [SeriesAsked(run, name, low=view[0], high=view[1]) for name in ("loss", "lr")]
    found = series_parts.buckets_by_parts(store, scope(UNMERGED, asked, View(*view, by_time=False)), 7)
    assert [columns is not None for columns in found.values()] == [True, True]
    for one, other in zip(*both_ways(store, asked, monkeypatch), strict=True):
        assert one.shift
        assert (one.extent, one.shift) == (other.extent, other.shift)
        assert one.columns.keys() == other.columns.keys()
        for column, values in one.columns.items():
            np.testing.assert_allclose(values, other.columns[column], rtol=1e-12 if column == "line" else 0)


@pytest.mark.usefixtures("parts_as_written")
@pytest.mark.parametrize("again", [(0, 3000), (2999, 1), (1500, 3), (2990, 2000)])
def test_what_was_written_again_is_merged(
    store: MetricStore, run: str, again: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    start, size = again
    record(store, run, "loss", [1.0] * 3000)
    record(store, run, "loss", [2.0] * size, start=start, attempt=1)
    record(store, run, "forward", [1.0] * 3000)
    asked = [SeriesAsked(run, "loss"), SeriesAsked(run, "forward")]
    found = series_parts.buckets_by_parts(store, scope(UNMERGED, asked, View(None, None, by_time=False)), 6)
    assert found[run, "loss"] is None
    assert found[run, "forward"] is not None
    for one, other in zip(*both_ways(store, asked, monkeypatch), strict=True):
        assert one.extent == other.extent
        for column, values in one.columns.items():
            np.testing.assert_array_equal(values, other.columns[column])
    assert int(series(store, asked, buckets=64)[0].columns["points"].sum()) == max(3000, start + size)


@pytest.mark.usefixtures("parts_as_written")
@pytest.mark.parametrize("by_time", [False, True])
def test_how_much_is_in_view_is_the_same_however_it_was_counted(
    store: MetricStore, run: str, by_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in (0, 3000):
        record(store, run, "forward", [1.0] * 3000, start=start)
    record(store, run, "again", [1.0] * 3000)
    record(store, run, "again", [2.0] * 3000, start=2000, attempt=1, late_ms=60_000)
    for rank in (0, 1):
        record(store, run, "ranks", [1.0] * 3000, rank=rank, start=rank)
    low, high = (250_000.0, 400_000.0) if by_time else (2500.0, 4000.0)
    names = ["forward", "again", "ranks", "none"]
    asked = [SeriesAsked(run, name, low=low, high=high, by_time=by_time) for name in names]
    found = series_parts.extents_by_parts(store, scope(UNMERGED, asked, View(None, None, by_time)), series_sql.SEEN_ALL)
    assert found.pop((run, "forward")) == Extent(1, 6000, 6000, 0, 5999)
    assert found == {(run, "again"): None, (run, "ranks"): None}
    by_parts, merged = both_ways(store, asked, monkeypatch)
    assert [one.extent for one in by_parts] == [one.extent for one in merged]
    assert [one.extent.points for one in by_parts] == [6000, 5000, 6000, 0]


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.lists(st.sampled_from([*ODD, 1.0, 2.0, -3.0, 1e300]), min_size=1, max_size=9)),
        min_size=1,
        max_size=6,
    )
)
def test_rows_of_parts_come_to_what_their_points_are(parts: list[tuple[int, list[float]]]) -> None:
    """Parts that follow each other with a gap between; buckets of eight steps."""
    points, rows, step = dict[int, float](), list[dict[str, float]](), 0
    for gap, values in parts:
        step += gap
        own = dict(enumerate(values, step))
        step += len(values)
        points |= own
        rows += [_row(bucket, {s: v for s, v in own.items() if s >> 3 == bucket}) for bucket in {s >> 3 for s in own}]
    rows.sort(key=lambda row: (row["bucket"], row["start"]))
    found = joined(pa.Table.from_pylist(rows))
    assert found is not None
    for index, bucket in enumerate(sorted({s >> 3 for s in points})):
        want = _row(bucket, {s: v for s, v in points.items() if s >> 3 == bucket})
        finite = want["points"] - want["nan"] - want["above"] - want["below"]
        assert found["points"][index] == want["points"]
        assert found["step"][index] == want["start"]
        for name in ("nan", "above", "below", "nonpos"):
            assert (found[name][index] if name in found else 0) == want[name]
        for name, value in (("low", want["low"]), ("high", want["high"]), ("line", want["line"] / (finite or 1))):
            np.testing.assert_allclose(found[name][index], value if finite else math.nan, rtol=1e-12, atol=1e-12)


def _row(bucket: int, points: dict[int, float]) -> dict[str, float]:
    finite = [value for value in points.values() if math.isfinite(value)]
    return {
        "bucket": bucket, "start": min(points), "final": max(points), "ms": min(points), "points": len(points),
        "nan": sum(math.isnan(value) for value in points.values()),
        "above": sum(value == math.inf for value in points.values()),
        "below": sum(value == -math.inf for value in points.values()),
        "nonpos": sum(value <= 0 for value in finite),
        "low": min(finite, default=0.0), "high": max(finite, default=0.0), "line": math.fsum(finite),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ranges", "right"),
    [
        ([(0, 0, 4)], True),
        ([(0, 0, 4), (0, 5, 7)], True),
        ([(0, 0, 4), (0, 4, 7)], False),
        ([(0, 0, 7), (0, 1, 2), (0, 8, 9)], False),
        ([(0, 0, 7), (1, 8, 15), (1, 15, 15)], False),
        ([(0, 6, 7), (1, 8, 9), (2, 16, 17)], True),
    ],
)
def test_an_overlap_is_seen_in_the_bucket_that_has_it(ranges: list[tuple[int, int, int]], right: bool) -> None:
    rows = [_row(bucket, {start: 1.0, final: 1.0}) for bucket, start, final in ranges]
    assert (joined(pa.Table.from_pylist(rows)) is not None) is right
