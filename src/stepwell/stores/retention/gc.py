"""`gc`: what the rules and the stores no longer keep, in an order in which each step frees what the next looks at.

Runs past their project's age go to the trash; what has been there long enough is purged; spare checkpoints are marked
as deleted; blobs that no manifest names are removed, and what uploads have left that were given up. Nothing is decided
by what an earlier look has found: each step asks the stores itself, and what is removed is looked at once more while
it is. So a gc may be killed anywhere, or meet another, and the next one goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Protocol

from ...errors import BlobError, InvalidValue, NotFound, RunHeld
from ...ids import ATTEMPT_EPOCH_S
from ...run_key import RunKey
from ..blobs import BlobEntry, Leftover
from .checkpoints import Row, SpareCheckpoint, delete, protected_rows, spare
from .holds import holds_of
from .purge import purge, sweep
from .records import Going, RetentionStore, Rule, Trashed, utc_of
from .rules import rules, store_id
from .trash import trash, trashed

__all__ = ["GRACE_S_MIN", "CollectedBlobs", "collect"]

log = logging.getLogger("stepwell.stores")

GRACE_S_MIN = 3600.0
"""What a commit may take between claiming its blobs and naming them, with much to spare."""

_WHO = "gc"
_AT_ONCE = 500

# The last that was heard of each run: an event, or a point.
_HEARD = """
SELECT r.id AS id, greatest(r.created, e.last, l.last) AS heard
FROM (SELECT run, id, created FROM v_runs WHERE project = {project:String}) AS r
LEFT JOIN (SELECT run, max(time) AS last FROM v_events
  WHERE run IN (SELECT run FROM v_runs WHERE project = {project:String}) GROUP BY run) AS e ON e.run = r.run
LEFT JOIN (SELECT run, max(time) AS last FROM v_lasts
  WHERE run IN (SELECT run FROM v_runs WHERE project = {project:String}) GROUP BY run) AS l ON l.run = r.run
ORDER BY heard
"""

# Also of what lies in the trash: it may come back. `deleted` a moment ago: whoever says so may yet take it back.
# Whatever else will name blobs has to be named here.
_NAMED = """
SELECT DISTINCT arrayJoin(arrayMap(file -> JSONExtractString(file, 'digest'), JSONExtractArrayRaw(files))) AS digest
FROM artifacts FINAL
WHERE (state = 'complete' OR state = 'deleted' AND version >= {lately:UInt64})
  AND concat(toString(run), '/', toString(writer), '/', toString(row_seq)) NOT IN {rows:Array(String)}
  AND run NOT IN {runs:Array(UUID)}
