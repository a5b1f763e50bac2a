"""A migrated metric store for each test, the embedded engine, a real server, a real cluster of two shards; and beside
each of them another kind of blob store: files, MinIO, versitygw."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.clickhouse import ClickHouse
from stepwell.stores.blobs import BlobStore, open_blobs
from stepwell.stores.metrics import MetricStore, open_metrics

_FILLED = (
    "SELECT arrayStringConcat(groupArray(database || '.' || name), ' ') FROM system.tables WHERE database = '{0}' "
    "AND total_rows > 0 AND engine LIKE '%MergeTree' AND name != 'schema_version'"
)


@pytest.fixture(params=["embedded", "server", "cluster"])
def engine_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def metrics_url(request: pytest.FixtureRequest, engine_kind: str, tmp_path: Path) -> str:
    """Of a store that has not been migrated: nothing is there yet."""
    database = f"test_{uuid.uuid4().hex}"
    if engine_kind == "server":
        return str(request.getfixturevalue("clickhouse").url(database))
    if engine_kind == "cluster":
        return str(request.getfixturevalue("clickhouse_cluster").url(database))
    return f"chdb://{tmp_path}/metrics"


@pytest.fixture(scope="session")
def kept_urls() -> dict[str, str]:
    """By kind, of a migrated database that tests empty after themselves and otherwise leave as it is."""
    return {}


@pytest.fixture
def metrics(
    request: pytest.FixtureRequest,
    engine_kind: str,
    metrics_url: str,
    kept_urls: dict[str, str],
    nodes: list[ClickHouse],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[MetricStore]:
    """Migrated and empty. A test that changes the schema asks for `own_metrics`."""
    if "own_metrics" in request.fixturenames:
        store = open_metrics(metrics_url)
        store.migrate()
        yield store
        store.close()
        return
    if engine_kind == "embedded":
        metrics_url = f"chdb://{tmp_path_factory.getbasetemp()}/kept_metrics"
    store = open_metrics(kept_urls.setdefault(engine_kind, metrics_url))
    store.migrate()
    yield store
    commands = [node.command for node in nodes] or [store.command]
    for command in commands:
        filled = command(_FILLED.format(_database_of(store) if nodes else "stepwell"))
        for table in str(filled).split():
            command(f"TRUNCATE TABLE {table}")
    store.close()


@pytest.fixture
def own_metrics(metrics: MetricStore) -> MetricStore:
    """Of a database that no other test sees."""
    return metrics


@pytest.fixture
def nodes(request: pytest.FixtureRequest, engine_kind: str) -> list[ClickHouse]:
    """The servers themselves; none for the embedded engine."""
    if engine_kind == "server":
        return [request.getfixturevalue("clickhouse")]
    return list(request.getfixturevalue("clickhouse_cluster").shards) if engine_kind == "cluster" else []


@pytest.fixture
def by_hand(nodes: list[ClickHouse], metrics: MetricStore) -> Callable[[str], None]:
    """Runs a statement as somebody else would, on every node; in it `scalars{local}` is where rows lie."""

    def run(sql: str) -> None:
        if not nodes:
            metrics.command(sql.format(local=""))
        for node in nodes:
            node.command(sql.format(local="_local" if len(nodes) > 1 else ""), database=_database_of(metrics))

    return run


@pytest.fixture
def blobs_url(request: pytest.FixtureRequest, engine_kind: str, tmp_path: Path) -> str:
    """Of a store that only this test uses."""
    if engine_kind == "embedded":
        return f"file://{tmp_path}/blobs"
    server = request.getfixturevalue("minio_s3" if engine_kind == "server" else "versity_s3")
    return str(server.url(f"test-{uuid.uuid4().hex}"))


@pytest.fixture
def blobs(blobs_url: str) -> BlobStore:
    store = open_blobs(blobs_url)
    store.prepare()
    return store


def _database_of(metrics: MetricStore) -> str:
    return metrics.where.partition("?")[0].rpartition("/")[2]
