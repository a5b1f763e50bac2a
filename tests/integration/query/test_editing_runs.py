"""A run's name, tags, notes, group and colour are changed beside the stores and over HTTP alike, and stay changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import Writing
from stepwell.errors import AuthError, InvalidValue, NotFound, StepwellError
from stepwell.ids import attempt_now, new_id
from stepwell.query.http import HttpReader
from stepwell.query.local import LocalReader
from stepwell.query.reader import Reader
from stepwell.query.records import RunKey
from stepwell.query.view import Run
from stepwell.stores.local import LocalStores


@pytest.fixture
def key(stores: LocalStores) -> RunKey:
    key = RunKey("edited", new_id())
    Writing(key).field("name", "first").field("tags", ["a"]).field("config/lr", 0.1).row(0, loss=1.0).done(stores)
    return key


@pytest.fixture
def run(reader: Reader, key: RunKey) -> Run:
    return Run(reader, reader.run(key), has_last=True)


def test_what_is_changed_is_seen_at_once_and_nothing_else_changes(run: Run, local: LocalReader) -> None:
    run.update(name="better ünï", tags=["keep", "keep", " b "], notes="two\nlines", group="g", colour="teal")
    for seen in (run, Run(local, local.run(run.key), has_last=True)):
        assert (seen.name, seen.tags, seen.notes, seen.group) == ("better ünï", ("keep", "b"), "two\nlines", "g")
        assert seen.colour == "teal"
        assert seen.config == {"lr": 0.1}
    run.update(colour="plum")
    assert (run.name, run.colour, run.attempts, run.state) == ("better ünï", "plum", 1, "running")


def test_none_takes_a_value_away(run: Run) -> None:
    run.update(name="x", notes="y", colour="blue")
    run.update(name=None, tags=None, notes=None, colour=None)
    assert (run.name, run.tags, run.notes, run.colour) == (run.id, (), None, None)


def test_the_later_of_two_edits_within_a_second_is_seen(run: Run) -> None:
    for number in range(5):
        run.update(name=f"name {number}")
        assert run.refresh().name == f"name {number}"


def test_a_late_spool_does_not_undo_an_edit_and_a_new_attempt_does(run: Run, stores: LocalStores) -> None:
    run.update(name="edited", tags=["edited"])
    late = Writing(run.key, attempt=attempt_now() - 5, writer=2)
    late.field("name", "late").field("tags", ["late"]).done(stores)
    assert (run.refresh().name, run.tags) == ("edited", ("edited",))
    Writing(run.key, attempt=attempt_now() + 2, writer=3).field("name", "again").done(stores)
    assert (run.refresh().name, run.tags) == ("again", ("edited",))
    run.update(name="edited again")  # also beyond an attempt from a clock that runs ahead
    assert run.refresh().name == "edited again"


def test_who_changed_what_and_when_is_an_event(run: Run, stores: LocalStores) -> None:
    before = time.time()
    run.update(tags=["x"], notes=None)
    [edit] = [event for event in run.events if event.kind == "edit"]
    assert edit.body["changes"] == {"tags": ["x"], "notes": None}
    assert edit.body["by"]
    assert abs(edit.time.timestamp() - before) < 60


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a key that is no key": ({"config/lr": 1}, "config/lr cannot be changed"),
    "state": ({"state": "finished"}, "cannot be changed"),
    "nothing": ({}, "nothing to change"),
    "an empty name": ({"name": "  "}, "not empty"),
    "a long name": ({"name": "x" * 513}, "at most 512"),
    "a name of two lines": ({"name": "a\nb"}, "one line"),
    "a name with an escape": ({"name": "\x1b[31m"}, "control characters"),
    "a name that is a number": ({"name": 3}, "text, not int"),
    "half a letter": ({"name": "\ud800"}, "not valid Unicode"),
    "tags as text": ({"tags": "a,b"}, "a list of texts"),
    "an empty tag": ({"tags": ["a", " "]}, "a tag is not empty"),
    "a tag that is a number": ({"tags": [1]}, "text, not int"),
    "a long tag": ({"tags": ["x" * 129]}, "at most 128"),
    "many tags": ({"tags": [str(number) for number in range(101)]}, "at most 100 tags"),
    "long notes": ({"notes": "x" * 100_001}, "at most 100,000"),
    "notes with a bell": ({"notes": "a\a"}, "control characters"),
    "a colour nobody has": ({"colour": "red; background: url(x)"}, "one of blue, orange"),
    "a colour as a number": ({"colour": 1}, "one of blue"),
    "one good and one bad": ({"name": "good", "colour": "puce"}, "one of blue"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_taken_changes_nothing_and_says_why(reader: Reader, key: RunKey, case: str) -> None:
    changes, said = BAD[case]
    with pytest.raises(InvalidValue, match=said):
        reader.update(key, changes, by="me")
    assert (reader.run(key).name, reader.run(key).tags) == ("first", ("a",))
    assert [event.kind for event in reader.events(key)] == ["start"]


def test_a_run_that_is_not_there_is_not_made(reader: Reader) -> None:
    with pytest.raises(NotFound):
        reader.update(RunKey("edited", "nobody"), {"name": "x"}, by="me")
    with pytest.raises(NotFound):
        reader.run(RunKey("edited", "nobody"))


@pytest.fixture
def stranger(served: HttpReader) -> Iterator[HttpReader]:
    reader = HttpReader(served.where, "another-token-of-some-length")
    yield reader
    reader.close()


def test_without_the_token_nothing_is_changed(stranger: HttpReader, local: LocalReader, key: RunKey) -> None:
    with pytest.raises(AuthError):
        stranger.update(key, {"name": "x"}, by="me")
    assert local.run(key).name == "first"


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b'{"name": "x"', b'{"by": 3, "name": "x"}'])
def test_a_body_that_is_no_object_is_refused(served: HttpReader, key: RunKey, body: bytes) -> None:
    address = f"{served.where}/api/v1/runs/{key.project}/{key.id}"
    with pytest.raises(StepwellError):
        served._ask("PATCH", address, body)
    assert served.run(key).name == "first"


def test_a_colour_of_the_page_is_one_of_the_eight(run: Run) -> None:
    from stepwell.query.edits import COLOURS

    for colour in COLOURS:
        assert run.update(colour=colour).colour == colour
    assert len(set(COLOURS)) == 8
    assert json.loads(json.dumps(COLOURS)) == list(COLOURS)
