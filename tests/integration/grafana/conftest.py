"""The recorded runs in a real ClickHouse and in a real cluster, once for all tests of a worker."""

from __future__ import annotations

import pytest

from components.clickhouse import ClickHouse
from components.cluster import ClickHouseCluster
from grafana_recorded import Recorded, recorded_into


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, clickhouse: ClickHouse) -> Recorded:
    return recorded_into(tmp_path_factory.mktemp("grafana") / "home", [(clickhouse, "{}")], clickhouse.url, {})


@pytest.fixture(scope="session")
def recorded_on_cluster(tmp_path_factory: pytest.TempPathFactory, clickhouse_cluster: ClickHouseCluster) -> Recorded:
    home = tmp_path_factory.mktemp("grafana-cluster") / "home"
    # As the data source of a cluster is provisioned.
    settings = {"distributed_product_mode": "local"}
    return recorded_into(
        home, [(shard, "{}_local") for shard in clickhouse_cluster.shards], clickhouse_cluster.url, settings
    )
