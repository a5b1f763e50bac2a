"""What machines did, for charts: every sample, or buckets of time that hide no spike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from making_blocks import START_MS, Making
from stepwell.home import Home
from stepwell.ids import run_uuid
from stepwell.query.payload import decode
from stepwell.query.system_series import system_series
from stepwell.stores.local import LocalStores

RUN = str(run_uuid("project", "run"))
SAMPLES, EVERY_MS, SPIKE = 2000, 5000, 777


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStores]:
    with LocalStores(Home(tmp_path_factory.mktemp("system") / "home")) as stores:
        agent = Making()
        blocks = []
        for number in range(SAMPLES):
            power = 9000.0 if number == SPIKE else 300.0 + number % 7
            figures = {"host/memory_used_bytes": float(2**40 + number), "nvidia0/power_w": power}
            blocks.append(agent.samples("node1", figures, EVERY_MS * number))
        assert all(outcome.ok for outcome in stores.ingest.write(blocks))
        yield stores


def asked(stores: LocalStores, **options: Any) -> tuple[int, dict[str, dict[str, Any]]]:
    body, arrays = decode(system_series(stores.metrics, RUN, **options))
    series = {}
    for one in body["series"]:
        columns = {name: arrays[one[name]] for name in ("time", "line", "low", "high") if name in one}
        series[f"{one['host']} {one['device']} {one['metric']}"] = {**columns, "samples": one["samples"]}
    return body["shift"], series


def test_few_samples_are_all_there_and_exact(stores: LocalStores) -> None:
    shift, series = asked(stores, low=START_MS, high=START_MS + EVERY_MS * 99)
    assert shift == -1
    assert list(series) == ["node1 host memory_used_bytes", "node1 nvidia0 power_w"]
    memory = series["node1 host memory_used_bytes"]
    assert memory["line"].tolist() == [2**40 + number for number in range(100)]
    assert memory["time"].tolist() == [START_MS + EVERY_MS * number for number in range(100)]
    assert "low" not in memory


def test_buckets_keep_the_spike_and_count_every_sample(stores: LocalStores) -> None:
    shift, series = asked(stores, buckets=64)
    power = series["node1 nvidia0 power_w"]
    assert shift > 10
    assert 32 <= len(power["line"]) <= 65
    assert power["samples"] == SAMPLES
    assert power["high"].max() == 9000.0
    assert power["low"].min() == 300.0
    assert np.all(power["low"] <= power["line"])
    assert np.all(power["line"] <= power["high"])


def test_old_buckets_are_the_same_whatever_is_in_view(stores: LocalStores) -> None:
    shift, whole = asked(stores, buckets=64)
    end = ((START_MS + EVERY_MS * 1800) >> shift << shift) - 1
    again, part = asked(stores, buckets=64, high=end)
    assert again == shift
    count = len(part["node1 nvidia0 power_w"]["line"])
    for name in ("time", "line", "low", "high"):
        assert np.array_equal(part["node1 nvidia0 power_w"][name], whole["node1 nvidia0 power_w"][name][:count])


def test_a_run_without_samples_is_empty(stores: LocalStores, tmp_path: Path) -> None:
    body, arrays = decode(system_series(stores.metrics, str(run_uuid("project", "other"))))
    assert (body, arrays) == ({"shift": -1, "series": []}, [])
