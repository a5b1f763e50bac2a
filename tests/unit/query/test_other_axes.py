"""Another metric on the x axis, groups of runs, ranks apart, attempts, and the rows behind a chart."""

from __future__ import annotations

import csv
import io
import json
import math
import uuid
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from recording import EPOCH, event, record

from stepwell.query.attempts import Attempt, attempts, first_steps
from stepwell.query.chart_rows import chart_csv
from stepwell.query.ranks import rank_matrix
from stepwell.query.series import SeriesAsked, series
from stepwell.query.smoothing import ema
from stepwell.stores.metrics import MetricStore


def test_a_metric_as_x_is_joined_on_the_step_and_what_has_no_x_is_counted(store: MetricStore, run: str) -> None:
    record(store, run, "loss", [5.0, 4.0, 3.0, 2.0, 1.0])
    record(store, run, "tokens", [100.0, 300.0, math.nan], every=2)
    [one] = series(store, [SeriesAsked(run, "loss", x="tokens")])
    assert one.columns["x"].tolist() == [100.0, 300.0]
    assert one.columns["value"].tolist() == [5.0, 3.0]
    assert (one.extent.points, one.extent.seen, one.extent.unplaced) == (5, 2, 3)


def test_an_x_that_goes_back_and_forth_keeps_every_point_in_order_of_steps(store: MetricStore, run: str) -> None:
    record(store, run, "loss", [1.0, 2.0, 3.0, 4.0])
    record(store, run, "lr", [0.1, 0.3, 0.2, 0.1])
    [one] = series(store, [SeriesAsked(run, "loss", x="lr")])
    assert list(zip(one.columns["x"], one.columns["value"], strict=True)) == [(0.1, 1), (0.3, 2), (0.2, 3), (0.1, 4)]


def test_no_bucket_of_another_metric_hides_a_spike_and_none_overlap(store: MetricStore, run: str) -> None:
    values = np.zeros(6000)
    values[4321] = 99.0
    record(store, run, "loss", values.tolist())
    tokens = np.random.default_rng(0).permutation(6000) * 0.37 - 500
    record(store, run, "tokens", tokens.tolist())
    [one] = series(store, [SeriesAsked(run, "loss", x="tokens")], buckets=200)
    assert one.width is not None
    assert math.log2(one.width) == int(math.log2(one.width))
    assert len(one.columns["x"]) <= 200
    assert (np.diff(one.columns["x"]) > 0).all()
    assert int(one.columns["points"].sum()) == 6000
    at = int(np.argmax(one.columns["high"]))
    assert one.columns["high"][at] == 99.0
    assert math.floor(one.columns["x"][at] / one.width) == math.floor(tokens[4321] / one.width)


def test_a_view_of_another_metric_is_in_its_values(store: MetricStore, run: str) -> None:
    record(store, run, "loss", [float(step) for step in range(100)])
    record(store, run, "epoch", [step / 10 for step in range(100)])
    [one] = series(store, [SeriesAsked(run, "loss", x="epoch", low=1.95, high=2.15)])
    assert one.columns["value"].tolist() == [20.0, 21.0]


def test_smoothing_over_another_metric_still_runs_over_the_steps(store: MetricStore, run: str) -> None:
    values = np.random.default_rng(3).normal(size=50)
    record(store, run, "loss", values.tolist())
    record(store, run, "back", [-float(step) for step in range(50)])
    [one] = series(store, [SeriesAsked(run, "loss", x="back", low=-30, high=-10)], smoothing=0.9)
    np.testing.assert_allclose(one.columns["smooth"], ema(values, 0.9)[10:31])


def test_a_group_is_the_mean_of_its_runs_and_says_how_many_there_are(store: MetricStore) -> None:
    a, b, c = (str(uuid.uuid4()) for _ in range(3))
    record(store, a, "loss", [1.0, 1.0, 1.0])
    record(store, b, "loss", [3.0, math.nan])
    record(store, c, "loss", [10.0])
    asked = [SeriesAsked("lr=1", "loss", members=(a, b)), SeriesAsked("(unset)", "loss", members=(c,))]
    one, other = series(store, asked)
    assert one.columns["step"].tolist() == [0.0, 1.0, 2.0], "no step but those that were logged"
    assert one.columns["line"].tolist() == [2.0, 1.0, 1.0]
    assert (one.columns["low"][0], one.columns["high"][0]) == (1.0, 3.0)
    assert one.columns["runs"].tolist() == [2, 1, 1]
    assert other.columns["line"].tolist() == [10.0]


@pytest.mark.parametrize(("median", "expected"), [(False, 4.0), (True, 2.0)])
def test_each_run_of_a_group_counts_once_in_a_bucket(store: MetricStore, median: bool, expected: float) -> None:
    runs = [str(uuid.uuid4()) for _ in range(3)]
    for run, value in zip(runs, (1.0, 2.0, 9.0), strict=True):
        record(store, run, "loss", [value] * (3000 if value == 1.0 else 2900))
    [one] = series(store, [SeriesAsked("g", "loss", members=tuple(runs))], buckets=50, median=median)
    assert one.columns["line"][0] == expected
    assert one.columns["high"].max() == 9.0
    assert set(one.columns["runs"]) == {3, 1}


