"""What the rooms above are told of removals, holds and rules: plain frozen data, free of any store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from ...errors import InvalidValue
from ...run_key import RunKey

__all__ = ["Going", "Hold", "KeepBest", "RetentionStore", "Rule", "Trashed", "utc_of"]


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


@dataclass(frozen=True)
class KeepBest:
    """The `count` checkpoints at which `metric` was least or greatest (direction: min | max)."""

    metric: str
    direction: str
    count: int

    def __str__(self) -> str:
        return f"{self.metric}:{self.direction}:{self.count}"

    @classmethod
    def parse(cls, text: str) -> KeepBest:
        """Of METRIC:min:COUNT or METRIC:max:COUNT. Raises InvalidValue."""
        metric, _, rest = text.rpartition(":")
        metric, _, direction = metric.rpartition(":")
        if not metric or direction not in ("min", "max") or not rest.isascii() or not rest.isdigit() or int(rest) < 1:
            raise InvalidValue(f"what is best is said as METRIC:min:COUNT or METRIC:max:COUNT, not {text!r}")
        return cls(metric, direction, int(rest))


@dataclass(frozen=True)
class Rule:
    """What gc does in a project. keep_last, keep_best: both empty keep every checkpoint. max_age_s: runs that nothing
    was heard of for longer go to the trash; 0: never. trash_s: how long they stay there; None: the setting's days.
    """

    project: str
    keep_last: int = 0
    keep_best: tuple[KeepBest, ...] = ()
    max_age_s: int = 0
    trash_s: int | None = None
    who: str = ""


@dataclass(frozen=True)
class Going:
    """One thing that gc removes, or would. what: trash | purge | checkpoint | blob | upload. size: bytes, 0 of runs."""

    what: str
    name: str
    why: str
    size: int = 0


def utc_of(time: datetime) -> datetime:
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
