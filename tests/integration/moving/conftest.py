"""Stores of every kind to move between."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import pytest

from components.clickhouse import ClickHouse
from components.cluster import ClickHouseCluster
from components.s3_servers import S3Server
from moving_stores import MakePlace, Place, fill


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> MakePlace:
    """By kind, a new one that nobody has made anything in yet."""

    def made(kind: str) -> Place:
        name = f"moving{uuid.uuid4().hex}"
        if kind == "embedded":
            return Place(f"chdb://{tmp_path}/{name}/metrics", f"file://{tmp_path}/{name}/blobs")
        if kind == "server":
            server: ClickHouse = request.getfixturevalue("clickhouse")
            bucket: S3Server = request.getfixturevalue("minio_s3")
            return Place(server.url(name), bucket.url(name))
        cluster: ClickHouseCluster = request.getfixturevalue("clickhouse_cluster")
        other: S3Server = request.getfixturevalue("versity_s3")
        return Place(cluster.url(name), other.url(name))

    return made


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an embedded store of five runs, of which one has a record of every kind. Tests copy it."""
    folder = tmp_path_factory.mktemp("filled")
    with Place(f"chdb://{folder}/metrics", f"file://{folder}/blobs").open(migrate=True) as (metrics, blobs):
        fill(metrics, blobs)
    return folder


@pytest.fixture
def filled(filled_once: Path, tmp_path: Path) -> Place:
    """The store with five runs, for this test alone."""
    shutil.copytree(filled_once, tmp_path / "filled", symlinks=True)
    return Place(f"chdb://{tmp_path}/filled/metrics", f"file://{tmp_path}/filled/blobs")
