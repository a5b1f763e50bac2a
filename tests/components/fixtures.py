"""The real servers as fixtures: each brought up by the first test of a worker that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.clickhouse import ClickHouse
from components.cluster import ClickHouseCluster
from components.s3_servers import S3Server, minio_server, versity_server

__all__ = ["clickhouse", "clickhouse_cluster", "minio_s3", "versity_s3"]


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    server = ClickHouse(tmp_path_factory.mktemp("clickhouse")).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def clickhouse_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseCluster]:
    cluster = ClickHouseCluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.kill()


@pytest.fixture(scope="session")
def minio_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = minio_server(tmp_path_factory.mktemp("minio")).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def versity_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = versity_server(tmp_path_factory.mktemp("versitygw")).start()
    yield server
    server.kill()
