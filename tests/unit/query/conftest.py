"""A real embedded store, shared by the tests of what charts are given."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell.stores.metrics import MetricStore, open_metrics


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricStore]:
    folder: Path = tmp_path_factory.mktemp("store")
    metrics = open_metrics(f"chdb://{folder / 'metrics'}")
    metrics.migrate()
    yield metrics
    metrics.close()


@pytest.fixture
def run() -> str:
    return str(uuid.uuid4())
