"""Two real ClickHouse servers that are two shards of a cluster, with ZooKeeper as its keeper.

What this build of the server leaves out: ON CLUSTER (refused with code 392, once it has been read and the cluster
found) and the port between replicas. clickhouse-local never registers its own address for them, whatever
`interserver_http_port` says, so the thread that is to make a replica active gives up (code 139): a replicated table can
be made and read, but not written or altered.
"""

from __future__ import annotations

from pathlib import Path

from components.clickhouse import ClickHouse
from components.programs import free_port
from components.zookeeper import ZooKeeper

__all__ = ["CLUSTER", "ClickHouseCluster"]

CLUSTER = "two_shards"


class ClickHouseCluster:
    def __init__(self, folder: Path) -> None:
        self._keeper = ZooKeeper(folder / "keeper")
        ports = [free_port(), free_port()]
        shards = "".join(
            f"<shard><internal_replication>true</internal_replication>"
            f"<replica><host>127.0.0.1</host><port>{port}</port></replica></shard>"
            for port in ports
        )
        self.shards = [
            ClickHouse(
                folder / f"shard{number}",
                tcp_port=port,
                config=f"<zookeeper><node><host>127.0.0.1</host><port>{self._keeper.port}</port></node></zookeeper>"
                f"<macros><shard>{number}</shard><replica>r1</replica></macros>"
                f"<remote_servers><{CLUSTER}><secret>between shards</secret>{shards}</{CLUSTER}></remote_servers>"
                "<distributed_ddl><path>/clickhouse/ddl</path></distributed_ddl>",
            )
            for number, port in enumerate(ports, 1)
        ]

    def start(self) -> ClickHouseCluster:
        self._keeper.start()
        for shard in self.shards:
            shard.start()
        return self

    def kill(self) -> None:
        for shard in self.shards:
            shard.kill()
        self._keeper.kill()

    def url(self, database: str, **options: str) -> str:
        """Both nodes by name; unless told otherwise without replicas, for this build cannot write to those."""
        known = {"cluster": CLUSTER, "ddl": "hosts", "replicated": "0", **options}
        first = self.shards[0].url(database, **known)
        mine = f"127.0.0.1:{self.shards[0].http_port}"
        return first.replace(mine, f"{mine},127.0.0.1:{self.shards[1].http_port}")
