"""The same as LocalRetention, asked of a service. See service/retention_api.py for the other end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import ApiError, BlobError, InvalidValue, ServiceUnavailable, StepwellError, StoreError
from ..run_key import RunKey
from ..stores.retention.records import Going, Hold, KeepBest, Rule, Trashed

__all__ = [
    "HttpRetention", "hold_from_json", "hold_to_json", "rule_from_json", "rule_to_json", "trashed_from_json",
    "trashed_to_json",
]  # fmt: skip

Json = dict[str, Any]
Ask = Callable[[str, str, Mapping[str, Any] | None], Any]
Lines = Callable[[str, str, Mapping[str, Any] | None], Iterator[str]]

_ERRORS: dict[str, type[StepwellError]] = {
    "BlobError": BlobError,
    "InvalidValue": InvalidValue,
    "StoreError": StoreError,
    "StoreUnavailable": StoreError,
}


def error_of(value: Mapping[str, Any]) -> StepwellError:
    """What the service's gc ended with."""
    return _ERRORS.get(str(value["error"]), ApiError)(str(value["message"]))


class HttpRetention:
    """See retention.Retention.

    ask(method, path, body): the service's answer, decoded; lines: the same, of an answer that is JSON by lines.
    """

    def __init__(self, ask: Ask, lines: Lines) -> None:
        self._ask, self._lines = ask, lines

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

    def rules(self) -> list[Rule]:
        return [rule_from_json(value) for value in self._ask("GET", "/retention", None)["rules"]]

    def set_rule(self, rule: Rule, *, by: str) -> Rule:
        body = {**rule_to_json(rule), "by": by}
        return rule_from_json(self._ask("PUT", f"/retention/{quote(rule.project, safe='')}", body))

    def gc(self, *, apply: bool) -> Iterator[Going]:
        begun = ended = False
        kept = "what gc has removed stays removed, and the next gc goes on"
        try:
            for line in self._lines("POST", "/gc", {"apply": apply}):
                value, begun = json.loads(line), True
                if "error" in value:
                    raise error_of(value)
                ended = ended or "ended" in value
                if "what" in value:
                    yield Going(**value)
        except ServiceUnavailable as error:
            if not begun:
                raise
            raise ServiceUnavailable(f"{error}; {kept}") from error
        if not ended:
            raise ServiceUnavailable(f"the service broke off in the middle of its gc; {kept}")

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


def rule_to_json(rule: Rule) -> Json:
    return {
        "project": rule.project, "keep_last": rule.keep_last, "keep_best": [str(best) for best in rule.keep_best],
        "max_age_s": rule.max_age_s, "trash_s": rule.trash_s, "by": rule.who,
    }  # fmt: skip


def rule_from_json(value: Mapping[str, Any]) -> Rule:
    best = tuple(map(KeepBest.parse, value["keep_best"]))
    return Rule(value["project"], value["keep_last"], best, value["max_age_s"], value["trash_s"], value["by"])


def hold_to_json(one: Hold) -> Json:
    return {
        "project": one.key.project, "id": one.key.id, "until": one.until.isoformat(), "time": one.time.isoformat(),
        "by": one.who, "reason": one.reason,
    }  # fmt: skip


def hold_from_json(value: Mapping[str, Any]) -> Hold:
    until, time = datetime.fromisoformat(value["until"]), datetime.fromisoformat(value["time"])
    return Hold(RunKey(value["project"], value["id"]), until, time, value["by"], value["reason"])
