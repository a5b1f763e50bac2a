"""The ClickHouse user of the compose file that Grafana reads as: it reads one database, and writes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.clickhouse import ClickHouse
from stepwell.errors import StoreError
from stepwell.stores.metrics import MetricStore, open_metrics

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
SECRET = "of grafana"


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MetricStore]:
    """As Grafana, in the database that the service has made."""
    monkeypatch.setenv("GRAFANA_CLICKHOUSE_PASSWORD", SECRET)
    server = ClickHouse(tmp_path)
    (tmp_path / "users.d").mkdir()
    shutil.copy(DEPLOY / "clickhouse" / "grafana.xml", tmp_path / "users.d")
    server.start()
    try:
        store = open_metrics(server.url("stepwell"))
        store.migrate()
        store.close()
        store = open_metrics(server.url("stepwell", user="grafana", password=SECRET))
        yield store
        store.close()
    finally:
        server.kill()


def test_grafana_reads_the_views_and_writes_nothing(reader: MetricStore) -> None:
    assert reader.rows("SELECT count() AS n FROM v_scalars") == [{"n": 0}]
    # What the data source sets for a query of its own.
    assert reader.rows("SELECT 1 AS n SETTINGS max_execution_time = 30, distributed_product_mode = 'local'") == [
        {"n": 1}
    ]
    for refused in ("INSERT INTO runs (project) VALUES ('x')", "DROP TABLE scalars", "SELECT * FROM system.users"):
        with pytest.raises(StoreError):
            reader.command(refused)
