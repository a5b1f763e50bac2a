"""What people change of a run after it was recorded: its name, tags, notes, group and colour.

An edit is a row of `fields` like any other, with a version of now: it wins over everything written by attempts that
began before it, however late their spools arrive, and yields to an attempt that begins after it. Who changed what, and
when, is kept as an event of kind `edit`.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from ..errors import InvalidValue, NotFound
from ..ids import ATTEMPT_EPOCH_S, version_of
from .records import RunKey

__all__ = ["COLOURS", "Edit", "EditTarget", "apply_edit", "checked"]

# The page's eight hues by name, each with a light and a dark shade (web/src/theme/palette.ts).
COLOURS = ("blue", "orange", "green", "plum", "violet", "olive", "brown", "teal")
NAME_CHARS_MAX = 512
TAG_CHARS_MAX = 128
TAGS_MAX = 100
NOTES_CHARS_MAX = 100_000
_LINE_ENDS = frozenset("\n\r\t")

_VERSION = """
SELECT max(version) AS version FROM fields WHERE run = {run:UUID} AND key IN {keys:Array(String)}
"""
_THERE = "SELECT count() AS runs FROM v_runs WHERE run = {run:UUID}"

_writing = threading.Lock()  # two edits of one process must not take the same version


class EditTarget(Protocol):
    """What editing needs of stores.metrics.MetricStore."""

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]: ...

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...


@dataclass(frozen=True)
class Edit:
    """changes: the new value by key; None takes it away. by: who says so."""

    changes: Mapping[str, Any]
    by: str


def checked(changes: Mapping[str, Any], by: str) -> Edit:
    """`by` is empty for whoever is signed in to the page. Raises InvalidValue, which says what a field takes."""
    unknown = sorted(set(changes) - set(_CHECKS))
    if unknown:
        raise InvalidValue(f"a run's {', '.join(unknown)} cannot be changed; {', '.join(_CHECKS)} can")
    if not changes:
        raise InvalidValue(f"nothing to change was given: name one of {', '.join(_CHECKS)}")
    sound = {name: None if value is None else _CHECKS[name](name, value) for name, value in changes.items()}
    return Edit(sound, _line("by", by) or "page")


def apply_edit(target: EditTarget, key: RunKey, edit: Edit) -> None:
    """On return the change is durable, and every read shows it. Raises NotFound, StoreError."""
    run = {"run": str(key.uuid)}
    [found] = target.rows(_THERE, run)
    if not found["runs"]:
        raise NotFound(f"no run {key} to change")
    now = time.time()
    attempt = max(1, int(now) - ATTEMPT_EPOCH_S)
    with _writing:
        [held] = target.rows(_VERSION, {**run, "keys": list(edit.changes)})
        version = max(version_of(attempt, 0), int(held["version"]) + 1)
        rows = [
            [name, key.uuid, "" if value in (None, []) else json.dumps(value), float("nan"), "edit", version]
            for name, value in edit.changes.items()
        ]
        target.insert_rows("fields", ("key", "run", "str", "num", "source", "version"), rows)
    body = json.dumps({"by": edit.by, "changes": dict(edit.changes)})
    moment = datetime.fromtimestamp(now, timezone.utc)
    # A writer of its own, and attempt 0: an edit is no life of the run.
    event = [key.uuid, secrets.randbits(64), 1, 0, 0, "edit", 0, moment, body, version]
    columns = ("run", "writer", "row_seq", "rank", "attempt", "kind", "step", "time", "body", "version")
    target.insert_rows("events", columns, [event])


def _text(name: str, value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise InvalidValue(f"a run's {name} is text, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidValue(f"a run's {name} is not valid Unicode") from None
    if len(value) > limit:
        raise InvalidValue(f"a run's {name} has at most {limit:,} characters, not {len(value):,}")
    return value


def _line(name: str, value: Any, limit: int = NAME_CHARS_MAX) -> str:
    text = _text(name, value, limit).strip()
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise InvalidValue(f"a run's {name} is one line without control characters, not {text[:100]!r}")
    return text


def _named(name: str, value: Any) -> str:
    text = _line(name, value)
    if not text:
        raise InvalidValue(f"a run's {name} is not empty; null takes it away")
    return text


def _notes(name: str, value: Any) -> str | None:
    text = _text(name, value, NOTES_CHARS_MAX)
    if any((ord(letter) < 32 and letter not in _LINE_ENDS) or ord(letter) == 127 for letter in text):
        raise InvalidValue("a run's notes hold no control characters but line ends and tabs")
    return text.strip() or None


def _tags(name: str, value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)):
        raise InvalidValue(f"a run's {name} are a list of texts, not {type(value).__name__}")
    tags = list(dict.fromkeys(_line("tag", tag, TAG_CHARS_MAX) for tag in value))
    if "" in tags:
        raise InvalidValue("a tag is not empty")
    if len(tags) > TAGS_MAX:
        raise InvalidValue(f"a run has at most {TAGS_MAX} tags, not {len(tags)}")
    return tags


def _colour(name: str, value: Any) -> str:
    if value not in COLOURS:
        raise InvalidValue(f"a run's {name} is one of {', '.join(COLOURS)}, or null for its own; not {value!r}")
    return str(value)


_CHECKS = {"name": _named, "tags": _tags, "notes": _notes, "group": _named, "colour": _colour}
