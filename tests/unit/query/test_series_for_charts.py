"""What charts are given: every point or honest buckets, from a real embedded store."""

from __future__ import annotations

import json
import math
import uuid

import numpy as np
import pytest
from recording import EPOCH, record

from stepwell.query.changes import Cursor, news
from stepwell.query.heatmap import heatmap
from stepwell.query.payload import Payload, compact
from stepwell.query.series import SeriesAsked, encode, series
from stepwell.query.smoothing import ema
from stepwell.stores.metrics import MetricStore


def test_few_points_are_given_one_by_one(store: MetricStore, run: str) -> None:
    record(store, run, "loss", [3.0, math.nan, 1.0])
    [one] = series(store, [SeriesAsked(run, "loss")])
    assert one.shift is None
    np.testing.assert_array_equal(one.columns["value"], [3.0, math.nan, 1.0])
    assert one.columns["time"].tolist() == [0.0, 100.0, 200.0]


def test_no_bucket_hides_a_spike(store: MetricStore, run: str) -> None:
    values = np.zeros(5000)
    values[1234], values[4321] = 99.0, -7.0
    record(store, run, "loss", values.tolist())
    [one] = series(store, [SeriesAsked(run, "loss")], buckets=100)
    assert one.shift == 6
    assert one.columns["high"].max() == 99.0
    assert one.columns["low"].min() == -7.0
    assert int(one.columns["points"].sum()) == 5000


def test_points_written_again_are_counted_once(store: MetricStore, run: str) -> None:
    for _ in range(2):  # a repeat, then other values
        record(store, run, "loss", [0.0] * 1000)
    record(store, run, "loss", [1.0] * 1000, attempt=1)
    [one] = series(store, [SeriesAsked(run, "loss")], buckets=100)
    assert (one.shift, one.extent.points, one.extent.seen) == (None, 1000, 1000)
    assert set(one.columns["value"]) == {1.0}
    record(store, run, "loss", [2.0] * 1000, start=800, attempt=2)
    [one] = series(store, [SeriesAsked(run, "loss")], buckets=100)
    assert (one.extent.points, one.extent.seen) == (1800, 1800)
    assert int(one.columns["points"].sum()) == 1800


def test_buckets_are_aligned_to_step_zero_so_old_ones_stay_as_they_are(store: MetricStore, run: str) -> None:
    rng = np.random.default_rng(0)
    record(store, run, "loss", rng.normal(size=3000).tolist(), start=-20)
    [before] = series(store, [SeriesAsked(run, "loss")], buckets=1000)
    record(store, run, "loss", rng.normal(size=500).tolist(), start=2980)
    [after] = series(store, [SeriesAsked(run, "loss")], buckets=1000)
    assert before.shift == after.shift == 2
    closed = len(before.columns["step"]) - 1
    for name in ("step", "line", "low", "high"):
        np.testing.assert_array_equal(before.columns[name][:closed], after.columns[name][:closed])


def test_a_tail_joins_what_the_caller_holds(store: MetricStore, run: str) -> None:
    record(store, run, "loss", list(range(2000)))
    [whole] = series(store, [SeriesAsked(run, "loss")], buckets=1000)
    record(store, run, "loss", list(range(2000, 2010)), start=2000)
    asked = SeriesAsked(run, "loss", since=1999, shift=whole.shift)
    [tail] = series(store, [asked], buckets=1010)
    assert tail.since == 1998  # the bucket of step 1999 begins there
    [again] = series(store, [SeriesAsked(run, "loss")], buckets=1010)
    kept = whole.columns["step"] < 1998
    np.testing.assert_array_equal(np.append(whole.columns["line"][kept], tail.columns["line"]), again.columns["line"])


def test_a_tail_is_the_whole_where_the_width_has_changed(store: MetricStore, run: str) -> None:
    record(store, run, "loss", list(range(4000)))
    [one] = series(store, [SeriesAsked(run, "loss", since=3990, shift=0)], buckets=100)
    assert one.since is None
    assert int(one.columns["points"].sum()) == 4000


