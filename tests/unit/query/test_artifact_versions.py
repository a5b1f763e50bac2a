"""Version numbers out of rows alone: by the service's stamps, never renumbered, parts of ranks as one."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.query.versions import Entry, Row, RowKey, entries_of, number

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def row(
    at: int, digest: str = "", *, committed: int | None = None, part: int = 0, parts: int = 0, **changes: object
) -> Row:
    """Logged at second `at`, and completed then too unless told."""
    made = Row(
        key=RowKey("run", 1, at),
        project="p",
        type="model",
        name="m",
        state="complete",
        step=0,
        time=START + timedelta(seconds=at),
        digest=digest or f"content {at}",
        committed=START + timedelta(seconds=at if committed is None else committed),
        part=part,
        parts=parts,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def numbers(rows: list[Row]) -> list[tuple[int, int | None, str]]:
    """(when its first row was logged, version, state) of what has one."""
    return [(entry.first.key.row_seq, entry.version, entry.state) for entry in number(entries_of(rows))]


CASES: dict[str, tuple[list[Row], list[tuple[int, int | None, str]]]] = {
    "by the service's stamps": (
        [row(1, committed=30), row(2, committed=20), row(3, committed=40)],
        [(2, 0, "complete"), (1, 1, "complete"), (3, 2, "complete")],
    ),
    "the same content after itself": (
        [row(1, "a"), row(2, "a"), row(3, "b"), row(4, "a")],
        [(1, 0, "complete"), (2, 0, "complete"), (3, 1, "complete"), (4, 2, "complete")],
    ),
    "staged has none": ([row(1), row(2, state="staged", committed=None)], [(1, 0, "complete")]),
    "deleted keeps its place": (
        [row(1), row(2, state="deleted"), row(3)],
        [(1, 0, "complete"), (2, 1, "deleted"), (3, 2, "complete")],
    ),
    "types and names apart": (
        [row(1), row(2, type="dataset"), row(3, name="n")],
        [(2, 0, "complete"), (1, 0, "complete"), (3, 0, "complete")],
    ),
    "parts are one": (
        [row(1, part=0, parts=2), row(3, parts=0), row(2, part=1, parts=2, committed=9)],
        [(3, 0, "complete"), (1, 1, "complete")],
    ),
    "a part that is missing": ([row(1, part=0, parts=2)], []),
    "a part that was logged again before all were in replaces it": (
        [row(1, part=0, parts=2), row(5, part=0, parts=2), row(6, part=1, parts=2)],
        [(5, 0, "complete")],
    ),
    "a second save of a step": (
        [row(1, part=0, parts=2), row(2, part=1, parts=2), row(5, part=1, parts=2), row(6, part=0, parts=2)],
        [(1, 0, "complete"), (6, 1, "complete")],
    ),
    "a deleted part deletes the save": (
        [row(1, part=0, parts=2, state="deleted"), row(2, part=1, parts=2)],
        [(1, 0, "deleted")],
    ),
}


@pytest.mark.parametrize(("rows", "expected"), CASES.values(), ids=CASES)
def test_a_version_follows_from_the_rows(rows: list[Row], expected: list[tuple[int, int | None, str]]) -> None:
    assert numbers(rows) == expected
    shuffled = rows[:]
    random.Random(3).shuffle(shuffled)
    assert numbers(shuffled) == expected


def test_what_is_not_whole_says_how_much_is_in() -> None:
    rows = [row(1, part=0, parts=3), row(2, part=1, parts=3), row(3, part=2, parts=3, state="staged", committed=None)]
    (entry,) = entries_of(rows)
    assert (entry.state, entry.version, [one.part for one in entry.rows]) == ("partial", None, [0, 1, 2])
    (waiting,) = entries_of([replace(one, state="staged", committed=None) for one in rows[:2]])
    assert waiting.state == "staged"


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=30), st.integers(0, 30))
def test_no_number_changes_as_more_is_completed_or_deleted(logged: list[tuple[int, bool]], deleted: int) -> None:
    rows = [row(at, f"content {content}") for at, (content, _) in enumerate(logged)]
    seen: dict[RowKey, int | None] = {}
    for count in range(1, len(rows) + 1):
        now = rows[:count]
        if deleted < count:
            now[deleted] = replace(now[deleted], state="deleted")
        entries: list[Entry] = number(entries_of(now))
        versions = {entry.first.key: entry.version for entry in entries}
        assert {key: versions[key] for key in seen} == seen
        seen = versions
    assert sorted(set(map(str, seen.values()))) == sorted(str(number) for number in range(len(set(seen.values()))))