def test_the_median_of_two_runs_lies_between_them(store: MetricStore) -> None:
    runs = [str(uuid.uuid4()) for _ in range(2)]
    for run, value in zip(runs, (1.0, 9.0), strict=True):
        record(store, run, "loss", [value] * 10)
    [one] = series(store, [SeriesAsked("g", "loss", members=tuple(runs))], median=True, smoothing=0.5)
    assert (set(one.columns["line"]), set(one.columns["smooth"])) == ({5.0}, {5.0})


def test_the_smooth_line_of_a_group_is_the_average_of_its_mean(store: MetricStore) -> None:
    a, b = (str(uuid.uuid4()) for _ in range(2))
    values = np.random.default_rng(5).normal(size=(2, 40))
    record(store, a, "loss", values[0].tolist())
    record(store, b, "loss", values[1].tolist())
    [one] = series(store, [SeriesAsked("g", "loss", members=(a, b))], smoothing=0.8)
    np.testing.assert_allclose(one.columns["smooth"], ema(values.mean(axis=0), 0.8))


def arrays(payload: bytes) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
    length = int.from_bytes(payload[:4], "little")
    header = json.loads(payload[4 : 4 + length])
    kinds = {"f64": "<f8", "f32": "<f4", "u32": "<u4", "u16": "<u2"}
    found = [
        np.frombuffer(payload, kinds[kind], items, 4 + length + offset) for kind, items, offset in header["arrays"]
    ]
    return header["body"], found


def test_ranks_stand_apart_and_a_rank_without_points_is_a_gap(store: MetricStore, run: str) -> None:
    for rank, values in ((0, [1.0, 1.0]), (3, [5.0]), (7, [math.nan, 9.0])):
        record(store, run, "loss", values, rank=rank)
    body, found = arrays(rank_matrix(store, run, "loss"))
    assert found[body["ranks"]].tolist() == [0, 3, 7]
    np.testing.assert_array_equal(found[body["values"]], [1.0, 5.0, math.nan, 1.0, math.nan, 9.0])
    body, found = arrays(rank_matrix(store, run, "loss", low=1, high=1))
    assert found[body["step"]].tolist() == [1.0]


def test_an_attempt_ends_with_what_it_wrote_last_not_when_its_crash_was_found(store: MetricStore, run: str) -> None:
    event(store, run, 1, "start", 0)
    record(store, run, "loss", [1.0] * 11, attempt=1)  # until 1,000 ms
    event(store, run, 1, "crash", 90_000)
    event(store, run, 2, "start", 80_000)
    assert attempts(store, [run])[run] == [Attempt(0, 1_000), Attempt(80_000, None)]
    event(store, run, 2, "finish", 95_000)
    assert attempts(store, [run])[run][1] == Attempt(80_000, 95_000)


def test_an_attempt_of_many_ranks_lasts_from_the_first_start_to_the_last_end(store: MetricStore, run: str) -> None:
    for rank in range(3):
        event(store, run, 1, "start", 10 * rank, rank)
        event(store, run, 1, "finish", 500 + rank, rank)
    assert attempts(store, [run, str(uuid.uuid4())]) == {run: [Attempt(0, 502)]}


def test_relative_steps_count_from_the_first_of_any_metric(store: MetricStore, run: str) -> None:
    record(store, run, "loss", [1.0], start=100)
    record(store, run, "val", [1.0], start=700)
    assert first_steps(store, [run]) == {run: 100}


def test_the_rows_behind_a_chart_are_every_point(store: MetricStore) -> None:
    runs = []
    for name in ("one", '=cmd("x")'):
        run = str(uuid.uuid4())
        runs.append(run)
        store.insert_rows(
            "runs",
            ("run", "project", "id", "shard", "created", "version"),
            [(uuid.UUID(run), name, "r", 0, EPOCH, 1)],
        )
        record(store, run, "loss", [0.1 + 0.2, math.nan, math.inf], start=-1)
        record(store, run, "other", [7.0])
    record(store, runs[0], "loss", [0.5] * 3000, rank=1)
    rows = list(csv.reader(io.StringIO(b"".join(chart_csv(store, runs, ["loss"])).decode())))
    assert rows[0] == ["run", "metric", "rank", "step", "time", "value"]
    assert len(rows) == 1 + 3 + 3 + 3000
    assert rows[1] == ['\'=cmd("x")/r', "loss", "0", "-1", "1969-12-31 23:59:59.900Z", "0.30000000000000004"]
    assert [row[5] for row in rows[2:4]] == ["nan", "inf"]
    assert float(rows[1][5]) == 0.1 + 0.2
