"""Applies the numbered SQL files of migrations/ in order, once each, and refuses a store from the future.

Every statement is idempotent (IF NOT EXISTS, OR REPLACE), so a migration cut short is simply run again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from clickhouse_connect.driver.exceptions import ClickHouseError

from ..errors import StoreTooNew, StoreUnavailable
from .failures import store_error
from .schema import Schema

__all__ = ["LATEST", "Migration", "Plan", "fill_again", "migrate", "migrations", "plan"]

_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True)
class Migration:
    version: int
    name: str
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What is there, by node, and what `migrate` would do: migrations with the statements that each means here."""

    versions: Mapping[str, int]
    pending: tuple[tuple[Migration, tuple[str, ...]], ...]


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


_TRIES = 6
_PAUSE_S = 0.1  # before the second try of a statement; doubled before each further one
LATEST = max(migration.version for migration in migrations())


def plan(schema: Schema) -> Plan:
    """Changes nothing. Raises StoreTooNew, StoreError."""
    try:
        versions = _checked(schema)
        current = min(versions.values())
        pending = tuple(
            (one, tuple(part for statement in one.statements for part in schema.rendered(statement)))
            for one in migrations()
            if one.version > current
        )
        return Plan(versions, pending)
    except ClickHouseError as error:
        raise store_error(f"cannot read the schema of {schema.where}", error) from error


def migrate(schema: Schema) -> None:
    """Raises StoreTooNew, StoreBusy (another process is at it), StoreError."""
    try:
        if min(_checked(schema).values()) == LATEST:
            return
        schema.prepare()
        with schema.lock():
            current = min(_checked(schema).values())
            for migration in migrations():
                if migration.version > current:
                    _apply(schema, migration)
    except ClickHouseError as error:
        raise store_error(f"cannot bring {schema.where} to schema {LATEST}", error) from error


def fill_again(schema: Schema, since: int) -> None:
    """Runs the INSERT ... SELECT of the migrations after `since` once more: as every statement they are idempotent.

    For rows that were moved in from a store of schema `since`, after the migrations had run. Raises StoreError.
    """
    for migration in migrations():
        if migration.version <= since:
            continue
        for statement in migration.statements:
            if statement.startswith("INSERT INTO "):
                try:
                    schema.run(statement)
                except ClickHouseError as error:
                    raise store_error(f"filling by {migration.name} failed", error) from error


def _checked(schema: Schema) -> Mapping[str, int]:
    versions = schema.versions()
    newest = max(versions.values())
    if newest > LATEST:
        raise StoreTooNew(
            f"{schema.where} has schema {newest}, and this version of stepwell knows up to {LATEST}. Nothing was "
            "changed. Install the newer stepwell that wrote it (pip install -U stepwell)."
        )
    return versions


def _apply(schema: Schema, migration: Migration) -> None:
    for number, statement in enumerate(migration.statements, 1):
        _run(schema, statement, f"statement {number} of {migration.name} failed")
    schema.record(migration.version, migration.name)


def _run(schema: Schema, statement: str, failed: str) -> None:
    """Again where it may pass the next moment: a table that was just made is read-only until its replica is ready."""
    for tried in range(_TRIES):
        try:
            schema.run(statement)
            return
        except ClickHouseError as error:
            raised = store_error(failed, error)
            if not (isinstance(raised, StoreUnavailable) and raised.passing) or tried + 1 == _TRIES:
                raise raised from error
            time.sleep(_PAUSE_S * 2**tried)
