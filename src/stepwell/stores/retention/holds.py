"""Holds: until a date nothing removes a run, not a person, not a rule. A provider of a regulated system must keep its
documentation for years (Regulation (EU) 2024/1689, Art. 18).

A held run is never in the trash. Who holds and who removes may meet: each writes first and asks after, so that at
least one of them sees the other, and whoever removes then gives way.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone

from ...errors import InvalidValue, NotFound, RunHeld
from ...run_key import RunKey
from .records import Hold, RetentionStore, utc_of
from .states import (
    PURGED,
    RESTORED,
    TRASHED,
    Removal,
    checked_reason,
    checked_who,
    note,
    put,
    removals_of,
    required,
)

__all__ = ["hold", "holds", "holds_of", "refuse_held", "release"]

_COLUMNS = ("run", "until", "time", "who", "reason", "version")
_LAST = datetime(2299, 12, 31, tzinfo=timezone.utc)  # of the column's type

_HELD = """
SELECT h.run AS run, h.until AS until, h.time AS time, h.who AS who, h.reason AS reason, h.version AS version
FROM holds AS h FINAL WHERE h.run IN {runs:Array(UUID)}
"""

_HOLDS = """
SELECT r.project AS project, r.id AS id, h.until AS until, h.time AS time, h.who AS who, h.reason AS reason
FROM (SELECT run, until, time, who, reason FROM holds FINAL WHERE until > now64(3)) AS h
INNER JOIN (SELECT run, project, id FROM runs FINAL
  WHERE {project:String} = '' OR project = {project:String}) AS r ON r.run = h.run
ORDER BY until, project, id
"""


def hold(store: RetentionStore, key: RunKey, until: datetime, *, who: str, reason: str) -> Hold:
    """Replaces a hold that is there; it may be made shorter, which is an event like any other.

    A run in the trash comes back. Raises NotFound where there is no such run or it was purged, InvalidValue.
    """
    who, reason = checked_who(who), checked_reason(reason)
    until, now = utc_of(until), datetime.now(timezone.utc)
    if not reason:
        raise InvalidValue(f"a hold says why: give a reason for that of {key}")
    if until <= now:
        raise InvalidValue(f"a hold ends in the future, not at {until:%Y-%m-%d %H:%M} UTC; {key} stays as it is")
    if until > _LAST:
        raise InvalidValue(f"a hold ends by the year {_LAST.year}, not at {until:%Y-%m-%d}")
    _refuse_purged(removals_of(store, [key])[key], key)
    required(store, [key])
    _put(store, key, until, now, who, reason)
    was = removals_of(store, [key])[key]
    try:
        _refuse_purged(was, key)
    except NotFound:
        _put(store, key, now, now, who, "purged")
        raise
    if was.state == TRASHED:
        put(store, {key.uuid: (was, RESTORED, was.attempt)}, who=who, reason="held")
    note(store, [key], "hold", {"by": who, "until": until.isoformat(timespec="seconds"), "reason": reason})
    return Hold(key, until, now, who, reason)


def release(store: RetentionStore, key: RunKey, *, who: str, reason: str = "") -> None:
    """Ends a hold before its date. Raises NotFound where there is none."""
    who, reason = checked_who(who), checked_reason(reason)
    if key not in holds_of(store, [key]):
        raise NotFound(f"no hold is on {key}")
    now = datetime.now(timezone.utc)
    _put(store, key, now, now, who, reason)
    note(store, [key], "release", {"by": who, "reason": reason})


def holds(store: RetentionStore, project: str = "") -> list[Hold]:
    """Those in force, of one project or of all, the next to end first."""
    return [
        Hold(RunKey(row.pop("project"), row.pop("id")), utc_of(row.pop("until")), utc_of(row.pop("time")), **row)
        for row in store.rows(_HOLDS, {"project": project})
    ]


def holds_of(store: RetentionStore, keys: Sequence[RunKey]) -> dict[RunKey, Hold]:
    """Those in force now, of these runs."""
    now = datetime.now(timezone.utc)
    by_uuid = {str(key.uuid): key for key in keys}
    found = {}
    for row in store.rows(_HELD, {"runs": list(by_uuid)}):
        until, key = utc_of(row["until"]), by_uuid[str(row["run"])]
        if until > now:
            found[key] = Hold(key, until, utc_of(row["time"]), row["who"], row["reason"])
    return found


def refuse_held(store: RetentionStore, keys: Sequence[RunKey], what: str) -> None:
    """Raises RunHeld where one of them is held. what: "purged" or its like."""
    held = holds_of(store, keys)
    if held:
        one = next(iter(held.values()))
        more = f" ({len(held) - 1} more of these runs are held)" if len(held) > 1 else ""
        raise RunHeld(
            f"{one.key} cannot be {what}: {one.who} holds it until {one.until:%Y-%m-%d %H:%M} UTC "
            f"({one.reason}){more}. Nothing was removed; `stepwell hold {one.key} --release` ends a hold."
        )


def _refuse_purged(was: Removal, key: RunKey) -> None:
    if was.state == PURGED:
        raise NotFound(f"{key} was purged on {was.time:%Y-%m-%d} by {was.who}: there is nothing left to hold")


def _put(store: RetentionStore, key: RunKey, until: datetime, now: datetime, who: str, reason: str) -> None:
    rows = store.rows(_HELD, {"runs": [str(key.uuid)]})
    version = max(time.time_ns() // 1000, *(int(row["version"]) + 1 for row in rows), 0)
    store.insert_rows("holds", _COLUMNS, [[key.uuid, until, now, who, reason, version]])
