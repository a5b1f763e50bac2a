"""Trash, restore, purge and holds beside the stores and over HTTP alike, as the Api has them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from conftest import Writing
from stepwell.errors import AuthError, InvalidValue, NotFound, RunHeld, RunTrashed, StepwellError
from stepwell.ids import new_id
from stepwell.query.api import Api
from stepwell.query.http import HttpReader
from stepwell.query.local import LocalReader
from stepwell.query.reader import Reader
from stepwell.query.records import RunKey
from stepwell.query.view import Run
from stepwell.stores.local import LocalStores

NEXT_YEAR = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=365)


@pytest.fixture
def key(stores: LocalStores) -> RunKey:
    key = RunKey("removed", new_id())
    Writing(key).field("name", "first").row(0, loss=1.0).row(1, loss=0.5).done(stores)
    return key


@pytest.fixture
def run(reader: Reader, key: RunKey) -> Run:
    return Run(reader, reader.run(key), has_last=True)


@pytest.fixture
def api(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr("stepwell.query.api.open_reader", lambda *_: reader)
    return Api()


def test_a_run_goes_to_the_trash_and_comes_back(run: Run, api: Api) -> None:
    run.trash(reason="wrong labels")
    assert run.path not in [one.path for one in api.runs("removed")]
    with pytest.raises(RunTrashed, match=rf"in the trash on .* by .*\(wrong labels\).*stepwell restore {run.path}"):
        api.run(run.path)
    [there] = [one for one in api.trashed("removed") if one.key == run.key]
    assert (there.reason, bool(there.who)) == ("wrong labels", True)
    assert abs(there.time - datetime.now(timezone.utc)) < timedelta(minutes=5)
    assert run.restore().history("loss")["loss"].to_pylist() == [1.0, 0.5]
    assert api.run(run.path).name == "first"
    assert [event.kind for event in run.events] == ["start", "trash", "restore"]


def test_runs_are_named_by_id_alone_where_that_is_unique(run: Run, api: Api) -> None:
    assert api.trash([run.id]) == [run.path]
    assert api.restore([run.id]) == [run.path]
    with pytest.raises(NotFound, match="holds no runs with the id"):
        api.restore([run.id])
    with pytest.raises(NotFound):
        api.trash([run.id, "nobody"])
    assert api.run(run.id).path == run.path


def test_a_purged_run_is_gone_and_says_so(run: Run, api: Api) -> None:
    with pytest.raises(InvalidValue, match="not in the trash"):
        api.purge([run.path])
    api.trash([run])
    assert api.purge([run.id], reason="private data") == [run.path]
    with pytest.raises(NotFound, match=r"was purged on .*\(private data\)") as caught:
        run.refresh()
    assert not isinstance(caught.value, RunTrashed)
    with pytest.raises(NotFound, match="was purged"):
        run.restore()
    assert run.path not in [str(one.key) for one in api.trashed()]


def test_a_resume_is_told_of_the_trash_and_goes_beyond_a_purge(run: Run, api: Api, reader: Reader) -> None:
    assert reader.last_step(run.key, 0).last_step == 1
    api.trash([run])
    with pytest.raises(RunTrashed):
        reader.last_step(run.key, 0)
    api.purge([run.path])
    last = reader.last_step(run.key, 0)
    assert (last.exists, last.last_step) == (False, None)
    assert last.attempt > 100, "a new life is counted beyond the tombstone"


def test_a_hold_is_seen_and_keeps_the_run(run: Run, api: Api) -> None:
    assert run.held is None
    held = api.hold(run, until=NEXT_YEAR, reason="audit")
    assert (held.key, held.until, held.reason) == (run.key, NEXT_YEAR, "audit")
    assert run.held == api.holds("removed")[0]
    with pytest.raises(RunHeld, match="audit"):
        run.trash()
    assert api.release(run.path, reason="done") == run.path
    assert run.held is None
    with pytest.raises(NotFound, match="no hold"):
        api.release(run)
    with pytest.raises(InvalidValue, match="in the future"):
        api.hold(run, until=datetime(2020, 1, 1), reason="audit")
    run.trash()


def test_without_the_token_nothing_is_taken_away(served: HttpReader, local: LocalReader, key: RunKey) -> None:
    stranger = HttpReader(served.where, "another-token-of-some-length")
    with pytest.raises(AuthError):
        stranger.retention.trash([key], by="me")
    stranger.close()
    assert local.run(key).name == "first"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"runs": []}', b'{"runs": ["no-slash"]}', b'{"runs": "a/b"}', b'{"runs": ["a/b/c"]}']
)
def test_a_body_that_names_no_run_is_refused(served: HttpReader, body: bytes) -> None:
    with pytest.raises(StepwellError):
        served._ask("POST", f"{served.where}/api/v1/trash", body)
