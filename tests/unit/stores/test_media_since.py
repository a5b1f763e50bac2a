"""What is new of a run's media, in every kind of store: what was logged since, and what came to be complete since."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from stepwell.query.artifact_rows import media_of_run
from stepwell.query.records import RunKey
from stepwell.stores.metrics import MetricStore

KEY = RunKey("project", "run")
START_MS = 1_767_225_600_000
START = datetime.fromtimestamp(START_MS / 1000, timezone.utc)
COLUMNS = (
    "run", "writer", "row_seq", "rank", "step", "time", "kind", "type", "name", "state", "size", "files", "metadata",
    "version", "project", "committed",
)  # fmt: skip


def logged(row_seq: int, at_s: float, *, name: str = "samples", step: int = 0, committed_s: float | None = None) -> Any:
    """One image, announced at `at_s` and, unless it waits on its host still, complete at `committed_s`."""
    state = "staged" if committed_s is None else "complete"
    stamp = datetime(1970, 1, 1, tzinfo=timezone.utc) if committed_s is None else START + timedelta(seconds=committed_s)
    version = row_seq | (0 if committed_s is None else 1 << 63)
    return [
        KEY.uuid, 1, row_seq, 0, step, START + timedelta(seconds=at_s), "image", "image", name, state, 1, "[]", "{}",
        version, "project", stamp,
    ]  # fmt: skip


def news(metrics: MetricStore, since_s: float | None, name: str | None = None) -> list[tuple[str, int, str, int]]:
    since = None if since_s is None else START_MS + round(1000 * since_s)
    found = media_of_run(metrics, KEY, "image", name, since)
    return [(one.name, one.step, one.state, round(1000 * one.time.timestamp()) - START_MS) for one in found]


@pytest.fixture
def images(metrics: MetricStore) -> MetricStore:
    rows = [
        logged(1, 0, step=0, committed_s=1),
        logged(2, 10, step=10, committed_s=11),
        logged(3, 20, step=20),
        logged(4, 20, name="other", step=20, committed_s=21),
    ]
    metrics.insert_rows("artifacts", COLUMNS, rows)
    return metrics


def test_what_was_logged_or_completed_since_is_new(images: MetricStore) -> None:
    assert len(news(images, None)) == 4
    assert news(images, 15) == [("other", 20, "complete", 20_000), ("samples", 20, "staged", 20_000)]
    assert news(images, 15, "other") == [("other", 20, "complete", 20_000)]
    assert news(images, 11)[1] == ("samples", 10, "complete", 10_000), "the moment itself is not before it"
    assert news(images, 60) == []
    images.insert_rows("artifacts", COLUMNS, [logged(3, 20, step=20, committed_s=90)])
    assert news(images, 60) == [("samples", 20, "complete", 20_000)]


def test_an_old_image_that_is_uploaded_late_hides_no_newer_one_of_its_step(images: MetricStore) -> None:
    again = [logged(5, 30, step=10, committed_s=31), logged(6, 5, step=10, committed_s=100)]
    images.insert_rows("artifacts", COLUMNS, again)
    assert news(images, 60) == [("samples", 10, "complete", 30_000)]
