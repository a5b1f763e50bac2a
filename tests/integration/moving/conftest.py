"""Stores of every kind to move between."""

from __future__ import annotations

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


@pytest.fixture
def filled(place: MakePlace) -> Place:
    """An embedded store with five runs, of which one has a record of every kind."""
    here = place("embedded")
    with here.open(migrate=True) as (metrics, blobs):
        fill(metrics, blobs)
    return here