def test_what_is_not_finite_is_counted_and_spoils_no_line(store: MetricStore, run: str) -> None:
    values = np.ones(2000)
    values[10:12], values[20], values[30] = math.nan, math.inf, -math.inf
    record(store, run, "loss", values.tolist())
    [one] = series(store, [SeriesAsked(run, "loss")], buckets=50)
    assert [int(one.columns[name].sum()) for name in ("nan", "above", "below")] == [2, 1, 1]
    assert set(one.columns["line"]) == {1.0}


def test_ranks_are_one_line_of_medians_in_a_band(store: MetricStore, run: str) -> None:
    for rank, value in enumerate((1.0, 2.0, 30.0)):
        record(store, run, "loss", [value] * 4, rank=rank)
    [one] = series(store, [SeriesAsked(run, "loss")])
    assert one.extent.ranks == 3
    assert (one.columns["line"].tolist(), one.columns["high"].tolist()) == ([2.0] * 4, [30.0] * 4)


@pytest.mark.parametrize("steps", [4, 4000], ids=["points", "buckets"])
def test_of_an_even_number_of_ranks_the_median_lies_between(store: MetricStore, run: str, steps: int) -> None:
    for rank, value in enumerate((1.0, 4.0)):
        record(store, run, "two", [value] * steps, rank=rank)
    for rank, value in enumerate((1.0, 2.0, 4.0, 30.0)):
        record(store, run, "four", [value] * steps, rank=rank)
    for name, middle in (("two", 2.5), ("four", 3.0)):
        [one] = series(store, [SeriesAsked(run, name)], buckets=64, smoothing=0.5)
        assert set(one.columns["line"]) == {middle}
        assert set(one.columns["smooth"]) == {middle}


def test_bounds_of_few_series_are_found_by_their_ends_and_are_the_same(
    store: MetricStore, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, run, "below zero", [1.0] * 3000, start=-20)
    record(store, run, "twice", [1.0] * 2000)
    record(store, run, "twice", [2.0] * 2000, start=1000, attempt=1)
    record(store, run, "one", [1.0])
    for rank in (3, 7):
        record(store, run, "of two ranks", [1.0] * 2000, start=10 * rank, rank=rank)
    record(store, run, "of rank 5", [1.0] * 2000, rank=5)
    names = ["below zero", "twice", "one", "none", "of two ranks", "of rank 5"]
    few = [series(store, [SeriesAsked(run, name)], buckets=64)[0] for name in names]
    monkeypatch.setattr("stepwell.query.series.FEW_SERIES", 0)
    every = [series(store, [SeriesAsked(run, name)], buckets=64)[0] for name in names]
    assert [(one.extent, one.shift) for one in few] == [(one.extent, one.shift) for one in every]
    assert [one.extent.ranks for one in few] == [1, 1, 1, 0, 2, 1]
    assert (few[0].extent.low, few[0].extent.high) == (-20, 2979)
    for one, other in zip(few, every, strict=True):
        for name, column in one.columns.items():
            np.testing.assert_array_equal(column, other.columns[name])


def test_a_view_has_only_what_lies_in_it_and_more_of_that(store: MetricStore, run: str) -> None:
    record(store, run, "loss", list(range(5000)))
    [by_step] = series(store, [SeriesAsked(run, "loss", low=1000, high=1099)], buckets=200)
    assert by_step.columns["value"].tolist() == list(range(1000, 1100))
    [by_time] = series(store, [SeriesAsked(run, "loss", low=100_000, high=100_900, by_time=True)], buckets=200)
    assert by_time.columns["value"].tolist() == list(range(1000, 1010))
    assert by_step.extent.points == 5000


@pytest.mark.parametrize("view", [(None, None), (500, 900)])
def test_smoothing_runs_over_everything_whatever_is_in_view(
    store: MetricStore, run: str, view: tuple[int | None, int | None]
) -> None:
    values = np.random.default_rng(3).normal(size=1200)
    record(store, run, "loss", values.tolist())
    [one] = series(store, [SeriesAsked(run, "loss", low=view[0], high=view[1])], smoothing=0.9)
    steps = one.columns["step"].astype(int)
    np.testing.assert_allclose(one.columns["smooth"], ema(values, 0.9)[steps])


