"""What the rooms above are told of removals, holds and rules: plain frozen data, free of any store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from ...ids import RunKey

__all__ = ["Hold", "RetentionStore", "Trashed", "utc_of"]


class RetentionStore(Protocol):
    """What is needed of metrics.MetricStore."""

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]: ...
    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...
    def insert_shared(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...
    def delete_rows(self, table: str, condition: str) -> None: ...
    def run_tables(self) -> dict[str, set[str]]: ...


@dataclass(frozen=True)
class Trashed:
    """A run in the trash. time: when it was put there, UTC."""

    key: RunKey
    time: datetime
    who: str
    reason: str


@dataclass(frozen=True)
class Hold:
    """Nothing removes the run before `until` (UTC). time, who: of the hold itself."""

    key: RunKey
    until: datetime
    time: datetime
    who: str
    reason: str


def utc_of(time: datetime) -> datetime:
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
