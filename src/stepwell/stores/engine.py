"""Where the rows lie: an embedded chDB folder or a ClickHouse server. Both give the same client.

An engine hands out clients and Arrow streams; what is asked of them is `MetricStore`'s business.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from ..errors import StoreError
from .failures import store_error
from .lock import StoreLock

__all__ = ["EmbeddedEngine", "Engine", "ServerEngine", "engine_of"]

DATABASE = "stepwell"


class Engine(Protocol):
    embedded: bool

    @property
    def where(self) -> str:
        """The store's address without its password."""

    def open(self) -> None:
        """Makes the database; takes what must be held. Raises StoreBusy, StoreError."""

    def connect(self) -> Client: ...

    def insert_native(self, client: Client, table: str, block: bytes, settings: Mapping[str, Any]) -> None: ...

    def stream(self, client: Client, sql: str, parameters: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Record batches as the engine makes them: memory is bounded by one of them."""

    def close(self) -> None: ...


class EmbeddedEngine:
    """chDB in this process. Any number of clients on one folder; one folder a process."""

    embedded = True

    def __init__(self, path: str) -> None:
        if not os.path.isabs(path):
            raise StoreError(f"an embedded store is named by an absolute path (chdb:///path), not {path!r}")
        self._path = Path(os.path.realpath(path))
        self._incoming = Path(f"{self._path}.incoming")
        self._lock = StoreLock(self._path)

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
            client = self._client(None)
            client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
            client.close()
        except BaseException:
            self._lock.release()
            raise

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
        # As the client's raw_insert does it, but through the store's own disk: /tmp may be small, or memory.
        path = self._incoming / f"{secrets.token_hex(8)}.native"
        quoted = str(path).replace("\\", "\\\\").replace("'", "\\'")
        try:
            path.write_bytes(block)
            client.command(f"INSERT INTO {table} FROM INFILE '{quoted}' {_clause(settings)} FORMAT Native")
        finally:
            path.unlink(missing_ok=True)

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
        self._lock.release()


class ServerEngine:
    """A ClickHouse server over HTTP: clickhouse://user:password@host:port/database?secure=0."""

    embedded = False

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._secure = options.get("secure", "0").lower() in ("1", "true", "yes")
        try:
            self._port = parts.port or (8443 if self._secure else 8123)
        except ValueError:
            raise StoreError("the port of the ClickHouse address is not a number up to 65535") from None
        self._host = parts.hostname or "localhost"
        self._user = unquote(parts.username) if parts.username else "default"
        self._password = unquote(parts.password) if parts.password else ""
        self._database = unquote(parts.path.strip("/")) or DATABASE
        if not self._database.replace("_", "").isalnum():
            raise StoreError(f"a database is named by letters, digits and '_', not {self._database!r}")

    def __repr__(self) -> str:
        return f"ServerEngine({self.where})"

    @property
    def where(self) -> str:
        return f"clickhouse://{self._host}:{self._port}/{self._database}"

    def open(self) -> None:
        client = self._client(None)
        try:
            client.command(f"CREATE DATABASE IF NOT EXISTS {self._database}")
        except ClickHouseError as error:
            raise store_error(f"cannot make the database at {self.where}", error) from error
        finally:
            client.close()

    def connect(self) -> Client:
        return self._client(self._database)

    def _client(self, database: str | None) -> Client:
        try:
            return clickhouse_connect.get_client(
                host=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                database=database or "default",
                secure=self._secure,
                autogenerate_session_id=False,  # a session would allow one query at a time
            )
        except (ClickHouseError, OSError) as error:
            raise store_error(f"cannot reach ClickHouse at {self.where}", error) from error

    def insert_native(self, client: Client, table: str, block: bytes, settings: Mapping[str, Any]) -> None:
        client.raw_insert(table, insert_block=block, fmt="Native", settings=dict(settings))

    def stream(self, client: Client, sql: str, parameters: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        try:
            with client.query_arrow_stream(sql, parameters=dict(parameters), use_strings=True) as batches:
                yield from batches
        except (ClickHouseError, HTTPError, pa.ArrowException) as error:
            # Once the answer has begun, an error on the server cuts it: the driver does not translate that.
            raise store_error("the query failed before its end", error) from error

    def close(self) -> None:
        """Nothing is held on a server between clients."""


def _clause(settings: Mapping[str, Any]) -> str:
    return "SETTINGS " + ", ".join(f"{name} = {int(value)}" for name, value in settings.items())


def engine_of(url: str) -> Engine:
    """Raises StoreError for an address of another kind."""
    scheme, colon, rest = url.partition("://")
    if colon and scheme == "chdb":
        return EmbeddedEngine(unquote(rest))
    if colon and scheme == "clickhouse":
        return ServerEngine(url)
    raise StoreError(
        f"a metric store is chdb:///path or clickhouse://user:password@host:port/database, and {scheme!r} is neither"
    )