def test_names_that_look_like_queries_are_only_names(store: MetricStore, run: str) -> None:
    name = "'; DROP TABLE scalars; --"
    record(store, run, name, [1.0])
    [one, other] = series(store, [SeriesAsked(run, name), SeriesAsked(run, "none")])
    assert (one.extent.points, other.extent.points) == (1, 0)


def test_metrics_logged_together_share_their_step_column(store: MetricStore, run: str) -> None:
    for metric in ("a", "b"):
        record(store, run, metric, [1.0, 2.0])
    payload = encode(series(store, [SeriesAsked(run, "a"), SeriesAsked(run, "b")]))
    length = int.from_bytes(payload[:4], "little")
    header = json.loads(payload[4 : 4 + length])
    assert header["body"][0]["columns"] == header["body"][1]["columns"]
    assert (4 + length) % 8 == 0


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.99])
def test_the_average_is_what_the_recursion_gives(weight: float) -> None:
    values = np.random.default_rng(1).normal(size=1000)
    values[[5, 700]] = math.nan
    expected, state, seen = [], 0.0, 0
    for value in values:
        if math.isnan(value):
            expected.append(value)
            continue
        seen += 1
        state = weight * state + (1 - weight) * value
        expected.append(state / (1 - weight**seen))
    np.testing.assert_allclose(ema(values, weight), expected)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.1, 0.5], "<f4"),
        ([1e9, 1e9 + 1], "<f8"),  # a counter
        ([5.00001, 5.00002], "<f8"),  # a small change on an offset
        ([math.nan, math.nan], "<f4"),
        ([1e-40, 0.0], "<f8"),
    ],
)
def test_halved_precision_is_never_seen(values: list[float], kind: str) -> None:
    assert compact(np.array(values)).dtype == np.dtype(kind)


def test_equal_arrays_travel_once() -> None:
    payload = Payload()
    assert payload.add(np.arange(3.0)) == payload.add(np.arange(3.0)) == 0
    assert payload.add(np.arange(3, dtype=np.uint32)) == 1


def test_histograms_are_merged_by_adding_counts(store: MetricStore, run: str) -> None:
    columns = ("run", "metric", "rank", "step", "at", "time", "version", "count", "sum", "sum2", "min", "max", "nan")
    columns += ("pos_inf", "neg_inf", "buckets", "counts", "edges")
    rows = [
        (uuid.UUID(run), "w", 0, step, 0, EPOCH, 1, 4, 3.0, 3.0, 1.0, 1.0, 1, 0, 0, [0x3F8], [3], [])
        for step in range(100)
    ]
    store.insert_rows("histograms", columns, rows)
    payload = heatmap(store, run, "w", columns=32)
    length = int.from_bytes(payload[:4], "little")
    header = json.loads(payload[4 : 4 + length])
    kind, items, offset = header["arrays"][header["body"]["columns"]["counts"]]
    counts = np.frombuffer(payload, "<f8", items, 4 + length + offset)
    assert (kind, items, counts.sum()) == ("f64", 25, 300)
    nan = header["arrays"][header["body"]["columns"]["nan"]]
    assert np.frombuffer(payload, "<f8", nan[1], 4 + length + nan[2]).sum() == 100


def test_news_are_what_was_written_since(store: MetricStore, run: str) -> None:
    cursor = Cursor()
    record(store, run, "loss", [1.0, 2.0])
    [first] = news(store, [run], cursor)[run]
    assert (first.kind, first.points, first.from_step, first.to_step) == ("scalars", 2, 0, 1)
    assert news(store, [run], cursor) == {}
    record(store, run, "loss", [3.0], start=2)
    record(store, run, "loss", [3.0], rank=7)
    [second] = news(store, [run], cursor)[run]
    assert (second.points, second.from_step, second.to_step) == (2, 0, 2)
