"""What is not finite is counted as the views show it, and without reading the points that are finite."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from math import inf, nan
from typing import Any

import pytest

from stepwell.errors import StoreError
from stepwell.ids import run_uuid, version_of
from stepwell.query import nonfinite
from stepwell.query.nonfinite import nonfinite_counts
from stepwell.stores.metrics import MetricStore

RUN, OTHER = run_uuid("project", "run"), run_uuid("project", "other")
IDS = ["run", "other", "nobody"]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
POINT = ("run", "metric", "rank", "step", "at", "time", "value", "version")
EVENT = ("run", "writer", "row_seq", "rank", "attempt", "kind", "step", "time", "body", "version")


def point(
    step: int, value: float, version: int = 1, *, run: uuid.UUID = RUN, rank: int = 0, metric: str = "loss"
) -> list[Any]:
    return [run, metric, rank, step, 0, NOW, value, version]


def add(metrics: MetricStore, *rows: list[Any]) -> None:
    metrics.insert_rows("scalars", POINT, rows)


def counted(metrics: MetricStore) -> dict[str, tuple[int, int, int]]:
    found = nonfinite_counts(metrics, "project", IDS)
    return {id: (its["nan"], its["above"], its["below"]) for id, its in found.items()}


def test_each_kind_is_counted_by_run_and_metric(metrics: MetricStore) -> None:
    add(metrics, point(1, nan), point(2, inf), point(3, 1.0), point(1, nan, rank=1), point(9, -inf, metric="val/x"))
    add(metrics, point(1, 0.5, run=OTHER), point(1, nan, metric="val/x"))
    assert nonfinite_counts(metrics, "project", IDS) == {
        "run": {"nan": 3, "above": 1, "below": 1, "of": 2, "metrics": [["loss", 2, 1, 0], ["val/x", 1, 0, 1]]}
    }
    assert nonfinite_counts(metrics, "another", IDS) == {}
    assert nonfinite_counts(metrics, "project", []) == {}


def test_of_many_metrics_those_with_most_are_named(metrics: MetricStore) -> None:
    add(metrics, *[point(step, nan, metric=f"m{index:02d}") for index in range(30) for step in range(index + 1)])
    its = nonfinite_counts(metrics, "project", IDS)["run"]
    assert (its["nan"], its["of"]) == (sum(range(31)), 30)
    assert its["metrics"] == [[f"m{index:02d}", index + 1, 0, 0] for index in range(29, 9, -1)]


def test_a_point_counts_as_it_is_seen(metrics: MetricStore, by_hand: Callable[[str], None]) -> None:
    rows = [point(step, nan if step % 10 == 3 else 1.0, version_of(5, step + 1)) for step in range(30)]
    for _ in range(3):  # repeats
        add(metrics, *rows)
    assert counted(metrics) == {"run": (3, 0, 0)}
    add(metrics, point(3, 0.25, version_of(5, 100)), point(4, -inf, version_of(5, 101)))  # written again
    assert counted(metrics) == {"run": (2, 0, 1)}
    add(metrics, point(3, nan, version_of(5, 50)))  # late
    assert counted(metrics) == {"run": (2, 0, 1)}
    by_hand("OPTIMIZE TABLE scalars{local} FINAL")
    assert counted(metrics) == {"run": (2, 0, 1)}
    metrics.insert_rows("events", EVENT, [[RUN, 7, 1, 0, 6, "rewind", 20, NOW, "{}", version_of(6, 1)]])
    assert counted(metrics) == {"run": (1, 0, 1)}
    metrics.insert_rows("removals", ("run", "state", "attempt", "version"), [[RUN, "trashed", 0, 1]])
    assert counted(metrics) == {}


MANY = (
    "INSERT INTO scalars SELECT toUUID('{run}'), 'loss', 0, number, 0, now64(3), "
    "if(number IN (70000, 500000), nan, 1 / (number + 1)), 1 FROM numbers(1000000) SETTINGS {settings}"
)


def add_many(metrics: MetricStore, run: uuid.UUID, settings: str) -> None:
    """A million points of a run."""
    shard = metrics.shard_of(run)
    where = f", insert_shard_id = {shard}, distributed_foreground_insert = 1" if shard else ""
    metrics.command(MANY.format(run=run, settings=settings + where))


@pytest.fixture
def reads_at_most(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A count that would read more rows fails."""
    query = nonfinite._COUNTS

    def limited(rows: int) -> None:
        monkeypatch.setattr(nonfinite, "_COUNTS", f"{query} SETTINGS max_rows_to_read = {rows}, max_bytes_to_read = 0")

    return limited


def test_a_large_run_is_not_scanned(own_metrics: MetricStore, reads_at_most: Callable[[int], None]) -> None:
    add_many(own_metrics, RUN, "max_insert_threads = 1")
    add_many(own_metrics, OTHER, "max_insert_threads = 1")
    reads_at_most(200_000)
    assert counted(own_metrics) == {"run": (2, 0, 0), "other": (2, 0, 0)}
    add(own_metrics, point(70_000, 0.5, 2))
    assert counted(own_metrics) == {"run": (1, 0, 0), "other": (2, 0, 0)}


def test_parts_from_before_the_index_are_counted_and_then_indexed(
    own_metrics: MetricStore, by_hand: Callable[[str], None], reads_at_most: Callable[[int], None]
) -> None:
    add_many(own_metrics, RUN, "materialize_skip_indexes_on_insert = 0")
    assert counted(own_metrics) == {"run": (2, 0, 0)}
    reads_at_most(100_000)
    with pytest.raises(StoreError, match="TOO_MANY_ROWS"):
        counted(own_metrics)
    by_hand("ALTER TABLE scalars{local} MATERIALIZE INDEX nonfinite SETTINGS mutations_sync = 2")
    assert counted(own_metrics) == {"run": (2, 0, 0)}
