"""Applies the numbered SQL files of migrations/ in order, once each, and refuses a store from the future.

Every statement is idempotent (IF NOT EXISTS, OR REPLACE), so a migration cut short is simply run again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import resources
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from ..errors import StoreBusy, StoreTooNew
from .failures import store_error

__all__ = ["LATEST", "Migration", "migrate", "migrations"]

_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_TABLE_EXISTS = 57  # ClickHouse's TABLE_ALREADY_EXISTS
LOCK_WAIT_S = 60.0  # another replica's migration takes seconds; a lock older than this was left by a dead one


@dataclass(frozen=True)
class Migration:
    version: int
    name: str
    statements: tuple[str, ...]


def migrations() -> list[Migration]:
    """All that this version of stepwell knows, in order."""
    found = []
    for entry in (resources.files(__package__) / "migrations").iterdir():
        match = _FILE.fullmatch(entry.name)
        if match:
            found.append(Migration(int(match[1]), entry.name, _statements(entry.read_text("utf-8"))))
    return sorted(found, key=lambda migration: migration.version)


def _statements(text: str) -> tuple[str, ...]:
    """Statements end with `;` at the end of a line; `--` comments stand on lines of their own."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return tuple(part.strip() for part in re.split(r";[ \t]*(?:\n|$)", code) if part.strip())


LATEST = max(migration.version for migration in migrations())


def migrate(client: Client, *, embedded: bool, where: str) -> None:
    """Raises StoreTooNew, StoreBusy (another process is at it), StoreError."""
    try:
        client.command(
            "CREATE TABLE IF NOT EXISTS schema_version (version UInt32, name String, applied DateTime64(3, 'UTC')) "
            "ENGINE = ReplacingMergeTree ORDER BY version SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
        )
        if _current(client, where) == LATEST:
            return
        with _lock(client, where) if not embedded else _no_lock():
            current = _current(client, where)
            for migration in migrations():
                if migration.version > current:
                    _apply(client, migration)
    except ClickHouseError as error:
        raise store_error(f"cannot bring {where} to schema {LATEST}", error) from error


def _current(client: Client, where: str) -> int:
    current = int(str(client.command("SELECT max(version) FROM schema_version")))
    if current > LATEST:
        raise StoreTooNew(
            f"{where} has schema {current}, and this version of stepwell knows up to {LATEST}. Nothing was changed. "
            "Install the newer stepwell that wrote it (pip install -U stepwell)."
        )
    return current


def _apply(client: Client, migration: Migration) -> None:
    for number, statement in enumerate(migration.statements, 1):
        try:
            client.command(statement)
        except ClickHouseError as error:
            raise store_error(f"statement {number} of {migration.name} failed", error) from error
    row: list[Any] = [migration.version, migration.name, datetime.now(timezone.utc)]
    client.insert("schema_version", [row], column_names=["version", "name", "applied"])


@contextmanager
def _no_lock() -> Iterator[None]:
    """An embedded store is this process's alone already (stores/lock.py)."""
    yield


@contextmanager
def _lock(client: Client, where: str) -> Iterator[None]:
    """ClickHouse has no advisory locks, but of several CREATE TABLE of one name one succeeds."""
    end = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            client.command("CREATE TABLE schema_lock (at DateTime DEFAULT now()) ENGINE = Memory")
            break
        except ClickHouseError as error:
            if error.code != _TABLE_EXISTS:
                raise
        age = client.command(
            "SELECT toInt64(now() - metadata_modification_time) FROM system.tables "
            "WHERE database = currentDatabase() AND name = 'schema_lock'"
        )
        if isinstance(age, int) and age > LOCK_WAIT_S:
            client.command("DROP TABLE IF EXISTS schema_lock")
            continue
        if time.monotonic() > end:
            raise StoreBusy(f"another process has been migrating {where} for {LOCK_WAIT_S:.0f} s; start again later")
        time.sleep(0.2)
    try:
        yield
    finally:
        client.command("DROP TABLE IF EXISTS schema_lock")
