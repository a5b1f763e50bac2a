"""What a run's page begins with, from a real embedded store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

import pytest

from stepwell.ids import run_uuid
from stepwell.query.opening import opening
from stepwell.stores.metrics import MetricStore, open_metrics

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricStore]:
    folder: Path = tmp_path_factory.mktemp("store")
    metrics = open_metrics(f"chdb://{folder / 'metrics'}")
    metrics.migrate()
    for id in ("a", "b"):
        metrics.insert_rows(
            "runs",
            ("run", "project", "id", "shard", "created", "version"),
            [(run_uuid("vision", id), "vision", id, 0, NOW, 1)],
        )
    yield metrics
    metrics.close()


def record(store: MetricStore, table: str, id: str, metric: str, steps: Sequence[int], version: int = 1) -> None:
    names = ["run", "metric", "rank", "step", "at", "time", "version"]
    rows = [[run_uuid("vision", id), metric, 0, step, 0, NOW, version] for step in steps]
    if table == "texts":
        names, rows = [*names, "value"], [[*row, "said"] for row in rows]
    if table == "scalars":
        names, rows = [*names, "value"], [[*row, 1.0] for row in rows]
    store.insert_rows(table, names, rows)
    if table == "scalars":  # the ingestion writes it beside the points
        names.remove("at")
        store.insert_rows("lasts", names, [[*row[:4], *row[5:]] for row in rows[-1:]])


def test_names_come_once_with_their_kind_and_only_of_the_first_run(store: MetricStore) -> None:
    for _ in range(2):  # a repeat is the same name
        record(store, "scalars", "a", "train/loss", [1, 2])
    record(store, "texts", "a", "sample", [1])
    record(store, "histograms", "a", "grad", [3, 9])
    record(store, "scalars", "b", "other", [1])
    found = opening(store, "vision", ["a", "b"])
    assert [(one["name"], one["kind"], one["step"]) for one in found["metrics"]] == [
        ("grad", "histogram", 9),
        ("sample", "text", 0),
        ("train/loss", "scalar", 0),
    ]
    assert [run["id"] for run in found["runs"]] == ["a", "b"]
    assert found["total"] == 2


def test_a_run_that_is_not_there_is_left_out_and_brings_no_metrics(store: MetricStore) -> None:
    found = opening(store, "vision", ["gone", "b"])
    assert [run["id"] for run in found["runs"]] == ["b"]
    assert found["metrics"] == []


def test_a_metric_that_a_rewind_hid_whole_is_not_named(store: MetricStore) -> None:
    store.insert_rows(
        "runs",
        ("run", "project", "id", "shard", "created", "version"),
        [(run_uuid("vision", "back"), "vision", "back", 0, NOW, 1)],
    )
    record(store, "scalars", "back", "early", [1])
    record(store, "scalars", "back", "late", [50])
    columns = ("run", "attempt", "step", "time", "version")
    store.insert_rows("rewinds", columns, [(run_uuid("vision", "back"), 2, 10, NOW, 1)])
    assert [one["name"] for one in opening(store, "vision", ["back"])["metrics"]] == ["early"]
