"""The routes behind the charts, over HTTP, on a real store: what they answer and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import math
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stepwell.ids import run_uuid
from stepwell.service.page_api import page_router
from stepwell.stores.metrics import MetricStore, open_metrics

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
RUN, OTHER = str(uuid.uuid4()), str(uuid.uuid4())
COLUMNS = ("run", "metric", "rank", "step", "at", "time", "value", "version")


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricStore]:
    folder: Path = tmp_path_factory.mktemp("store")
    store = open_metrics(f"chdb://{folder / 'metrics'}")
    store.migrate()
    yield store
    store.close()


@pytest.fixture(scope="module")
def page(metrics: MetricStore) -> Iterator[TestClient]:
    for run, name in ((RUN, "one"), (OTHER, "two")):
        metrics.insert_rows(
            "runs", ("run", "project", "id", "shard", "created", "version"), [(uuid.UUID(run), "p", name, 0, START, 1)]
        )
        for metric in ("loss", "tokens"):
            rows = [
                (uuid.UUID(run), metric, step % 2, step, 0, START + step * timedelta(seconds=1), 10.0 * step, step + 1)
                for step in range(20)
            ]
            metrics.insert_rows("scalars", COLUMNS, rows)
    app = FastAPI()
    app.include_router(page_router(metrics))
    with TestClient(app) as client:
        yield client


def header(content: bytes) -> Any:
    return json.loads(content[4 : 4 + int.from_bytes(content[:4], "little")])["body"]


def test_a_series_is_asked_for_by_run_by_group_and_over_another_metric(page: TestClient) -> None:
    asked = [
        {"run": RUN, "metric": "loss"},
        {"run": "both", "metric": "loss", "members": [RUN, OTHER]},
        {"run": RUN, "metric": "loss", "x": "tokens", "low": 0.5, "high": 25.5},
    ]
    answer = page.post("/api/v1/series", json={"series": asked})
    assert answer.status_code == 200
    one, group, crossed = header(answer.content)
    assert (one["points"], group["points"], crossed["seen"]) == (20, 40, 2)
    assert "runs" in group["columns"]
    assert "x" in crossed["columns"]


@pytest.mark.parametrize(
    "asked",
    [
        {"run": "no uuid", "metric": "loss"},
        {"run": "g", "metric": "loss", "members": [RUN], "x": "tokens"},
        {"run": "g", "metric": "loss", "members": [RUN], "by_time": True},
        {"run": "g", "metric": "loss", "members": ["no uuid"]},
        {"run": RUN, "metric": "loss", "low": 1e300},
        {"run": RUN, "metric": "m" * 601},
    ],
)
def test_what_makes_no_sense_is_refused_and_not_guessed(page: TestClient, asked: dict[str, Any]) -> None:
    assert page.post("/api/v1/series", json={"series": [asked]}).status_code == 422


def test_the_rows_of_a_chart_are_a_file_with_its_name(page: TestClient) -> None:
    query = {"run": [RUN, OTHER], "metric": ["loss", "tokens"]}
    answer = page.get("/api/v1/series.csv", params=query)
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert len(rows) == 1 + 80
    assert {row[0] for row in rows[1:]} == {"p/one", "p/two"}
    assert 'filename="loss.csv"' in answer.headers["content-disposition"]
    assert page.get("/api/v1/series.csv", params={"metric": "loss"}).status_code == 422


def test_ranks_and_attempts_are_answered_for_runs_that_have_none(page: TestClient) -> None:
    nobody = str(uuid.uuid4())
    ranks = page.get("/api/v1/ranks", params={"run": nobody, "metric": "loss"})
    assert header(ranks.content)["points"] == 0
    lives = page.post("/api/v1/attempts", json={"runs": [nobody, RUN], "first_steps": True})
    assert lives.json() == {"attempts": {}, "first_steps": {RUN: 0}}


def test_points_that_are_not_finite_are_counted_for_the_rows_in_view(page: TestClient, metrics: MetricStore) -> None:
    runs = {id: run_uuid("q", id) for id in ("bad", "good")}
    for id, value in (("bad", math.nan), ("good", 1.0)):
        rows = [(runs[id], "loss", 0, step, 0, START, value, step + 1) for step in range(3)]
        last = 0.0 if id == "good" else math.inf
        metrics.insert_rows("scalars", COLUMNS, [*rows, (runs[id], "loss", 0, 3, 0, START, last, 4)])
    asked = {"project": "q", "ids": ["bad", "good", "nobody"]}
    assert page.post("/api/v1/table/nonfinite", json=asked).json() == {
        "runs": {"bad": {"nan": 3, "above": 1, "below": 0, "of": 1, "metrics": [["loss", 3, 1, 0]]}}
    }
    assert page.post("/api/v1/table/nonfinite", json={"project": "q", "ids": ["x"] * 501}).status_code == 422
    said = page.get("/openapi.json").json()["paths"]["/api/v1/table/nonfinite"]["post"]
    assert said["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/NonfiniteAnswer")
