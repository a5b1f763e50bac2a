"""A store's schema: what version it has, and how one statement of a migration is carried out there.

One node here; a cluster's is in cluster.py. What the statements are is migrate.py's business.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from typing import Any, Protocol

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from ..errors import StoreBusy, StoreError
from .rows import insert_rows

__all__ = ["LOCK_WAIT_S", "UNKNOWN_DATABASE", "UNKNOWN_TABLE", "Schema", "SingleSchema", "migration_lock"]

UNKNOWN_TABLE, UNKNOWN_DATABASE = 60, 81  # ClickHouse's error codes
_TABLE_EXISTS = 57
LOCK_WAIT_S = 60.0  # another replica's migration takes seconds; a lock older than this was left by a dead one


class Schema(Protocol):
    """Every call may raise ClickHouseError or StoreError."""

    @property
    def where(self) -> str: ...

    def versions(self) -> Mapping[str, int]:
        """By node; 0 where nothing is there yet. Changes nothing."""

    def prepare(self) -> None:
        """What the migrations stand on."""

    def rendered(self, statement: str) -> list[str]:
        """The statements that are run for one of a migration."""

    def run(self, statement: str) -> None: ...

    def record(self, version: int, name: str) -> None:
        """From now on `versions` gives this one."""

    def lock(self) -> AbstractContextManager[None]:
        """Raises StoreBusy while another process migrates."""

    def close(self) -> None: ...


class SingleSchema:
    """An embedded store or one server. `schema_version` has a row a migration."""

    def __init__(
        self, connect: Callable[[], Client], where: str, *, alone: bool, make_database: Callable[[], None]
    ) -> None:
        """connect: into the database. alone: no other process can be at it."""
        self._connect = connect
        self._where = where
        self._alone = alone
        self._make_database = make_database
        self._open: Client | None = None

    @property
    def where(self) -> str:
        return self._where

    @property
    def _client(self) -> Client:
        if self._open is None:
            self._open = self._connect()
        return self._open

    def versions(self) -> Mapping[str, int]:
        try:
            return {self._where: int(str(self._client.command("SELECT max(version) FROM schema_version")))}
        except (ClickHouseError, StoreError) as error:
            if error.code in (UNKNOWN_TABLE, UNKNOWN_DATABASE):
                return {self._where: 0}
            raise

    def prepare(self) -> None:
        self._make_database()
        self._client.command(
            "CREATE TABLE IF NOT EXISTS schema_version (version UInt32, name String, applied DateTime64(3, 'UTC')) "
            "ENGINE = ReplacingMergeTree ORDER BY version SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
        )

    def rendered(self, statement: str) -> list[str]:
        return [statement]

    def run(self, statement: str) -> None:
        self._client.command(statement)

    def record(self, version: int, name: str) -> None:
        row: list[Any] = [version, name, datetime.now(timezone.utc)]
        insert_rows(self._client, "schema_version", ["version", "name", "applied"], [row])

    @contextmanager
    def lock(self) -> Iterator[None]:
        if self._alone:
            yield
            return
        with migration_lock(self._client, self._where, "currentDatabase()", "schema_lock"):
            yield

    def close(self) -> None:
        if self._open is not None:
            self._open.close()


@contextmanager
def migration_lock(client: Client, where: str, database: str, table: str) -> Iterator[None]:
    """ClickHouse has no advisory locks, but of several CREATE TABLE of one name one succeeds.

    database: an SQL expression; table: as the client names it.
    """
    end = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            client.command(f"CREATE TABLE {table} (at DateTime DEFAULT now()) ENGINE = Memory")
            break
        except ClickHouseError as error:
            if error.code != _TABLE_EXISTS:
                raise
        age = client.command(
            "SELECT toInt64(now() - metadata_modification_time) FROM system.tables "
            f"WHERE database = {database} AND name = 'schema_lock'"
        )
        if isinstance(age, int) and age > LOCK_WAIT_S:
            client.command(f"DROP TABLE IF EXISTS {table}")
            continue
        if time.monotonic() > end:
            raise StoreBusy(f"another process has been migrating {where} for {LOCK_WAIT_S:.0f} s; start again later")
        time.sleep(0.2)
    try:
        yield
    finally:
        client.command(f"DROP TABLE IF EXISTS {table}")
