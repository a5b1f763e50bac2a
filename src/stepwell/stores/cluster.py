"""The schema on a cluster: each table of a migration twice, and each view.

`scalars` of the migrations becomes `scalars_local`, which holds a shard's rows, and a Distributed `scalars` over
those. A view becomes `v_local` over the shard's own tables and a Distributed one over those views: rows of one run
lie on one shard, so FINAL, tombstones and rewinds are settled there, by the shard's primary key, and aggregates
travel instead of rows. What reads or writes the names of the migrations need not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client

from ..errors import StoreError
from .schema import migration_lock
from .server_address import ServerAddress

__all__ = ["SHARDS_TABLE", "ClusterSchema"]

_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)\s*(\(.*\))\s*ENGINE = (\w*MergeTree)(?:\((.*?)\))?\s(.*)", re.S)
_VIEW = re.compile(r"CREATE OR REPLACE VIEW (\w+) AS\s+(.*)", re.S)
_MATERIALIZED = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS\s+(.*)", re.S)
_ALTER = re.compile(r"ALTER TABLE (\w+)\s+(.*)", re.S)
_DROP = re.compile(r"DROP (TABLE|VIEW) IF EXISTS (\w+)")
_FILL = re.compile(r"INSERT INTO (\w+) SELECT (.*)", re.S)
_SOURCE = re.compile(r"\b(FROM|JOIN)(\s+)(\w+)")
_OF_COLUMNS = re.compile(r"(ADD|DROP|RENAME|MODIFY|COMMENT) COLUMN\b")  # what a Distributed table has to follow

_ON_EACH_SHARD = "SETTINGS parallel_distributed_insert_select = 2"

_VERSION = "schema_version"  # a view, so that ON CLUSTER alone makes it; its comment is the node's version
SHARDS_TABLE = "run_shards"
_SHARDS = (
    f"CREATE TABLE IF NOT EXISTS {SHARDS_TABLE} (run UUID, shard UInt32, assigned DateTime64(9, 'UTC')) "
    "ENGINE = ReplacingMergeTree ORDER BY (run, assigned, shard) "
    "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
)


class ClusterSchema:
    def __init__(self, address: ServerAddress, clients: Sequence[Client]) -> None:
        """clients: the first asks and, with ON CLUSTER, tells; with ddl=hosts one for every host, and all are told."""
        self._address = address
        self._clients = clients

    @property
    def where(self) -> str:
        return self._address.where

    def versions(self) -> Mapping[str, int]:
        client, cluster, database = self._clients[0], self._address.cluster, self._address.database
        node, every = "hostName() || ':' || toString(tcpPort()) AS node", f"clusterAllReplicas('{cluster}', system."
        nodes = client.query(f"SELECT {node} FROM {every}one)")
        found = client.query(
            f"SELECT {node}, toUInt32OrZero(comment) FROM {every}tables) "
            f"WHERE database = '{database}' AND name = '{_VERSION}'"
        )
        return {str(row[0]): 0 for row in nodes.result_rows} | {str(row[0]): int(row[1]) for row in found.result_rows}

    def prepare(self) -> None:
        on_cluster = "" if self._address.ddl == "hosts" else f" ON CLUSTER {self._address.cluster}"
        self._everywhere(f"CREATE DATABASE IF NOT EXISTS {self._address.database}{on_cluster}")
        self.run(_SHARDS)

    def rendered(self, statement: str) -> list[str]:
        """Raises StoreError for a kind of statement that no migration has needed so far."""
        if match := _TABLE.fullmatch(statement):
            name, columns, engine, arguments, rest = match.groups()
            return [
                f"CREATE TABLE IF NOT EXISTS {self._on(name + '_local')} {columns} "
                f"ENGINE = {self._engine(name, engine, arguments)} {rest}",
                self._distributed("TABLE IF NOT EXISTS", name),
            ]
        if match := _VIEW.fullmatch(statement):
            return [
                f"CREATE OR REPLACE VIEW {self._on(match[1] + '_local')} AS {self._of_shard(match[2])}",
                self._distributed("OR REPLACE TABLE", match[1]),
            ]
        if match := _MATERIALIZED.fullmatch(statement):
            view, table, select = match.groups()
            target = f"{self._address.database}.{table}_local"
            return [f"CREATE MATERIALIZED VIEW IF NOT EXISTS {self._on(view)} TO {target} AS {self._of_shard(select)}"]
        if match := _ALTER.fullmatch(statement):
            names = [match[1] + "_local", *([match[1]] if _OF_COLUMNS.match(match[2]) else [])]
            return [f"ALTER TABLE {self._on(name)} {match[2]}" for name in names]
        if match := _DROP.fullmatch(statement):
            over, local = f"DROP TABLE IF EXISTS {self._on(match[2])}", self._on(match[2] + "_local")
            return [over, f"DROP {match[1]} IF EXISTS {local}"]
        if match := _FILL.fullmatch(statement):
            # Each shard reads and writes its own rows (2), whichever node is told.
            select = self._qualified(match[2], "")
            return [f"INSERT INTO {self._address.database}.{match[1]} SELECT {select} {_ON_EACH_SHARD}"]
        raise StoreError(f"a migration has a statement whose meaning on a cluster is not known: {statement[:80]!r}")

    def run(self, statement: str) -> None:
        for rendered in self.rendered(statement):
            if rendered.endswith(_ON_EACH_SHARD):
                self._clients[0].command(rendered)
            else:
                self._everywhere(rendered)

    def record(self, version: int, name: str) -> None:
        self._everywhere(
            f"CREATE OR REPLACE VIEW {self._on(_VERSION)} AS SELECT toUInt32({version}) AS version, '{name}' AS name "
            f"COMMENT '{version}'"
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """On the first host: processes that were given different ones are not kept apart, and need not be, for a
        cluster's statements run one after another and may run twice.
        """
        database = self._address.database
        with migration_lock(self._clients[0], self.where, f"'{database}'", f"{database}.schema_lock"):
            yield

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def _everywhere(self, statement: str) -> None:
        for client in self._clients if self._address.ddl == "hosts" else self._clients[:1]:
            client.command(statement)

    def _on(self, name: str) -> str:
        cluster = "" if self._address.ddl == "hosts" else f" ON CLUSTER {self._address.cluster}"
        return f"{self._address.database}.{name}{cluster}"

    def _engine(self, name: str, engine: str, arguments: str | None) -> str:
        if not self._address.replicated:
            return f"{engine}({arguments or ''})"
        keeper = f"'/stepwell/{self._address.database}/{{shard}}/{name}', '{{replica}}'"
        return f"Replicated{engine}({', '.join(filter(None, (keeper, arguments)))})"

    def _distributed(self, verb: str, name: str) -> str:
        # No sharding key: an insert that names no shard is refused, so that no run is spread over two.
        database = self._address.database
        return (
            f"CREATE {verb} {self._on(name)} AS {database}.{name}_local "
            f"ENGINE = Distributed('{self._address.cluster}', '{database}', '{name}_local')"
        )

    def _of_shard(self, select: str) -> str:
        return self._qualified(select, "_local")

    def _qualified(self, select: str, suffix: str) -> str:
        return _SOURCE.sub(lambda match: f"{match[1]}{match[2]}{self._address.database}.{match[3]}{suffix}", select)
