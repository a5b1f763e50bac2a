"""A migrated metric store for each test: the embedded engine, or a server's database of its own.

STEPWELL_TEST_CLICKHOUSE=clickhouse://user:password@host:port runs the same tests against a ClickHouse server.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell.stores.metrics import MetricStore, open_metrics

SERVER = os.environ.get("STEPWELL_TEST_CLICKHOUSE", "")


@pytest.fixture
def metrics_url(tmp_path: Path) -> str:
    return f"{SERVER.rstrip('/')}/test_{uuid.uuid4().hex}" if SERVER else f"chdb://{tmp_path}/metrics"


@pytest.fixture
def metrics(metrics_url: str) -> Iterator[MetricStore]:
    store = open_metrics(metrics_url)
    store.migrate()
    yield store
    if SERVER:
        store.command(f"DROP DATABASE {metrics_url.rpartition('/')[2]}")
    store.close()
