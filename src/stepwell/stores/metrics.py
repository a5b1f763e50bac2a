"""The metric store: Native blocks in, Arrow out, over whichever engine holds the rows.

Inserts have a client of their own, queries a few others: on one chDB client an insert waits for the query
before it (6 s behind a large one, measured; 0.17 s on a client of its own).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from ..errors import StoreError
from .engine import Engine, engine_of
from .failures import store_error
from .migrate import migrate

__all__ = ["MetricStore", "open_metrics"]

QUERY_CLIENTS_MAX = 4  # queries at one time; a further one waits for a client

_CLOSE_WAIT_S = 5.0

# Keys make a repeat harmless; block deduplication on top would swallow a re-import after a deletion.
_INSERT_SETTINGS = {"insert_deduplicate": 0, "async_insert": 0}


class MetricStore:
    """Thread-safe. Every driver error leaves as a StoreError, a passing one as StoreUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ingest_lock = threading.Lock()
        self._idle: list[Client] = []
        self._idle_lock = threading.Lock()
        self._slots = threading.Semaphore(QUERY_CLIENTS_MAX)
        self._closed = False
        engine.open()
        try:
            self._ingest = engine.connect()
        except BaseException:
            engine.close()
            raise

    def __repr__(self) -> str:
        return f"MetricStore({self.where})"

    @property
    def where(self) -> str:
        """The address without a password."""
        return self._engine.where

    def migrate(self) -> None:
        """Brings the schema to this version. Raises StoreTooNew where it is beyond it already."""
        with self._ingest_lock:
            migrate(self._ingest, embedded=self._engine.embedded, where=self.where)

    def insert_native(self, table: str, block: bytes) -> None:
        """Inserts one Native block; on return it is durable. One insert at a time."""
        with self._ingest_lock, _errors(f"cannot insert into {table}"):
            self._engine.insert_native(self._ingest, table, block, _INSERT_SETTINGS)

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """For the odd single row; bulk goes by `insert_native`."""
        with self._ingest_lock, _errors(f"cannot insert into {table}"):
            self._ingest.insert(table, rows, column_names=list(columns), settings=_INSERT_SETTINGS)

    def query_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        with self._query_client() as client, _errors("the query failed"):
            return client.query_arrow(sql, parameters=dict(parameters or {}), use_strings=True)

    def stream_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[pa.RecordBatch]:
        """Record batches while the query runs; nothing at all for an empty result."""
        with self._query_client() as client:
            yield from self._engine.stream(client, sql, parameters or {})

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        with self._query_client() as client, _errors("the query failed"):
            return list(client.query(sql, parameters=dict(parameters or {})).named_results())

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        with self._query_client() as client, _errors("the command failed"):
            return client.command(sql, parameters=dict(parameters or {}))

    def ping(self) -> bool:
        """Whether the store answers now."""
        try:
            return bool(self.command("SELECT 1") == 1)
        except StoreError:
            return False

    def close(self) -> None:
        """Waits for the insert that is running, and a while for queries: a stream left half read would never end.

        Idempotent.
        """
        if self._closed:
            return
        self._closed = True
        end = time.monotonic() + _CLOSE_WAIT_S
        for _ in range(QUERY_CLIENTS_MAX):
            self._slots.acquire(timeout=max(0.0, end - time.monotonic()))
        with self._ingest_lock:
            self._ingest.close()
        with self._idle_lock:
            for client in self._idle:
                client.close()
        self._engine.close()

    @contextmanager
    def _query_client(self) -> Iterator[Client]:
        while not self._slots.acquire(timeout=1.0):
            self._check_open()
        try:
            self._check_open()
            with self._idle_lock:
                client = self._idle.pop() if self._idle else None
            if client is None:
                client = self._engine.connect()
            try:
                yield client
            finally:
                with self._idle_lock:
                    self._idle.append(client)
        finally:
            self._slots.release()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self.where} has been closed")


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except (ClickHouseError, OSError) as error:
        raise store_error(what, error) from error


def open_metrics(url: str) -> MetricStore:
    """`chdb:///abs/path` or `clickhouse://user:password@host:port/database?secure=0`.

    Raises StoreBusy where another process has the embedded store open, StoreError for an address that
    cannot be used. The schema is `migrate`'s business.
    """
    return MetricStore(engine_of(url))
