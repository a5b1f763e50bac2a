"""Rows on a ClickHouse server, or a cluster of them, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from ..errors import StoreError, StoreUnavailable
from .cluster import ClusterSchema
from .failures import store_error
from .schema import Schema, SingleSchema
from .server_address import Host, ServerAddress

__all__ = ["ServerEngine"]

_TRIES = 3
# A query over Distributed tables that has another in it: each shard answers both from its own rows. That is right
# because subqueries here choose and join by run, and all rows of a run lie on one shard ("global" cannot nest).
# alter_sync: a view that follows an ALTER needs the new column on whichever replica it is made.
_CLUSTER_SETTINGS = {"distributed_product_mode": "local", "skip_unavailable_shards": 0, "alter_sync": 2}


class ServerEngine:
    """clickhouse://user:password@host:port/database?secure=0; the options are those of `ServerAddress`."""

    tries = _TRIES

    def __init__(self, url: str) -> None:
        self.address = ServerAddress.parse(url)
        self.cluster = self.address.cluster
        self.sharded = bool(self.cluster)
        self._host = 0  # of the address's hosts the one that answered last

    def __repr__(self) -> str:
        return f"ServerEngine({self.where})"

    @property
    def where(self) -> str:
        return self.address.where

    def open(self) -> None:
        """Nothing is held on a server; the database is made by the migration."""

    def _make_database(self) -> None:
        client = self._any_client(None)
        try:
            # Asked first: where it is there already, no right to make one is needed.
            if str(client.command(f"EXISTS DATABASE {self.address.database}")) != "1":
                client.command(f"CREATE DATABASE IF NOT EXISTS {self.address.database}")
        except ClickHouseError as error:
            raise store_error(f"cannot make the database at {self.where}", error) from error
        finally:
            client.close()

    def connect(self) -> Client:
        return self._any_client(self.address.database)

    def schema(self) -> Schema:
        if not self.sharded:
            return SingleSchema(self.connect, self.where, alone=False, make_database=self._make_database)
        clients: list[Client] = []
        try:
            # Not into the database, which may not be there yet.
            for host in self.address.hosts if self.address.ddl == "hosts" else self.address.hosts[:1]:
                clients.append(self._client(host, None))
        except BaseException:
            for client in clients:
                client.close()
            raise
        return ClusterSchema(self.address, clients)

    def _any_client(self, database: str | None) -> Client:
        """Of the first host that answers, beginning with the one that did last."""
        failure: StoreError | None = None
        count = len(self.address.hosts)
        for index in (*range(self._host, count), *range(self._host)):
            try:
                client = self._client(self.address.hosts[index], database)
            except StoreUnavailable as error:
                failure = failure or error
                continue
            self._host = index
            return client
        raise failure or StoreError("the ClickHouse address names no host")

    def _client(self, host: Host, database: str | None) -> Client:
        address = self.address
        try:
            return clickhouse_connect.get_client(
                host=host.name,
                port=host.port,
                username=address.user,
                password=address.password,
                database=database or "default",
                secure=address.secure,
                verify=address.verify,
                ca_cert=address.ca,
                client_cert=address.cert,
                client_cert_key=address.key,
                connect_timeout=address.connect_timeout_s,
                send_receive_timeout=address.timeout_s,
                autogenerate_session_id=False,  # a session would allow one query at a time
                settings=_CLUSTER_SETTINGS if self.sharded else None,
            )
        except (ClickHouseError, OSError) as error:
            raise store_error(f"cannot use ClickHouse at {self.where}", error) from error

    def insert_native(self, client: Client, table: str, block: bytes, settings: Mapping[str, Any]) -> None:
        client.raw_insert(table, insert_block=block, fmt="Native", settings=dict(settings))

    def insert_arrow(
        self, client: Client, table: str, columns: Sequence[str], data: bytes, settings: Mapping[str, Any]
    ) -> None:
        client.raw_insert(table, list(columns), data, settings=dict(settings), fmt="ArrowStream")

    def delete(self, client: Client, table: str, condition: str) -> None:
        address = self.address
        if not self.sharded:
            client.command(f"DELETE FROM {table} WHERE {condition}")
        elif address.ddl == "hosts":
            for host in address.hosts:
                one = self._client(host, address.database)
                try:
                    one.command(f"DELETE FROM {table}_local WHERE {condition}")
                finally:
                    one.close()
        else:
            where = f"{address.database}.{table}_local ON CLUSTER {address.cluster}"
            client.command(f"DELETE FROM {where} WHERE {condition}")

    def stream(self, client: Client, sql: str, parameters: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        try:
            with client.query_arrow_stream(sql, parameters=dict(parameters), use_strings=True) as batches:
                yield from batches
        except (ClickHouseError, HTTPError, pa.ArrowException) as error:
            # Once the answer has begun, an error on the server cuts it: the driver does not translate that.
            raise store_error("the query failed before its end", error) from error

    def close(self) -> None:
        """Nothing is held on a server between clients; connections are pooled by the driver, for the process."""
