"""The second step of deleting a run: its rows go, a tombstone stays.

The tombstone is written first. From then on no read shows the run and ingest discards what late spools bring, so a
purge that is cut short is finished by the next one, or by `gc`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone

from ...errors import InvalidValue
from ...ids import ATTEMPT_EPOCH_S, ROW_SEQ_BITS, attempt_now
from ...killpoints import killpoint
from ...run_key import RunKey
from .holds import refuse_held
from .records import RetentionStore
from .states import (
    PURGED,
    RESTORED,
    RUNS_AT_ONCE,
    Removal,
    checked_reason,
    checked_who,
    later_version,
    one_by_one,
    put,
    removals_of,
    required,
)

__all__ = ["delete_rows_of", "purge", "sweep"]

_LAST_ATTEMPTS = "SELECT run, max(attempt) AS attempt FROM events WHERE run IN {runs:Array(UUID)} GROUP BY run"

# Of the primary key where a table is ordered by run. A purge that is under way ends by itself.
_LEFT_OVER = """
SELECT DISTINCT run FROM {0} WHERE run IN (
  SELECT run FROM removals FINAL WHERE state = 'purged' AND time < now64(3) - INTERVAL 1 MINUTE) AND {1}
"""
_CUTS = "SELECT run, attempt FROM removals FINAL WHERE state = 'purged' AND run IN {runs:Array(UUID)}"

# Of tables whose version is not made of the attempt: when a row was made.
_MADE = {"runs": "created", "artifacts": "time", "aliases": "time"}


def purge(store: RetentionStore, keys: Sequence[RunKey], *, who: str, reason: str = "") -> None:
    """Removes every row of these runs, which are in the trash. There is no way back.

    Blobs that nothing else names go with the next gc. All or none of the checks: raises InvalidValue where a run is
    not in the trash, RunHeld, NotFound before anything is changed. A run that was purged before is purged again.
    """
    who, reason = checked_who(who), checked_reason(reason)
    parts = one_by_one(keys)
    for part in parts:
        found = removals_of(store, part)
        required(store, [key for key, was in found.items() if was.state != PURGED])
        for key, was in found.items():
            if not was.hidden:
                raise InvalidValue(
                    f"{key} is not in the trash: nothing was removed. Deleting is two steps: `stepwell trash {key}`, "
                    f"then `stepwell purge {key}`"
                )
        refuse_held(store, part, "purged")
    for part in parts:
        _purge(store, part, who, reason)


def _purge(store: RetentionStore, keys: Sequence[RunKey], who: str, reason: str) -> None:
    found = removals_of(store, keys)
    runs = {"runs": [str(key.uuid) for key in keys]}
    last = {str(row["run"]): int(row["attempt"]) for row in store.rows(_LAST_ATTEMPTS, runs)}
    now = attempt_now()
    # Attempts of a clock that runs ahead are gone too; a tombstone beyond them would swallow the next life of the id.
    changes = {key.uuid: (was, PURGED, max(now, was.attempt, last.get(str(key.uuid), 0))) for key, was in found.items()}
    put(store, changes, who=who, reason=reason or _reason_of(found))
    killpoint("purge.tombstoned")
    try:
        # Again, now that others can see it: a hold that came between was written before this question.
        refuse_held(store, keys, "purged")
    except BaseException:
        undone = removals_of(store, keys)
        back = {key.uuid: (was, RESTORED, found[key].attempt) for key, was in undone.items()}
        put(store, back, who=who, reason="held")
        raise
    _delete(store, {run: attempt for run, (_, _, attempt) in changes.items()})


def sweep(store: RetentionStore) -> int:
    """Ends what purges that were cut short left, and what an ingest that did not know of one yet has stored since.

    Returns how many runs something was left of.
    """
    asked = [_LEFT_OVER.format(table, _removable(table, columns)) for table, columns in store.run_tables().items()]
    found = sorted({str(row["run"]) for sql in asked for row in store.rows(sql)})
    left: dict[uuid.UUID, int] = {}
    for start in range(0, len(found), RUNS_AT_ONCE):
        for row in store.rows(_CUTS, {"runs": found[start : start + RUNS_AT_ONCE]}):
            left[uuid.UUID(str(row["run"]))] = int(row["attempt"])
    _delete(store, left)
    return len(left)


def _delete(store: RetentionStore, attempts: Mapping[uuid.UUID, int]) -> None:
    for attempt in sorted(set(attempts.values())):
        delete_rows_of(store, [run for run, its in attempts.items() if its == attempt], attempt)


def delete_rows_of(store: RetentionStore, runs: Collection[uuid.UUID], attempt: int) -> None:
    """Every row that these runs' attempts up to this one have written, in every table.

    Marked as deleted, which costs a column of each part that has some, and dropped as parts are merged: rewriting
    the parts at once would rewrite the rows of all other runs in them.
    """
    named = ", ".join(f"'{run}'" for run in sorted(runs))
    if not named:
        return
    before = datetime.fromtimestamp(ATTEMPT_EPOCH_S + attempt + 1, timezone.utc)
    for table, columns in sorted(store.run_tables().items()):
        of_them = f"run IN ({named}) AND {_removable(table, columns)}"
        if table in _MADE:
            of_them += f" AND {_MADE[table]} < toDateTime64('{before:%Y-%m-%d %H:%M:%S}', 3, 'UTC')"
        elif "version" in columns:
            of_them += f" AND bitShiftRight(version, {ROW_SEQ_BITS}) <= {attempt}"
        if table == "artifacts" and "committed" in columns:
            _strip(store, of_them)
        store.delete_rows(table, of_them)
        killpoint("purge.table")


def _removable(table: str, columns: set[str]) -> str:
    """Of artifacts that have versions the bare rows stay, so that the versions of other runs keep their numbers."""
    return "NOT (state = 'deleted' AND files = '[]')" if table == "artifacts" and "committed" in columns else "1"


def _strip(store: RetentionStore, of_them: str) -> None:
    """Says of each completed artifact that it is deleted, without its files and metadata."""
    found = store.rows(f"SELECT * FROM artifacts FINAL WHERE {of_them} AND state != 'staged'")
    bare = {"state": "deleted", "files": "[]", "metadata": "{}", "size": 0}
    rows = [{**row, **bare, "version": later_version(int(row["version"]))} for row in found]
    if rows:
        store.insert_rows("artifacts", list(rows[0]), [list(row.values()) for row in rows])


def _reason_of(found: dict[RunKey, Removal]) -> str:
    """What they were put in the trash for, where that is one thing."""
    reasons = {was.reason for was in found.values()}
    return reasons.pop() if len(reasons) == 1 else ""
