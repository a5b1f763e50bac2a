"""The same as LocalRetention, asked of a service. See service/retention_api.py for the other end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from ..ids import RunKey
from ..stores.retention.records import Hold, Trashed

__all__ = ["HttpRetention", "hold_from_json", "hold_to_json", "trashed_from_json", "trashed_to_json"]

Json = dict[str, Any]


class HttpRetention:
    """See retention.Retention. ask(method, path, body): the service's answer, decoded."""

    def __init__(self, ask: Callable[[str, str, Mapping[str, Any] | None], Any]) -> None:
        self._ask = ask

    def trash(self, keys: Sequence[RunKey], *, by: str, reason: str = "") -> None:
        self._ask("POST", "/trash", {"runs": [str(key) for key in keys], "by": by, "reason": reason})

    def restore(self, keys: Sequence[RunKey], *, by: str) -> None:
        self._ask("POST", "/restore", {"runs": [str(key) for key in keys], "by": by})

    def purge(self, keys: Sequence[RunKey], *, by: str, reason: str = "") -> None:
        self._ask("POST", "/purge", {"runs": [str(key) for key in keys], "by": by, "reason": reason})

    def trashed(self, project: str | None = None) -> list[Trashed]:
        return [trashed_from_json(value) for value in self._ask("GET", "/trash" + _of(project), None)["runs"]]

    def hold(self, key: RunKey, until: datetime, *, by: str, reason: str) -> Hold:
        body = {"until": until.isoformat(), "by": by, "reason": reason}
        return hold_from_json(self._ask("PUT", _path(key), body))

    def release(self, key: RunKey, *, by: str, reason: str = "") -> None:
        self._ask("DELETE", _path(key), {"by": by, "reason": reason})

    def holds(self, project: str | None = None) -> list[Hold]:
        return [hold_from_json(value) for value in self._ask("GET", "/holds" + _of(project), None)["holds"]]


def _of(project: str | None) -> str:
    return "" if project is None else f"?{urlencode({'project': project})}"


def _path(key: RunKey) -> str:
    return f"/runs/{quote(key.project, safe='')}/{quote(key.id, safe='')}/hold"


def trashed_to_json(one: Trashed) -> Json:
    return {
        "project": one.key.project, "id": one.key.id, "uuid": str(one.key.uuid), "time": one.time.isoformat(),
        "by": one.who, "reason": one.reason,
    }  # fmt: skip


def trashed_from_json(value: Mapping[str, Any]) -> Trashed:
    time = datetime.fromisoformat(value["time"])
    return Trashed(RunKey(value["project"], value["id"]), time, value["by"], value["reason"])


def hold_to_json(one: Hold) -> Json:
    return {
        "project": one.key.project, "id": one.key.id, "until": one.until.isoformat(), "time": one.time.isoformat(),
        "by": one.who, "reason": one.reason,
    }  # fmt: skip


def hold_from_json(value: Mapping[str, Any]) -> Hold:
    until, time = datetime.fromisoformat(value["until"]), datetime.fromisoformat(value["time"])
    return Hold(RunKey(value["project"], value["id"]), until, time, value["by"], value["reason"])
