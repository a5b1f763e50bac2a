"""The first of the two steps of deleting a run, and the way back: hidden from every view, and whole again."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import NotFound
from ...run_key import RunKey
from .holds import refuse_held
from .records import RetentionStore, Trashed, utc_of
from .states import (
    PURGED,
    RESTORED,
    TRASHED,
    Removal,
    checked_reason,
    checked_who,
    note,
    one_by_one,
    put,
    removals_of,
    required,
)

__all__ = ["restore", "trash", "trashed"]

_TRASHED = """
SELECT r.project AS project, r.id AS id, t.time AS time, t.who AS who, t.reason AS reason
FROM (SELECT run, time, who, reason FROM removals FINAL WHERE state = 'trashed') AS t
INNER JOIN (SELECT run, project, id FROM runs FINAL
  WHERE {project:String} = '' OR project = {project:String}) AS r ON r.run = t.run
ORDER BY time DESC, project, id
"""


def trash(store: RetentionStore, keys: Sequence[RunKey], *, who: str, reason: str = "") -> None:
    """Hides the runs. One that is there already stays as it is. All or none: raises NotFound, RunHeld, InvalidValue
    before anything is changed.
    """
    who, reason = checked_who(who), checked_reason(reason)
    parts = one_by_one(keys)
    for part in parts:
        _refuse_purged(removals_of(store, part))
        required(store, part)
        refuse_held(store, part, "put in the trash")
    for part in parts:
        found = removals_of(store, part)
        changes = {key: (was, TRASHED, was.attempt) for key, was in found.items() if not was.hidden}
        if not changes:
            continue
        put(store, {key.uuid: change for key, change in changes.items()}, who=who, reason=reason)
        try:
            # Again, now that others can see it: a hold that came between was written before this question.
            refuse_held(store, list(changes), "put in the trash")
        except BaseException:
            _back(store, list(changes), who, "a hold came first")
            raise
        note(store, changes, "trash", {"by": who, "reason": reason})


def restore(store: RetentionStore, keys: Sequence[RunKey], *, who: str) -> None:
    """Brings the runs back with everything that came meanwhile. One that is not in the trash stays as it is.

    Raises NotFound where one was purged, or never was; then nothing is changed.
    """
    who = checked_who(who)
    parts = one_by_one(keys)
    for part in parts:
        _refuse_purged(removals_of(store, part))
        required(store, part)
    for part in parts:
        back = [key for key, was in removals_of(store, part).items() if was.state == TRASHED]
        _back(store, back, who, "")
        note(store, back, "restore", {"by": who})


def trashed(store: RetentionStore, project: str = "") -> list[Trashed]:
    """What is in the trash, of one project or of all, newest first."""
    return [
        Trashed(RunKey(row.pop("project"), row.pop("id")), utc_of(row.pop("time")), **row)
        for row in store.rows(_TRASHED, {"project": project})
    ]


def _back(store: RetentionStore, keys: Sequence[RunKey], who: str, reason: str) -> None:
    found = removals_of(store, keys)
    changes = {key.uuid: (was, RESTORED, was.attempt) for key, was in found.items() if was.state == TRASHED}
    if changes:
        put(store, changes, who=who, reason=reason)


def _refuse_purged(found: dict[RunKey, Removal]) -> None:
    gone = [key for key, was in found.items() if was.state == PURGED]
    if gone:
        was = found[gone[0]]
        raise NotFound(f"{gone[0]} was purged on {was.time:%Y-%m-%d} by {was.who}: nothing is left of it")
