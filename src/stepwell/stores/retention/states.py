"""The table of removals: what state a run is in, and how it gets to another. Every change is one row, one event."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ...errors import InvalidValue, NotFound
from ...ids import attempt_now, version_of
from ...run_key import RunKey
from .records import RetentionStore, utc_of

__all__ = [
    "PURGED", "RENEWED", "RESTORED", "RUNS_AT_ONCE", "TRASHED", "Removal", "checked_reason", "checked_who",
    "later_version", "note", "one_by_one", "put", "removals_by_uuid", "removals_of", "required",
]  # fmt: skip

TRASHED, RESTORED, PURGED, RENEWED = "trashed", "restored", "purged", "renewed"
REASON_CHARS_MAX = 2_000
WHO_CHARS_MAX = 512
RUNS_AT_ONCE = 500  # named in one statement

_COLUMNS = ("run", "state", "attempt", "time", "who", "reason", "version")
_EVENT = ("run", "writer", "row_seq", "rank", "attempt", "kind", "step", "time", "body", "version")

_REMOVALS = """
SELECT run, toString(state) AS state, attempt, time, who, reason, version FROM removals FINAL
WHERE run IN {runs:Array(UUID)}
"""

_THERE = "SELECT DISTINCT run FROM runs WHERE run IN {runs:Array(UUID)}"


_EPOCH = datetime.fromtimestamp(0, timezone.utc)


@dataclass(frozen=True)
class Removal:
    """attempt: what attempts up to this one send is discarded; 0 where the run was never purged."""

    state: str
    attempt: int = 0
    time: datetime = _EPOCH
    who: str = ""
    reason: str = ""
    version: int = 0

    @property
    def hidden(self) -> bool:
        return self.state in (TRASHED, PURGED)


NEVER = Removal("")


def one_by_one(keys: Iterable[RunKey]) -> list[list[RunKey]]:
    """Each once, in parts small enough for one statement."""
    each = list(dict.fromkeys(keys))
    return [each[start : start + RUNS_AT_ONCE] for start in range(0, len(each), RUNS_AT_ONCE)]


def removals_of(store: RetentionStore, keys: Sequence[RunKey]) -> dict[RunKey, Removal]:
    """Of each: `NEVER` where nobody has removed it."""
    found = removals_by_uuid(store, [key.uuid for key in keys])
    return {key: found[key.uuid] for key in keys}


def removals_by_uuid(store: RetentionStore, runs: Sequence[uuid.UUID]) -> dict[uuid.UUID, Removal]:
    """The same, by the runs' keys in the tables."""
    found = dict.fromkeys(runs, NEVER)
    for row in store.rows(_REMOVALS, {"runs": [str(run) for run in runs]}):
        run = _uuid(row.pop("run"))
        found[run] = Removal(**{**row, "time": utc_of(row["time"])})
    return found


def required(store: RetentionStore, keys: Sequence[RunKey]) -> None:
    """Raises NotFound where nothing was ever recorded of one of them. Those in the trash are there."""
    there = {_uuid(row["run"]) for row in store.rows(_THERE, {"runs": [str(key.uuid) for key in keys]})}
    missing = [str(key) for key in keys if key.uuid not in there]
    if missing:
        more = " and others" if len(missing) > 5 else ""
        raise NotFound(f"no run {', '.join(missing[:5])}{more}; nothing was changed")


def put(
    store: RetentionStore,
    changes: Mapping[uuid.UUID, tuple[Removal, str, int]],
    *,
    who: str,
    reason: str,
) -> None:
    """changes: by run what it was, the state that it gets, and up to which attempt it is discarded."""
    now = datetime.now(timezone.utc)
    rows = [
        [run, state, attempt, now, who, reason, max(time.time_ns() // 1000, was.version + 1)]
        for run, (was, state, attempt) in changes.items()
    ]
    store.insert_rows("removals", _COLUMNS, rows)


def note(store: RetentionStore, keys: Iterable[RunKey], kind: str, body: Mapping[str, object]) -> None:
    """An event of each run: who did what and when."""
    now, version = datetime.now(timezone.utc), version_of(attempt_now(), 0)
    text = json.dumps(body)
    # A writer of its own, and attempt 0: this is no life of the run.
    rows = [[key.uuid, secrets.randbits(64), 1, 0, 0, kind, 0, now, text, version] for key in keys]
    if rows:
        store.insert_rows("events", _EVENT, rows)


def later_version(was: int) -> int:
    """Of a row of artifacts that says something new of it: above all that its writer and the service said before (they
    leave the second bit alone), and the later the higher.
    """
    return max(3 << 62 | time.time_ns() // 1000, was + 1)


def checked_reason(reason: str) -> str:
    return _line("reason", reason, REASON_CHARS_MAX)


def checked_who(who: str) -> str:
    """Empty is whoever is signed in to the page."""
    return _line("name of who does it", who, WHO_CHARS_MAX) or "page"


def _line(what: str, text: object, limit: int) -> str:
    if not isinstance(text, str):
        raise InvalidValue(f"the {what} is text, not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidValue(f"the {what} is not valid Unicode") from None
    text = text.strip()
    if len(text) > limit:
        raise InvalidValue(f"the {what} has at most {limit:,} characters, not {len(text):,}")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise InvalidValue(f"the {what} is one line without control characters")
    return text


def _uuid(value: object) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))
