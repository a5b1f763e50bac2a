"""The metric store: Native blocks in, Arrow out, over whichever engine holds the rows.

Inserts have a client of their own, queries a few others: on one chDB client an insert waits for the query
before it (6 s behind a large one, measured; 0.17 s on a client of its own).
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from ..errors import StoreError, StoreUnavailable
from .cluster import SHARDS_TABLE
from .engine import Engine, engine_of
from .failures import store_error
from .migrate import Plan, fill_again, migrate, plan
from .rows import insert_rows
from .shards import HOME_SHARD, ShardMap

__all__ = ["MetricStore", "open_metrics"]

log = logging.getLogger("stepwell.stores")

_T = TypeVar("_T")

# Whatever a migration adds for runs is found without being named here.
_RUN_TABLES = """
SELECT of AS name, columns FROM (
  SELECT table AS of, groupArray(name) AS columns FROM system.columns
  WHERE database = currentDatabase() GROUP BY table)
WHERE has(columns, 'run') AND of IN (
  SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')
"""
_ABOUT_RUNS = frozenset({"removals", "holds", SHARDS_TABLE})  # what is known of a run whose rows are gone

QUERY_CLIENTS_MAX = 4  # queries at one time; a further one waits for a client

_CLOSE_WAIT_S = 5.0
_BACKOFF_S = 0.2  # before the second try of a call; doubled before each further one, half of it by chance

# Keys make a repeat harmless; block deduplication on top would swallow a re-import after a deletion. A column that
# the table lacks is an error: ClickHouse would drop its values without a word.
_INSERT_SETTINGS = {"insert_deduplicate": 0, "async_insert": 0, "input_format_skip_unknown_fields": 0}
_ONE_BLOCK_ROWS = 1 << 20  # of an Arrow stream, which an insert cuts into blocks by this
# An answer only once the shard has it, and most of its replicas; each insert names its shard.
_CLUSTER_INSERT_SETTINGS = {"distributed_foreground_insert": 1, "insert_quorum": "auto", **_INSERT_SETTINGS}


class MetricStore:
    """Thread-safe. Every driver error leaves as a StoreError, a passing one as StoreUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ingest_lock = threading.Lock()
        self._idle: list[Client] = []
        self._idle_lock = threading.Lock()
        self._slots = threading.Semaphore(QUERY_CLIENTS_MAX)
        self._closed = False
        self._ingest: Client | None = None
        self._shards: ShardMap | None = None
        engine.open()

    def __repr__(self) -> str:
        return f"MetricStore({self.where})"

    @property
    def where(self) -> str:
        """The address without a password."""
        return self._engine.where

    @property
    def sharded(self) -> bool:
        """Whether rows of one insert must all be of one shard (`shard_of`)."""
        return self._engine.sharded

    def shard_of(self, run: uuid.UUID) -> int:
        """From 1; 0 where there are no shards. Raises StoreError."""
        if not self._engine.sharded:
            return 0
        if self._shards is None:
            self._shards = ShardMap(self._engine.cluster, self.rows, self._insert_rows)
        return self._shards.of(run)

    def migrate(self) -> None:
        """Brings the schema to this version. Raises StoreTooNew where it is beyond it already."""
        schema = self._engine.schema()
        try:
            migrate(schema)
        finally:
            schema.close()

    def fill_again(self, since: int) -> None:
        """Derives anew what migrations after schema `since` derive from rows: for rows that came from before it."""
        schema = self._engine.schema()
        try:
            fill_again(schema, since)
        finally:
            schema.close()

    def migration_plan(self) -> Plan:
        """What `migrate` would do; changes nothing."""
        schema = self._engine.schema()
        try:
            return plan(schema)
        finally:
            schema.close()

    def insert_native(self, table: str, block: bytes, shard: int = 0) -> None:
        """Inserts one Native block; on return it is durable. One insert at a time."""
        settings = self._insert_settings(shard)
        self._insert(table, lambda client: self._engine.insert_native(client, table, block, settings))

    def insert_arrow(self, table: str, columns: Sequence[str], data: bytes, shard: int = 0) -> None:
        """Inserts an Arrow stream, whose batches had best be one; on return it is durable. Columns it lacks have
        their defaults."""
        settings = {**self._insert_settings(shard), "max_insert_block_size": _ONE_BLOCK_ROWS}
        self._insert(table, lambda client: self._engine.insert_arrow(client, table, columns, data, settings))

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """For the odd single row; bulk goes by `insert_native`. On shards each row names its run."""
        if not self._engine.sharded:
            self._insert_rows(0, table, columns, rows)
            return
        place = list(columns).index("run")
        by_shard: dict[int, list[Sequence[Any]]] = {}
        for row in rows:
            by_shard.setdefault(self.shard_of(row[place]), []).append(row)
        for shard, its in by_shard.items():
            self._insert_rows(shard, table, columns, its)

    def insert_shared(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Rows of no run; on a cluster they lie on the first shard, where every node reads them."""
        self._insert_rows(HOME_SHARD if self._engine.sharded else 0, table, columns, rows)

    def delete_rows(self, table: str, condition: str) -> None:
        """Removes the rows that match, on every shard: once it has returned no read sees them, and merges free their
        space. `condition` is made of constants by the caller.
        """
        with self._query_client() as client, _errors(f"cannot delete from {table}"):
            self._engine.delete(client, table, condition)

    def run_tables(self) -> dict[str, set[str]]:
        """Every table with rows of runs, by its name in the migrations, and its columns."""
        suffix = "_local" if self._engine.sharded else ""
        found = {str(row["name"]).removesuffix(suffix): set(map(str, row["columns"])) for row in self.rows(_RUN_TABLES)}
        return {name: columns for name, columns in found.items() if name not in _ABOUT_RUNS}

    def _insert_rows(self, shard: int, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        settings = self._insert_settings(shard)
        self._insert(table, lambda client: insert_rows(client, table, columns, rows, settings))

    def _insert_settings(self, shard: int) -> dict[str, Any]:
        return {"insert_shard_id": shard, **_CLUSTER_INSERT_SETTINGS} if shard else _INSERT_SETTINGS

    def _insert(self, table: str, insert: Callable[[Client], object]) -> None:
        def once() -> None:
            with self._ingest_lock, _errors(f"cannot insert into {table}"):
                if self._ingest is None:
                    self._ingest = self._engine.connect()
                try:
                    insert(self._ingest)
                except OSError:  # of several hosts another may answer
                    self._ingest.close()
                    self._ingest = None
                    raise

        self._repeating(once)

    def _repeating(self, call: Callable[[], _T]) -> _T:
        """Keys make an insert that came through twice harmless, so whatever may pass is tried again."""
        for attempt in range(self._engine.tries - 1):
            try:
                return call()
            except StoreUnavailable as error:
                if not error.passing or self._closed:
                    raise
                wait_s = _BACKOFF_S * 2**attempt * random.uniform(0.5, 1.0)
                log.warning("%s; trying again in %.1f s", error, wait_s)
                time.sleep(wait_s)
        return call()

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

    def rows_for_insert(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """What an insert has to know: tried again like the insert itself, as its sender would have to send anew."""
        return self._repeating(lambda: self.rows(sql, parameters))

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
            if self._ingest is not None:
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