"""

_LAST_ATTEMPTS = "SELECT run, max(attempt) AS attempt FROM events WHERE run IN {runs:Array(UUID)} GROUP BY run"


class CollectedBlobs(Protocol):
    """What gc needs of blobs.BlobStore."""

    @property
    def where(self) -> str: ...
    def claim(self, digest: str) -> int | None: ...
    def collect(self, digest: str, before: float) -> bool: ...
    def entries(self) -> Iterator[BlobEntry]: ...
    def leftovers(self, before: float, *, remove: bool) -> Iterator[Leftover]: ...
    def owners(self) -> set[str]: ...


def collect(
    store: RetentionStore, blobs: CollectedBlobs, *, apply: bool, grace_s: float, trash_s: float, now: datetime
) -> Iterator[Going]:
    """What goes, as it goes; with apply=False what would go, and nothing is changed.

    grace_s: nothing younger is touched. trash_s: how long a run lies in the trash where its project says nothing.
    Raises InvalidValue, StoreError, BlobError; what has been removed by then stays removed, and the rest is left.
    """
    if grace_s < GRACE_S_MIN:
        raise InvalidValue(
            f"gc needs a grace time of at least an hour, not {grace_s:g} s: an upload must be able to end"
        )
    held_rules = {rule.project: rule for rule in rules(store)}
    before = now - timedelta(seconds=grace_s)
    protected = protected_rows(store)
    if apply:
        sweep(store)
    yield from _old_runs(store, held_rules.values(), now, protected, apply=apply)
    purged: list[RunKey] = []
    yield from _long_in_trash(store, held_rules, trash_s, now, protected, purged, apply=apply)
    deleted: list[SpareCheckpoint] = []
    for rule in held_rules.values():
        spared = list(spare(store, rule, before, protected))
        deleted += delete(store, spared) if apply else spared
    yield from (_checkpoint(one) for one in deleted)
    yield from _unnamed_blobs(store, blobs, before, now, deleted, purged, apply=apply)
    for left in blobs.leftovers(before.timestamp(), remove=apply):
        yield Going("upload", left.name, f"nobody has gone on with it since {_day(left.moved)}", left.size)


def _old_runs(
    store: RetentionStore, held_rules: Iterable[Rule], now: datetime, protected: set[Row], *, apply: bool
) -> Iterator[Going]:
    spoken_for = {run for run, _, _ in protected}
    for rule in held_rules:
        if not rule.max_age_s:
            continue
        last = now - timedelta(seconds=rule.max_age_s)
        heard = {
            RunKey(rule.project, str(row["id"])): utc_of(row["heard"])
            for row in store.rows(_HEARD, {"project": rule.project})
        }
        old = [key for key, time in heard.items() if time < last and str(key.uuid) not in spoken_for]
        why = f"older than the {_days(rule.max_age_s)} of {rule.project}"
        for part in _parts(old):
            held = holds_of(store, part)
            free = [key for key in part if key not in held]
            for key in _taken(free, partial(trash, store, who=_WHO, reason=why), apply=apply):
                yield Going("trash", str(key), f"last heard of on {heard[key]:%Y-%m-%d}: {why}")


def _long_in_trash(
    store: RetentionStore,
    held_rules: dict[str, Rule],
    trash_s: float,
    now: datetime,
    protected: set[Row],
    purged: list[RunKey],
    *,
    apply: bool,
) -> Iterator[Going]:
    spoken_for = {run for run, _, _ in protected}
    due: dict[RunKey, Trashed] = {}
    for one in trashed(store):
        rule = held_rules.get(one.key.project)
        kept_s = trash_s if rule is None or rule.trash_s is None else rule.trash_s
        if one.time < now - timedelta(seconds=kept_s) and str(one.key.uuid) not in spoken_for:
            due[one.key] = one
    for part in _parts(list(due)):
        last = {
            str(row["run"]): ATTEMPT_EPOCH_S + int(row["attempt"])
            for row in store.rows(_LAST_ATTEMPTS, {"runs": [str(key.uuid) for key in part]})
        }
        # Not what somebody has begun again since: they may not know where it went.
        left = [key for key in part if last.get(str(key.uuid), 0) <= due[key].time.timestamp()]
        for key in _taken(left, partial(purge, store, who=_WHO), apply=apply):
            purged.append(key)
            reason = f": {due[key].reason}" if due[key].reason else ""
            yield Going("purge", str(key), f"in the trash since {due[key].time:%Y-%m-%d}{reason}")


def _unnamed_blobs(
    store: RetentionStore,
    blobs: CollectedBlobs,
    before: datetime,
    now: datetime,
    deleted: Sequence[SpareCheckpoint],
    purged: Sequence[RunKey],
    *,
    apply: bool,
) -> Iterator[Going]:
    others = blobs.owners() - {store_id(store)}
    if others:
        raise BlobError(
            f"no blob was removed from {blobs.where}: another metric store names blobs there too "
            f"({', '.join(sorted(others)[:3])}). Give each its own bucket, prefix or folder; or, where that store is "
            "no more, remove owners/ID beside the blobs and run gc again"
        )
    rows = [f"{run}/{writer}/{row_seq}" for run, writer, row_seq in (one.row for one in deleted)]
    lately = 3 << 62 | int((now - timedelta(minutes=1)).timestamp() * 1_000_000)
    asked = {"lately": lately, "rows": rows, "runs": [str(key.uuid) for key in purged]}
    named = {str(row["digest"]) for row in store.rows(_NAMED, asked)}
    for entry in blobs.entries():
        if entry.digest in named:
            if apply and not entry.whole:
                blobs.claim(entry.digest)  # takes back what a killed gc had set aside
            continue
        going = entry.used < before.timestamp() and (not apply or blobs.collect(entry.digest, before.timestamp()))
        if going and entry.whole:
            yield Going("blob", entry.digest, "no manifest names it", entry.size)


def _checkpoint(one: SpareCheckpoint) -> Going:
    return Going(
        "checkpoint", f"{one.key} {one.name} (step {one.step})", f"no rule of {one.key.project} keeps it", one.size
    )


def _taken(keys: Sequence[RunKey], take: Callable[[Sequence[RunKey]], None], *, apply: bool) -> list[RunKey]:
    """Those that are taken: all at once, or, where a hold or another process came first for some, one by one."""
    if not apply or not keys:
        return list(keys)
    if _done(take, keys):
        return list(keys)
    return [key for key in keys if _done(take, [key])]


def _done(take: Callable[[Sequence[RunKey]], None], keys: Sequence[RunKey]) -> bool:
    try:
        take(keys)
    except (RunHeld, NotFound, InvalidValue) as error:
        log.info("gc leaves it: %s", error)
        return False
    return True


def _parts(keys: Sequence[RunKey]) -> Iterator[Sequence[RunKey]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]


def _day(time: float) -> str:
    return f"{datetime.fromtimestamp(time, timezone.utc):%Y-%m-%d}"


def _days(seconds: int) -> str:
    return f"{seconds / 86_400:g} days"
