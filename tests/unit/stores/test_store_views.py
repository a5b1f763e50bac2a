"""Contract 3, visible exactly once: what the views show of rows that come twice, late, rewound or deleted."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from stepwell.ids import run_uuid, version_of
from stepwell.stores.metrics import MetricStore
from stepwell.stores.migrate import migrations

RUN, OTHER = run_uuid("project", "run"), run_uuid("project", "other")
NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)
POINT = ("run", "metric", "rank", "step", "at", "time", "value", "version")
EVENT = ("run", "writer", "row_seq", "rank", "attempt", "kind", "step", "time", "body", "version")
SAMPLE = ("run", "host", "device", "metric", "time", "value", "version")
FIELD = ("key", "run", "str", "num", "source", "version")


def point(step: int, value: float, version: int, *, run: uuid.UUID = RUN, rank: int = 0, at: int = 0) -> list[Any]:
    return [run, "loss", rank, step, at, NOW, value, version]


def sample(value: float, version: int, *, run: uuid.UUID = RUN, number: int = 0) -> list[Any]:
    return [run, "node1", "host", "cpu_percent", NOW + timedelta(seconds=number), value, version]


def add_points(metrics: MetricStore, *rows: list[Any]) -> None:
    metrics.insert_rows("scalars", POINT, rows)


def rewind(metrics: MetricStore, attempt: int, step: int, run: uuid.UUID = RUN) -> None:
    row = [run, 7, 1, 0, attempt, "rewind", step, NOW, "{}", version_of(attempt, 1)]
    metrics.insert_rows("events", EVENT, [row])


def seen(metrics: MetricStore, run: uuid.UUID = RUN) -> list[tuple[int, float]]:
    sql = "SELECT step, value FROM v_scalars WHERE run = {run:UUID} AND metric = 'loss' ORDER BY rank, step, at"
    return [(row["step"], row["value"]) for row in metrics.rows(sql, {"run": str(run)})]


def test_rows_inserted_again_are_seen_once(metrics: MetricStore, by_hand: Callable[[str], None]) -> None:
    rows = [point(step, step / 3, version_of(9, step + 1)) for step in range(100)]
    for _ in range(3):
        add_points(metrics, *rows)
    once = [(step, step / 3) for step in range(100)]
    assert seen(metrics) == once
    by_hand("OPTIMIZE TABLE scalars{local} FINAL")
    assert seen(metrics) == once
    add_points(metrics, *rows)
    assert seen(metrics) == once


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_one_step_the_highest_version_wins_in_whatever_order_they_arrive(
    metrics: MetricStore, by_hand: Callable[[str], None], order: tuple[int, ...]
) -> None:
    versions = [(1.0, version_of(5, 10)), (2.0, version_of(5, 11)), (3.0, version_of(6, 1))]
    for index in order:
        add_points(metrics, point(1, *versions[index]))
    assert seen(metrics) == [(1, 3.0)]
    by_hand("OPTIMIZE TABLE scalars{local} FINAL")
    assert seen(metrics) == [(1, 3.0)]


def test_versions_beyond_a_signed_integer_are_ordered(metrics: MetricStore) -> None:
    add_points(metrics, point(1, 2.0, 1 << 63), point(1, 1.0, (1 << 63) - 1))
    assert seen(metrics) == [(1, 2.0)]


def test_ranks_and_repeated_steps_of_foreign_writers_are_points_of_their_own(metrics: MetricStore) -> None:
    add_points(metrics, point(1, 1.0, 1), point(1, 2.0, 1, rank=1), point(1, 3.0, 1, at=1), point(-5, 4.0, 1))
    assert seen(metrics) == [(-5, 4.0), (1, 1.0), (1, 3.0), (1, 2.0)]


def test_the_last_value_is_that_of_the_points_a_rewind_left(metrics: MetricStore) -> None:
    rows = [point(step, step / 3, version_of(5, step + 1), run=run) for step in range(9) for run in (RUN, OTHER)]
    add_points(metrics, *rows)
    [fill] = [sql for one in migrations() for sql in one.statements if sql.startswith("INSERT INTO lasts")]
    metrics.command(fill)

    def lasts() -> dict[uuid.UUID, tuple[int, float]]:
        return {row["run"]: (row["step"], row["value"]) for row in metrics.rows("SELECT run, step, value FROM v_lasts")}

    assert lasts() == {RUN: (8, 8 / 3), OTHER: (8, 8 / 3)}
    rewind(metrics, attempt=6, step=3)
    assert lasts() == {RUN: (3, 1.0), OTHER: (8, 8 / 3)}
    add_points(metrics, point(4, 7.0, version_of(6, 1)))
    assert lasts()[RUN] == (4, 7.0)


def test_a_rewind_hides_later_steps_of_earlier_attempts_only(metrics: MetricStore) -> None:
    for step in range(6):
        add_points(metrics, point(step, step, version_of(100, step + 1)))
        add_points(metrics, point(step, step, version_of(100, step + 1), run=OTHER))
    rewind(metrics, attempt=200, step=2)
    assert [step for step, _ in seen(metrics)] == [0, 1, 2]
    add_points(metrics, point(3, 33.0, version_of(200, 2)))
    assert seen(metrics) == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 33.0)]
    # A late spool of the attempt that was rewound changes nothing.
    add_points(metrics, point(3, 3.0, version_of(100, 4)), point(7, 7.0, version_of(100, 8)))
    assert seen(metrics) == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 33.0)]
    assert len(seen(metrics, OTHER)) == 6, "another run is not cut"
    stored = metrics.rows("SELECT count() AS n FROM scalars FINAL WHERE run = {run:UUID}", {"run": str(RUN)})
    assert stored[0]["n"] == 7, "hidden points stay in the table"


def test_several_rewinds_of_a_run_add_up(metrics: MetricStore) -> None:
    add_points(metrics, *[point(step, 1.0, version_of(100, step + 1)) for step in range(10)])
    rewind(metrics, attempt=200, step=7)
    rewind(metrics, attempt=200, step=7)  # delivered twice
    add_points(metrics, *[point(step, 2.0, version_of(200, step + 1)) for step in (8, 9)])
    assert len(seen(metrics)) == 10
    rewind(metrics, attempt=300, step=4)
    assert seen(metrics) == [(step, 1.0) for step in range(5)]


def test_a_deleted_run_is_hidden_from_every_view_and_a_late_spool_does_not_bring_it_back(metrics: MetricStore) -> None:
    add_points(metrics, point(1, 1.0, 1), point(1, 1.0, 1, run=OTHER))
    metrics.insert_rows("fields", FIELD, [["name", run, '"x"', float("nan"), "user", 1] for run in (RUN, OTHER)])
    metrics.insert_rows(
        "runs",
        ("run", "project", "id", "shard", "created", "version"),
        [[run, "p", "i", 0, NOW, 1] for run in (RUN, OTHER)],
    )
    metrics.insert_rows("system", SAMPLE, [sample(1.0, 1), sample(1.0, 1, run=OTHER)])
    rewind(metrics, attempt=1, step=0)
    metrics.insert_rows("removals", ("run", "state", "attempt", "version"), [[RUN, "trashed", 0, 1]])
    add_points(metrics, point(2, 2.0, 1 << 60))
    views = ("scalars", "texts", "histograms", "console", "fields", "events", "artifacts", "runs", "system")
    for view in map("v_{}".format, views):
        found = metrics.rows(f"SELECT count() AS n FROM {view} WHERE run = {{run:UUID}}", {"run": str(RUN)})
        assert found[0]["n"] == 0, view
    assert seen(metrics, OTHER) == [(1, 1.0)]
    assert metrics.rows("SELECT run FROM v_system") == [{"run": OTHER}]
    assert metrics.rows("SELECT run FROM v_runs") == [{"run": OTHER}]
    metrics.insert_rows("removals", ("run", "state", "attempt", "version"), [[RUN, "restored", 0, 2]])
    assert len(metrics.rows("SELECT run FROM v_runs")) == 2


def test_a_sample_that_comes_again_is_seen_once_and_no_rewind_hides_it(
    metrics: MetricStore, by_hand: Callable[[str], None]
) -> None:
    rows = [sample(float(number), version_of(9, number + 1), number=number) for number in range(10)]
    for _ in range(2):
        metrics.insert_rows("system", SAMPLE, rows)
    rewind(metrics, attempt=10, step=0)
    values = "SELECT value FROM v_system WHERE run = {run:UUID} AND device = 'host' ORDER BY time"
    assert [row["value"] for row in metrics.rows(values, {"run": str(RUN)})] == [float(number) for number in range(10)]
    by_hand("OPTIMIZE TABLE system{local} FINAL")
    assert [row["value"] for row in metrics.rows(values, {"run": str(RUN)})] == [float(number) for number in range(10)]


def test_a_deleted_field_stays_deleted_whatever_comes_late(metrics: MetricStore) -> None:
    nan = float("nan")
    metrics.insert_rows("fields", FIELD, [["config/lr", RUN, "0.1", 0.1, "user", 5]])
    metrics.insert_rows("fields", FIELD, [["config/lr", RUN, "", nan, "user", 7]])
    metrics.insert_rows("fields", FIELD, [["config/lr", RUN, "0.2", 0.2, "user", 6]])
    assert metrics.rows("SELECT * FROM v_fields") == []
    metrics.insert_rows("fields", FIELD, [["config/lr", RUN, "0.3", 0.3, "user", 8]])
    assert [row["num"] for row in metrics.rows("SELECT num FROM v_fields")] == [0.3]


def test_a_complete_artifact_outranks_its_staged_row_whichever_comes_first(metrics: MetricStore) -> None:
    columns = (
        "run", "writer", "row_seq", "rank", "step", "time", "kind", "name", "state", "size", "files", "metadata",
        "version",
    )  # fmt: skip
    for run, states in ((RUN, ("staged", "complete")), (OTHER, ("complete", "staged"))):
        for state in states:
            version = version_of(9, 4) | (1 << 63 if state == "complete" else 0)
            row = [run, 1, 4, 0, 10, NOW, "checkpoint", "c", state, 1, "[]", "{}", version]
            metrics.insert_rows("artifacts", columns, [row])
    assert [row["state"] for row in metrics.rows("SELECT state FROM v_artifacts")] == ["complete"] * 2


@pytest.mark.parametrize("engine_kind", ["embedded", "server"], indirect=True)
@pytest.mark.parametrize("rewound", [False, True])
def test_a_predicate_on_run_and_metric_reads_by_the_primary_key(metrics: MetricStore, rewound: bool) -> None:
    metrics.command(
        "INSERT INTO scalars"
        " SELECT toUUID(concat('00000000-0000-0000-0000-', leftPad(toString(number % 4), 12, '0'))),"
        " concat('m', toString(intDiv(number, 4) % 100)), 0, intDiv(number, 400), 0, now64(3), number, 1"
        " FROM numbers(400000)"
    )
    metrics.command("OPTIMIZE TABLE scalars FINAL")
    run = uuid.UUID(int=1)
    if rewound:
        rewind(metrics, attempt=100, step=500, run=run)
    question = "FROM v_scalars WHERE run = {run:UUID} AND metric = 'm5'"
    plan = metrics.rows(f"EXPLAIN indexes = 1 SELECT step, value {question}", {"run": str(run)})
    lines = [line.strip(" │└─├") for row in plan for line in str(row["explain"]).splitlines()]
    reads = [index for index, line in enumerate(lines) if line.startswith("ReadFromMergeTree") and "scalars" in line]
    assert len(reads) == 2, "one read of each branch"
    for start in reads:
        granules = next(line for line in lines[start:] if line.startswith("Granules: ") and "/" in line)
        chosen, of = map(int, granules.removeprefix("Granules: ").split("/"))
        assert of >= 400_000 // 8192
        assert chosen <= 2, plan
        keys = lines.index("Keys:", start)
        assert lines[keys + 1 : keys + 3] == ["run", "metric"]
    assert metrics.rows(f"SELECT count() AS n {question}", {"run": str(run)})[0]["n"] == (501 if rewound else 1000)


def test_columns_with_the_names_of_numbers_are_columns_on_every_kind_of_store(metrics: MetricStore) -> None:
    columns = ("run", "metric", "rank", "step", "at", "time", "version", "count", "nan", "pos_inf")
    rows = [[run, "w", 0, 1, 0, NOW, 1, 10, 3, 2] for run in (RUN, OTHER)]
    metrics.insert_rows("histograms", columns, rows)
    rewind(metrics, attempt=1, step=5)
    found = metrics.query_arrow("SELECT count, nans AS `nan`, pos_inf FROM v_histograms WHERE metric = 'w'")
    assert found.to_pylist() == [{"count": 10, "nan": 3, "pos_inf": 2}] * 2
