"""Rows in an embedded chDB folder of this process."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from ..errors import StoreError
from .failures import store_error
from .lock import StoreLock
from .schema import Schema, SingleSchema
from .server_address import DATABASE

__all__ = ["EmbeddedEngine"]


class EmbeddedEngine:
    """chDB in this process. Any number of clients on one folder; one folder a process."""

    tries = 1  # what fails in this process fails again
    sharded = False
    cluster = ""

    def __init__(self, path: str) -> None:
        if not os.path.isabs(path):
            raise StoreError(f"an embedded store is named by an absolute path (chdb:///path), not {path!r}")
        self._path = Path(os.path.realpath(path))
        self._incoming = Path(f"{self._path}.incoming")
        self._lock = StoreLock(self._path)
        self._held: Client | None = None  # while there is one, chDB refuses another folder in this process

    @property
    def where(self) -> str:
        return f"chdb://{self._path}"

    def open(self) -> None:
        try:
            for folder in (self._path, self._incoming):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the store's folder {self._path}: {error.strerror}") from error
        first = self._lock.acquire()
        try:
            if first:  # the lock says that whoever left these is gone
                for left in self._incoming.iterdir():
                    left.unlink()
            self._held = self._client(None)
            self._make_database()
        except BaseException:
            self.close()
            raise

    def _make_database(self) -> None:
        assert self._held is not None
        self._held.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")

    def schema(self) -> Schema:
        # One process owns the folder (lock.py).
        return SingleSchema(self.connect, self.where, alone=True, make_database=self._make_database)

    def connect(self) -> Client:
        return self._client(DATABASE)

    def _client(self, database: str | None) -> Client:
        try:
            return clickhouse_connect.get_client(interface="chdb", path=str(self._path), database=database)
        except ClickHouseError as error:
            if "different path" in str(error):
                raise StoreError(
                    f"this process already has another embedded store open, and chDB allows one: close that one, or "
                    f"open {self._path} in another process"
                ) from error
            raise store_error(f"cannot open the embedded store at {self._path}", error) from error

    def insert_native(self, client: Client, table: str, block: bytes, settings: Mapping[str, Any]) -> None:
        self._insert_file(client, table, block, "Native", settings)

    def insert_arrow(
        self, client: Client, table: str, columns: Sequence[str], data: bytes, settings: Mapping[str, Any]
    ) -> None:
        named = ", ".join(f"`{column}`" for column in columns)
        self._insert_file(client, f"{table} ({named})", data, "ArrowStream", settings)

    def _insert_file(self, client: Client, into: str, data: bytes, form: str, settings: Mapping[str, Any]) -> None:
        # As the client's raw_insert does it, but through the store's own disk: /tmp may be small, or memory.
        path = self._incoming / f"{secrets.token_hex(8)}.{form.lower()}"
        quoted = str(path).replace("\\", "\\\\").replace("'", "\\'")
        try:
            path.write_bytes(data)
            client.command(f"INSERT INTO {into} FROM INFILE '{quoted}' {_clause(settings)} FORMAT {form}")
        finally:
            path.unlink(missing_ok=True)

    def delete(self, client: Client, table: str, condition: str) -> None:
        client.command(f"DELETE FROM {table} WHERE {condition}")

    def stream(self, client: Client, sql: str, parameters: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        # clickhouse-connect gathers an Arrow result of chDB before it gives the first byte; chDB itself
        # streams, each chunk a whole Arrow stream of its own.
        import chdb
        from clickhouse_connect.driver.binding import bind_query

        bound, params = bind_query(sql, dict(parameters), client.server_tz)
        handle = chdb.connect(str(self._path))
        try:
            handle.query(f"USE {DATABASE}")
            chunks = handle.send_query(
                bound, "ArrowStream", params={name.removeprefix("param_"): value for name, value in params.items()}
            )
            try:
                for chunk in chunks:
                    with pa.ipc.open_stream(chunk.bytes()) as batches:
                        yield from batches
            finally:
                chunks.close()
        except RuntimeError as error:  # chDB's own errors are RuntimeErrors
            raise StoreError(f"the query failed: {str(error).splitlines()[0][:500]}") from error
        finally:
            handle.close()

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
        self._lock.release()


def _clause(settings: Mapping[str, Any]) -> str:
    return "SETTINGS " + ", ".join(f"{name} = {int(value)}" for name, value in settings.items())
