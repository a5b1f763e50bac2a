"""The rules of projects, where every replica sees them, and who this store is to the blob stores."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import replace
from datetime import datetime, timezone

from ...errors import InvalidValue
from ...ids import check_project
from .records import KeepBest, RetentionStore, Rule
from .states import checked_who

__all__ = ["rules", "set_rule", "store_id"]

_COLUMNS = ("project", "keep_last", "keep_best", "max_age_s", "trash_s", "time", "who", "version")
_DAYS_MAX = 36_500
_COUNT_MAX = 1_000_000

_RULES = """
SELECT project, keep_last, keep_best, max_age_s, trash_s, who, version FROM retention FINAL ORDER BY project
"""
_ID = "SELECT id FROM identity ORDER BY time, id LIMIT 1"


def rules(store: RetentionStore) -> list[Rule]:
    """Of the projects that have some, by name."""
    found = [
        Rule(
            row["project"],
            int(row["keep_last"]),
            tuple(map(KeepBest.parse, json.loads(row["keep_best"] or "[]"))),
            int(row["max_age_s"]),
            None if int(row["trash_s"]) < 0 else int(row["trash_s"]),
            row["who"],
        )
        for row in store.rows(_RULES)
    ]
    return [rule for rule in found if rule != Rule(rule.project, who=rule.who)]


def set_rule(store: RetentionStore, rule: Rule, *, who: str) -> Rule:
    """Replaces all rules of the project; one that says nothing takes them away. Raises InvalidValue."""
    check_project(rule.project)
    who = checked_who(who)
    longest = _DAYS_MAX * 86_400
    for name, value, most in (
        ("keep_last", rule.keep_last, _COUNT_MAX),
        ("max_age_s", rule.max_age_s, longest),
        ("trash_s", rule.trash_s or 0, longest),
        *(("keep_best", best.count, _COUNT_MAX) for best in rule.keep_best),
    ):
        if not 0 <= value <= most:
            raise InvalidValue(f"{name} of {rule.project} lies between 0 and {most}, not at {value}")
    held = [int(row["version"]) for row in store.rows(_RULES) if row["project"] == rule.project]
    best = json.dumps([str(one) for one in rule.keep_best])
    trash_s = -1 if rule.trash_s is None else rule.trash_s
    version = max([time.time_ns() // 1000, *(was + 1 for was in held)])
    now = datetime.now(timezone.utc)
    row = [rule.project, rule.keep_last, best, rule.max_age_s, trash_s, now, who, version]
    store.insert_shared("retention", _COLUMNS, [row])
    return replace(rule, who=who)


def store_id(store: RetentionStore) -> str:
    """The same for every process that uses these tables; made by the first."""
    found = store.rows(_ID)
    if not found:
        store.insert_shared("identity", ("id", "time"), [[uuid.uuid4(), datetime.now(timezone.utc)]])
        found = store.rows(_ID)
    return str(found[0]["id"])
