"""Trash, restore, purge and holds over every kind of store; and what ingest makes of runs that were purged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from blake3 import blake3

from making_blocks import Making
from stepwell import _core
from stepwell.errors import InvalidValue, NotFound, RunHeld
from stepwell.ids import attempt_now, version_of
from stepwell.run_key import RunKey
from stepwell.settings import Settings
from stepwell.stores.artifacts import ArtifactCommit, ArtifactFile
from stepwell.stores.blobs import BlobStore
from stepwell.stores.ingest import Ingest, Outcome
from stepwell.stores.metrics import MetricStore
from stepwell.stores.retention.holds import hold, holds, release
from stepwell.stores.retention.purge import purge, sweep
from stepwell.stores.retention.trash import restore, trash, trashed

ONE, TWO, OTHER = (RunKey("project", id) for id in ("one", "two", "other"))
VIEWS = (
    "v_scalars", "v_texts", "v_histograms", "v_console", "v_fields", "v_events", "v_artifacts", "v_runs", "v_lasts",
)  # fmt: skip
NEXT_YEAR = datetime.now(timezone.utc) + timedelta(days=365)
DATA = b"weights" * 1000


@pytest.fixture
def ingest(metrics: MetricStore, blobs: BlobStore) -> Ingest:
    return Ingest(metrics, blobs, Settings(tombstone_refresh_s=0.0))


def life(key: RunKey, *, attempt: int, writer: int = 1, value: bytes = b"0.1") -> list[bytes]:
    """Blocks with something for every table."""
    making = Making(project=key.project, id=key.id, attempt=attempt, writer=writer)
    records = making.records(
        (_core.KIND_EVENT, (b"start", b"{}")),
        (_core.KIND_TEXT, (b"sample", b"a text")),
        (_core.KIND_HISTOGRAM, (b"weights", _core.histogram(memoryview(bytes(range(8))).cast("d")))),
        (_core.KIND_FIELD, (b"config/lr", value, b"user", b"")),
        (_core.KIND_CONSOLE, (b"1", b"epoch 1\n")),
        (_core.KIND_CHECKPOINT, (b"checkpoint", b"last", b'[{"path":"a","size":5}]', b"{}", b"5")),
    )
    return [records, making.block(10)]


@pytest.fixture
def recorded(ingest: Ingest) -> None:
    lives = [life(key, attempt=1000, writer=number + 1) for number, key in enumerate((ONE, TWO, OTHER))]
    assert all(outcome.ok for outcome in ingest.write([block for blocks in lives for block in blocks]))


pytestmark = pytest.mark.usefixtures("recorded")


def rows_of(metrics: MetricStore, key: RunKey, tables: tuple[str, ...] = VIEWS) -> dict[str, int]:
    count = "SELECT count() AS n FROM {0} WHERE run = {{run:UUID}}"
    found = {table: metrics.rows(count.format(table), {"run": str(key.uuid)})[0]["n"] for table in tables}
    return {table: n for table, n in found.items() if n}


def events_of(metrics: MetricStore, key: RunKey, kind: str) -> list[dict[str, Any]]:
    asked = {"run": str(key.uuid), "kind": kind}
    rows = metrics.rows(
        "SELECT body FROM v_events WHERE run = {run:UUID} AND kind = {kind:String} ORDER BY time", asked
    )
    return [json.loads(row["body"]) for row in rows]


def test_a_trashed_run_is_in_no_view_and_comes_back_whole(metrics: MetricStore, ingest: Ingest) -> None:
    before = rows_of(metrics, ONE)
    assert set(before) == set(VIEWS)
    trash(metrics, [ONE, TWO], who="ada", reason="a typo in the loss")
    assert rows_of(metrics, ONE) == rows_of(metrics, TWO) == {}
    assert rows_of(metrics, OTHER)
    assert {(one.key, one.who, one.reason) for one in trashed(metrics, "project")} == {
        (ONE, "ada", "a typo in the loss"), (TWO, "ada", "a typo in the loss"),
    }  # fmt: skip
    assert trashed(metrics, "another") == []
    # What comes meanwhile is kept with it.
    late = Making(project=ONE.project, id=ONE.id, attempt=1001, writer=9).block(3, ("late",))
    assert ingest.write([late]) == [Outcome(run=ONE.uuid.bytes, attempt=1001, rows=4)]
    assert rows_of(metrics, ONE) == {}
    restore(metrics, [ONE], who="grace")
    after = rows_of(metrics, ONE)
    assert after == {
        **before, "v_scalars": before["v_scalars"] + 3, "v_lasts": before["v_lasts"] + 1,
        "v_events": before["v_events"] + 2,
    }  # fmt: skip
    assert events_of(metrics, ONE, "trash") == [{"by": "ada", "reason": "a typo in the loss"}]
    assert events_of(metrics, ONE, "restore") == [{"by": "grace"}]
    assert [one.key for one in trashed(metrics)] == [TWO]


def test_trash_and_restore_may_be_said_again_and_again(metrics: MetricStore) -> None:
    for _ in range(3):
        trash(metrics, [ONE, ONE], who="ada")
        trash(metrics, [ONE], who="grace", reason="again")
        assert [one.who for one in trashed(metrics)] == ["ada"], "the first one counts"
        restore(metrics, [ONE], who="ada")
        restore(metrics, [ONE], who="ada")
        assert rows_of(metrics, ONE)
    assert len(events_of(metrics, ONE, "trash")) == 3


def test_nothing_is_trashed_where_one_is_not_there(metrics: MetricStore) -> None:
    with pytest.raises(NotFound, match="project/nobody"):
        trash(metrics, [ONE, RunKey("project", "nobody")], who="ada")
    assert rows_of(metrics, ONE)
    with pytest.raises(NotFound, match="project/nobody"):
        restore(metrics, [RunKey("project", "nobody")], who="ada")


def test_a_reason_is_one_line(metrics: MetricStore) -> None:
    wrong: list[Any] = ["x" * 2001, "two\nlines", "\x1b[31m", "\ud800", 3]
    for reason in wrong:
        with pytest.raises(InvalidValue, match="reason"):
            trash(metrics, [ONE], who="ada", reason=reason)
        assert rows_of(metrics, ONE), reason


def test_deleting_takes_two_steps(metrics: MetricStore) -> None:
    with pytest.raises(InvalidValue, match=r"not in the trash.*stepwell trash project/one"):
        purge(metrics, [ONE], who="ada")
    assert rows_of(metrics, ONE)


def test_a_purge_leaves_no_row_in_any_table_but_a_tombstone(metrics: MetricStore) -> None:
    trash(metrics, [ONE, TWO], who="ada", reason="private data")
    purge(metrics, [ONE], who="grace")
    tables = tuple(metrics.run_tables())
    assert {view.removeprefix("v_") for view in VIEWS} <= set(tables)
    assert rows_of(metrics, ONE, tables) == {}
    assert len(rows_of(metrics, TWO, tables)) >= 9, "what is in the trash only is untouched"
    assert len(rows_of(metrics, OTHER)) == len(VIEWS)
    [tombstone] = metrics.rows("SELECT * FROM removals FINAL WHERE run = {run:UUID}", {"run": str(ONE.uuid)})
    assert (tombstone["state"], tombstone["who"], tombstone["reason"]) == ("purged", "grace", "private data")
    for again in (restore, trash):
        with pytest.raises(NotFound, match=r"was purged on .* by grace"):
            again(metrics, [ONE], who="ada")
    purge(metrics, [ONE], who="ada")  # again is harmless
    assert [one.key for one in trashed(metrics)] == [TWO]


def test_artifacts_that_have_versions_leave_a_bare_row(own_metrics: MetricStore, ingest: Ingest) -> None:
    columns = ("run", "writer", "row_seq", "time", "kind", "name", "state", "size", "files", "metadata", "version")
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    row = [ONE.uuid, 1, 99, moment, "model", "m", "complete", 5, '[{"path":"secret"}]', '{"a":1}', (1 << 63) + 7]
    own_metrics.insert_rows("artifacts", columns, [row])
    trash(own_metrics, [ONE], who="ada")
    for _ in range(2):
        purge(own_metrics, [ONE], who="ada")
        found = own_metrics.rows("SELECT name, state, size, files, metadata FROM artifacts WHERE row_seq = 99")
        assert found == [{"name": "m", "state": "deleted", "size": 0, "files": "[]", "metadata": "{}"}]
    assert rows_of(own_metrics, ONE, tuple(own_metrics.run_tables())) == {"artifacts": 1}


def test_a_late_spool_does_not_bring_a_purged_run_back(ingest: Ingest, metrics: MetricStore, blobs: BlobStore) -> None:
    trash(metrics, [ONE], who="ada")
    purge(metrics, [ONE], who="ada")
    [tombstone] = metrics.rows("SELECT attempt FROM removals FINAL WHERE run = {run:UUID}", {"run": str(ONE.uuid)})
    last = tombstone["attempt"]  # what began before the purge was asked for
    late = [*life(ONE, attempt=1000), *life(ONE, attempt=last, writer=5), *life(OTHER, attempt=1001)]
    outcomes = ingest.write(late)
    assert [(outcome.ok, outcome.discarded, outcome.rows > 0) for outcome in outcomes] == [(True, True, False)] * 4 + [
        (True, False, True)
    ] * 2
    digest = blake3(DATA).hexdigest()
    blobs.put([DATA], digest, len(DATA))
    commit = ArtifactCommit(
        ONE.project, ONE.id, ONE.uuid.bytes, 1, 7, 0, version_of(1000, 7), 1, 1_767_225_600_001, "checkpoint", "last",
        "{}", (ArtifactFile("a", digest, len(DATA)),),
    )  # fmt: skip
    assert ingest.commit_artifact(commit) is False
    assert rows_of(metrics, ONE, tuple(metrics.run_tables())) == {}
    assert ingest.commit_artifact(replace(commit, id=TWO.id, run=TWO.uuid.bytes)) is True


def test_a_run_begun_anew_after_its_purge_is_a_new_one_under_the_old_id(
    ingest: Ingest, metrics: MetricStore, blobs: BlobStore
) -> None:
    trash(metrics, [ONE], who="ada")
    purge(metrics, [ONE], who="ada")
    # An ingest that had not heard of the purge has stored something of the old life.
    unaware = Ingest(metrics, blobs, Settings(tombstone_refresh_s=3600.0))
    unaware._purged._looked = float("inf")
    assert not any(outcome.discarded for outcome in unaware.write(life(ONE, attempt=1000)))
    assert rows_of(metrics, ONE) == {}
    anew = attempt_now() + 5
    assert not any(outcome.discarded for outcome in ingest.write(life(ONE, attempt=anew, writer=6, value=b"0.2")))
    assert rows_of(metrics, ONE)["v_scalars"] == 10
    attempts = metrics.rows("SELECT DISTINCT attempt FROM v_events WHERE run = {run:UUID}", {"run": str(ONE.uuid)})
    assert attempts == [{"attempt": anew}]
    assert all(outcome.discarded for outcome in ingest.write(life(ONE, attempt=1000))), "the old life stays away"
    # And again from the start.
    trash(metrics, [ONE], who="ada")
    assert rows_of(metrics, ONE) == {}
    restore(metrics, [ONE], who="ada")
    assert all(outcome.discarded for outcome in ingest.write(life(ONE, attempt=1000)))
    trash(metrics, [ONE], who="ada")
    purge(metrics, [ONE], who="ada")
    assert all(outcome.discarded for outcome in ingest.write(life(ONE, attempt=anew, writer=6)))
    assert rows_of(metrics, ONE, tuple(metrics.run_tables())) == {}


def test_what_an_unaware_ingest_stored_is_swept(
    metrics: MetricStore, ingest: Ingest, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stepwell.stores.retention import purge as module

    trash(metrics, [ONE], who="ada")
    purge(metrics, [ONE], who="ada")
    unaware = Ingest(metrics, blobs)
    unaware._purged._looked = float("inf")
    unaware.write(life(ONE, attempt=1000))
    assert sweep(metrics) == 0, "a purge that may still be under way is left alone"
    monkeypatch.setattr(module, "_LEFT_OVER", module._LEFT_OVER.replace("INTERVAL 1 MINUTE", "INTERVAL 0 MINUTE"))
    assert sweep(metrics) == 1
    assert rows_of(metrics, ONE, tuple(metrics.run_tables())) == {}
    assert sweep(metrics) == 0
    assert len(rows_of(metrics, OTHER)) == len(VIEWS)


def test_a_store_that_cannot_say_what_was_purged_keeps_the_blocks_waiting(
    own_metrics: MetricStore, ingest: Ingest, by_hand: Callable[[str], None]
) -> None:
    by_hand("RENAME TABLE removals{local} TO away")
    outcomes = ingest.write(life(ONE, attempt=1000))
    assert all(outcome.reason is not None and outcome.reason.name == "RETRY" for outcome in outcomes)
    by_hand("RENAME TABLE away TO removals{local}")
    assert all(outcome.ok for outcome in ingest.write(life(ONE, attempt=1000)))


# --- holds


def test_nothing_removes_a_held_run_and_the_error_says_until_when_and_why(metrics: MetricStore) -> None:
    hold(metrics, ONE, NEXT_YEAR, who="ada", reason="technical file of model 7")
    said = rf"project/one.*ada holds it until {NEXT_YEAR:%Y-%m-%d}.*technical file of model 7"
    with pytest.raises(RunHeld, match=said):
        trash(metrics, [TWO, ONE], who="grace")
    assert len(rows_of(metrics, ONE)) == len(rows_of(metrics, TWO)) == len(VIEWS)
    assert [(one.key, one.who, one.reason) for one in holds(metrics)] == [(ONE, "ada", "technical file of model 7")]
    assert abs(holds(metrics)[0].until - NEXT_YEAR) < timedelta(seconds=1)
    [event] = events_of(metrics, ONE, "hold")
    assert (event["by"], event["until"][:10]) == ("ada", f"{NEXT_YEAR:%Y-%m-%d}")
    release(metrics, ONE, who="grace", reason="superseded")
    assert events_of(metrics, ONE, "release") == [{"by": "grace", "reason": "superseded"}]
    assert holds(metrics) == []
    trash(metrics, [ONE], who="grace")
    with pytest.raises(NotFound, match="no hold"):
        release(metrics, ONE, who="grace")


def test_a_hold_brings_a_run_back_from_the_trash(metrics: MetricStore) -> None:
    trash(metrics, [ONE], who="ada")
    hold(metrics, ONE, NEXT_YEAR, who="grace", reason="audit")
    assert len(rows_of(metrics, ONE)) == len(VIEWS)
    with pytest.raises(InvalidValue, match="not in the trash"):
        purge(metrics, [ONE], who="ada")


def test_a_hold_that_has_ended_holds_nothing(metrics: MetricStore) -> None:
    hold(metrics, ONE, NEXT_YEAR, who="ada", reason="audit")
    metrics.insert_rows(
        "holds",
        ("run", "until", "time", "who", "reason", "version"),
        [[ONE.uuid, datetime.now(timezone.utc) - timedelta(seconds=1), NEXT_YEAR, "ada", "audit", 1 << 60]],
    )
    assert holds(metrics) == []
    trash(metrics, [ONE], who="ada")


def test_a_hold_that_makes_no_sense_is_none(metrics: MetricStore) -> None:
    cases: list[tuple[RunKey, datetime, str, type[Exception], str]] = [
        (ONE, datetime.now(timezone.utc) - timedelta(days=1), "x", InvalidValue, "in the future"),
        (ONE, datetime(2400, 1, 1, tzinfo=timezone.utc), "x", InvalidValue, "by the year 2299"),
        (ONE, NEXT_YEAR, "  ", InvalidValue, "says why"),
        (RunKey("project", "nobody"), NEXT_YEAR, "x", NotFound, "no run"),
    ]
    for key, until, reason, kind, said in cases:
        with pytest.raises(kind, match=said):
            hold(metrics, key, until, who="ada", reason=reason)
        assert holds(metrics) == [], said


def between(monkeypatch: pytest.MonkeyPatch, module: Any, act: Callable[[], object]) -> None:
    """`act` happens once, after the first look at holds and before what is written next."""
    put, done = module.put, []

    def then(*args: Any, **named: Any) -> None:
        if not done:
            done.append(True)
            act()
        put(*args, **named)

    monkeypatch.setattr(module, "put", then)


def test_a_hold_that_comes_between_wins_over_trash(metrics: MetricStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from stepwell.stores.retention import trash as module

    between(monkeypatch, module, lambda: hold(metrics, ONE, NEXT_YEAR, who="ada", reason="audit"))
    with pytest.raises(RunHeld):
        trash(metrics, [ONE, TWO], who="grace")
    assert len(rows_of(metrics, ONE)) == len(rows_of(metrics, TWO)) == len(VIEWS)


def test_a_hold_that_comes_between_wins_over_purge(metrics: MetricStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from stepwell.stores.retention import purge as module

    trash(metrics, [ONE, TWO], who="grace")
    between(monkeypatch, module, lambda: hold(metrics, ONE, NEXT_YEAR, who="ada", reason="audit"))
    with pytest.raises(RunHeld):
        purge(metrics, [ONE, TWO], who="grace")
    assert len(rows_of(metrics, ONE)) == len(VIEWS), "every row is there, and seen"


def test_a_hold_that_comes_too_late_says_so_and_is_none(metrics: MetricStore) -> None:
    trash(metrics, [ONE], who="ada")
    purge(metrics, [ONE], who="ada")
    with pytest.raises(NotFound, match="nothing left to hold"):
        hold(metrics, ONE, NEXT_YEAR, who="grace", reason="audit")
    assert holds(metrics) == []
