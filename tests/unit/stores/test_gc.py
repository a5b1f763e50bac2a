"""gc over every kind of store: what goes, what must stay; killed, met by another, and raced by a commit."""

from __future__ import annotations

import multiprocessing
import signal
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from making_blocks import Making
from stepwell import _core
from stepwell.blocks import seal
from stepwell.errors import BlobError, InvalidValue
from stepwell.ids import version_of
from stepwell.run_key import RunKey
from stepwell.stores.artifacts import ArtifactCommit, ArtifactFile, BlobsMissingError
from stepwell.stores.blobs import BlobStore, open_blobs
from stepwell.stores.ingest import Ingest
from stepwell.stores.metrics import MetricStore, open_metrics
from stepwell.stores.retention.gc import collect
from stepwell.stores.retention.holds import hold
from stepwell.stores.retention.records import KeepBest, Rule
from stepwell.stores.retention.rules import rules, set_rule, store_id
from stepwell.stores.retention.trash import restore, trash

DAY = 86_400
LATER = timedelta(days=10)
ONE, TWO = RunKey("ruled", "one"), RunKey("ruled", "two")
NEXT_YEAR = datetime.now(timezone.utc) + timedelta(days=365)


@pytest.fixture
def ingest(metrics: MetricStore, blobs: BlobStore) -> Ingest:
    blobs.register(store_id(metrics))
    return Ingest(metrics, blobs)


def gc(metrics: MetricStore, blobs: BlobStore, *, apply: bool = True, **more: Any) -> set[tuple[str, str]]:
    asked = {"grace_s": DAY, "trash_s": 30 * DAY, "now": datetime.now(timezone.utc) + LATER, **more}
    return {(one.what, one.name) for one in collect(metrics, blobs, apply=apply, **asked)}


def put(blobs: BlobStore, data: bytes) -> str:
    digest = blake3(data).hexdigest()
    blobs.put([data], digest, len(data))
    return digest


def keep(ingest: Ingest, blobs: BlobStore, key: RunKey, step: int, data: bytes, writer: int = 1) -> str:
    digest = put(blobs, data)
    ingest.commit_artifact(
        ArtifactCommit(
            key.project, key.id, key.uuid.bytes, writer, step + 1, 0, version_of(1000, step + 1), step,
            1_767_225_600_000 + step, "checkpoint", f"c{step}", "{}", (ArtifactFile("w", digest, len(data)),),
        )
    )  # fmt: skip
    return digest


def trained(ingest: Ingest, blobs: BlobStore, key: RunKey) -> list[str]:
    """Six checkpoints, at steps 0 to 50; val/loss, logged a step before each, is least at 20 and NaN at 30."""
    making = Making(project=key.project, id=key.id)
    builder = making.builder()
    builder.add_record(_core.KIND_EVENT, (b"start", b"{}"), 1, 0, 1_767_225_600_000)
    for number, (step, value) in enumerate([(-1, 9.0), (9, 5.0), (19, 1.0), (29, float("nan")), (39, 2.0), (49, 3.0)]):
        builder.add_row([("val/loss", value)], number + 2, step, 1_767_225_600_001)
    assert ingest.write([seal(builder, 3)])[0].ok
    return [keep(ingest, blobs, key, step, f"{key} at {step}".encode()) for step in range(0, 60, 10)]


def states(metrics: MetricStore, key: RunKey) -> dict[int, str]:
    asked = {"run": str(key.uuid)}
    rows = metrics.rows("SELECT step, toString(state) AS s FROM artifacts FINAL WHERE run = {run:UUID}", asked)
    return {row["step"]: row["s"] for row in rows}


def steps_of(going: set[tuple[str, str]], key: RunKey) -> set[int]:
    return {
        int(name.rpartition("step ")[2].rstrip(")"))
        for what, name in going
        if what == "checkpoint" and str(key) in name
    }


def test_without_rules_only_blobs_that_nothing_names_go(metrics: MetricStore, ingest: Ingest, blobs: BlobStore) -> None:
    named = trained(ingest, blobs, ONE)
    stray = put(blobs, b"nobody's")
    assert gc(metrics, blobs, apply=False) == {("blob", stray)}
    assert blobs.has(stray), "a dry run changes nothing"
    assert gc(metrics, blobs, grace_s=11 * DAY) == set(), "it is younger than that"
    assert gc(metrics, blobs) == {("blob", stray)}
    assert not blobs.has(stray)
    assert all(blobs.has(digest) for digest in named)
    # What lies in the trash may come back.
    trash(metrics, [ONE], who="ada")
    assert gc(metrics, blobs) == set()
    restore(metrics, [ONE], who="ada")
    assert set(states(metrics, ONE).values()) == {"complete"}


RULES: dict[str, tuple[Rule, set[int]]] = {
    "the last two": (Rule("ruled", keep_last=2), {0, 10, 20, 30}),
    "the best two": (Rule("ruled", keep_best=(KeepBest("val/loss", "min", 2),)), {0, 10, 30}),
    "the greatest": (Rule("ruled", keep_best=(KeepBest("val/loss", "max", 1),)), {10, 20, 30, 40}),
    "last and best": (Rule("ruled", keep_last=1, keep_best=(KeepBest("val/loss", "min", 1),)), {0, 10, 30, 40}),
    "more than there are": (Rule("ruled", keep_last=100), set()),
    "best by a metric nobody logged": (Rule("ruled", keep_best=(KeepBest("none", "min", 3),)), {0, 10, 20, 30, 40}),
    "of another project": (Rule("another", keep_last=1), set()),
}


@pytest.mark.parametrize("engine_kind", ["embedded"], indirect=True)
@pytest.mark.parametrize("case", RULES)
def test_the_rules_say_which_checkpoints_go(metrics: MetricStore, ingest: Ingest, blobs: BlobStore, case: str) -> None:
    rule, gone = RULES[case]
    digests = trained(ingest, blobs, ONE)
    set_rule(metrics, rule, who="ada")
    would = gc(metrics, blobs, apply=False)
    assert steps_of(would, ONE) == gone
    assert gc(metrics, blobs) == would
    assert states(metrics, ONE) == {step: "deleted" if step in gone else "complete" for step in range(0, 60, 10)}
    assert [blobs.has(digest) for digest in digests] == [step not in gone for step in range(0, 60, 10)]
    assert gc(metrics, blobs) == set(), "again there is nothing to do"


@pytest.mark.parametrize("engine_kind", ["server", "cluster"], indirect=True)
def test_the_rules_say_the_same_on_servers(metrics: MetricStore, ingest: Ingest, blobs: BlobStore) -> None:
    trained(ingest, blobs, ONE)
    for case, (rule, gone) in RULES.items():
        set_rule(metrics, rule, who="ada")
        assert steps_of(gc(metrics, blobs, apply=False), ONE) == gone, case
        set_rule(metrics, Rule(rule.project), who="ada")


def test_checkpoints_go_and_their_rows_keep_their_place(metrics: MetricStore, ingest: Ingest, blobs: BlobStore) -> None:
    digests, others = trained(ingest, blobs, ONE), trained(ingest, blobs, TWO)
    same = keep(ingest, blobs, TWO, 60, f"{ONE} at 0".encode())
    assert same == digests[0]
    set_rule(metrics, Rule("ruled", keep_last=1), who="ada")
    hold(metrics, TWO, NEXT_YEAR, who="ada", reason="audit")
    assert steps_of(gc(metrics, blobs, grace_s=11 * DAY), ONE) == {0, 10, 20, 30, 40}, "checkpoints of January are old"
    assert all(map(blobs.has, digests)), "their blobs were stored a moment ago"
    assert gc(metrics, blobs) == {("blob", digest) for digest in digests[1:5]}, "another run names the first one too"
    assert all(map(blobs.has, others)), "its run is held"
    # A commit that comes again does not bring one back, and its blob is asked for first.
    with pytest.raises(BlobsMissingError):
        ingest.commit_artifact(
            ArtifactCommit(
                ONE.project, ONE.id, ONE.uuid.bytes, 1, 11, 0, version_of(1000, 11), 10, 1_767_225_600_010,
                "checkpoint", "c10", "{}", (ArtifactFile("w", digests[1], 15),),
            )
        )  # fmt: skip
    keep(ingest, blobs, ONE, 10, f"{ONE} at 10".encode())
    assert states(metrics, ONE) == {
        0: "deleted",
        10: "deleted",
        20: "deleted",
        30: "deleted",
        40: "deleted",
        50: "complete",
    }


def test_what_has_an_alias_or_was_used_stays(metrics: MetricStore, ingest: Ingest, blobs: BlobStore) -> None:
    trained(ingest, blobs, ONE)
    alias = ("project", "type", "name", "alias", "run", "writer", "row_seq", "version")
    metrics.insert_rows("aliases", alias, [["ruled", "checkpoint", "c10", "best", ONE.uuid, 1, 11, 1]])
    use = (
        "project",
        "type",
        "name",
        "run",
        "writer",
        "row_seq",
        "source_run",
        "source_writer",
        "source_row_seq",
        "version",
    )
    metrics.insert_rows("uses", use, [["ruled", "checkpoint", "c20", TWO.uuid, 2, 1, ONE.uuid, 1, 21, 1]])
    set_rule(metrics, Rule("ruled", keep_last=1, max_age_s=DAY), who="ada")
    going = gc(metrics, blobs)
    assert steps_of(going, ONE) == {0, 30, 40}
    assert ("trash", str(ONE)) not in going
    trash(metrics, [ONE], who="ada")
    assert not {what for what, _ in gc(metrics, blobs, trash_s=0)} & {"purge"}


def test_old_runs_go_to_the_trash_and_out_of_it(metrics: MetricStore, ingest: Ingest, blobs: BlobStore) -> None:
    digests = [*trained(ingest, blobs, ONE), *trained(ingest, blobs, TWO)]
    hold(metrics, TWO, NEXT_YEAR, who="ada", reason="audit")
    young = Making(project="ruled", id="young", attempt=1000)
    now_ms = round(time.time() * 1000)
    builder = young.builder()
    builder.add_row([("loss", 1.0)], 1, 1, now_ms)
    assert ingest.write([seal(builder, 3)])[0].ok
    set_rule(metrics, Rule("ruled", max_age_s=60 * DAY), who="ada")
    assert gc(metrics, blobs, apply=False) == {("trash", str(ONE))}
    assert gc(metrics, blobs) == {("trash", str(ONE))}
    assert gc(metrics, blobs) == set(), "it lies there for thirty days"
    set_rule(metrics, Rule("ruled", max_age_s=60 * DAY, trash_s=5 * DAY), who="ada")
    would = gc(metrics, blobs, apply=False)
    assert would == {("purge", str(ONE)), *(("blob", digest) for digest in digests[:6])}
    assert gc(metrics, blobs) == would
    assert [blobs.has(digest) for digest in digests] == [False] * 6 + [True] * 6
    assert {row["id"] for row in metrics.rows("SELECT id FROM v_runs")} == {"two", "young"}


def test_a_run_begun_again_in_the_trash_is_not_purged(metrics: MetricStore, ingest: Ingest, blobs: BlobStore) -> None:
    trained(ingest, blobs, ONE)
    trash(metrics, [ONE], who="ada")
    again = Making(project=ONE.project, id=ONE.id, attempt=200_000_000, writer=5)
    assert ingest.write([again.records((_core.KIND_EVENT, (b"start", b"{}")))])[0].ok
    assert gc(metrics, blobs, trash_s=DAY) == set()


def test_rules_are_replaced_and_taken_away(metrics: MetricStore) -> None:
    best = (KeepBest("val/loss:x", "min", 3), KeepBest("acc", "max", 1))
    rule = set_rule(metrics, Rule("ruled", 5, best, 365 * DAY, 7 * DAY), who="ada")
    assert rules(metrics) == [rule]
    other = set_rule(metrics, Rule("another", trash_s=0), who="grace")
    assert rules(metrics) == [other, rule]
    set_rule(metrics, Rule("ruled"), who="ada")
    assert rules(metrics) == [other]


@pytest.mark.parametrize(
    "text", ["", "loss", "loss:min", "loss:least:3", "loss:min:0", "loss:min:-1", "loss:min:x", ":min:1"]
)
def test_what_is_best_is_said_in_one_way(text: str) -> None:
    with pytest.raises(InvalidValue, match="METRIC:min:COUNT"):
        KeepBest.parse(text)


@pytest.mark.parametrize("engine_kind", ["embedded"], indirect=True)
def test_no_blob_goes_where_another_store_names_some_too(
    metrics: MetricStore, ingest: Ingest, blobs: BlobStore, tmp_path: Path
) -> None:
    stray = put(blobs, b"perhaps another's")
    blobs.register("another-store")
    with pytest.raises(BlobError, match="another metric store names blobs there too"):
        gc(metrics, blobs)
    (tmp_path / "blobs" / "owners" / "another-store").unlink()
    assert gc(metrics, blobs) == {("blob", stray)}
    with pytest.raises(InvalidValue, match="at least an hour"):
        gc(metrics, blobs, grace_s=60.0)


@pytest.mark.parametrize("engine_kind", ["embedded"], indirect=True)
def test_what_given_up_uploads_left_is_said_with_its_bytes_and_goes(
    metrics: MetricStore, ingest: Ingest, blobs: BlobStore
) -> None:
    kept = keep(ingest, blobs, ONE, 1, b"weights")
    writer = blobs.writer(blake3(b"never whole").hexdigest(), 11)
    writer.write(b"never")
    asked = {"grace_s": DAY, "trash_s": DAY, "now": datetime.now(timezone.utc) + LATER}
    [would] = collect(metrics, blobs, apply=False, **asked)
    assert (would.what, would.size) == ("upload", 5)
    assert would.why.startswith("nobody has gone on with it since ")
    assert not list(collect(metrics, blobs, apply=True, **{**asked, "now": datetime.now(timezone.utc)}))
    assert list(collect(metrics, blobs, apply=True, **asked)) == [would]
    assert not list(collect(metrics, blobs, apply=True, **asked))
    writer.abort()
    assert blobs.has(kept)


def test_what_a_commit_names_while_gc_runs_stays(
    metrics: MetricStore, ingest: Ingest, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent has asked for the blob long ago, and commits between gc's look at the manifests and the removal."""
    data = b"asked for yesterday"
    digest = put(blobs, data)
    collected = blobs.collect

    def commit_first(name: str, before: float) -> bool:
        keep(ingest, blobs, ONE, 1, data)
        return collected(name, datetime.now(timezone.utc).timestamp() - 60)

    monkeypatch.setattr(blobs, "collect", commit_first)
    assert gc(metrics, blobs) == set()
    assert blobs.has(digest)
    assert states(metrics, ONE) == {1: "complete"}


def collected_in(url: str, blobs_url: str, place: str, after: int) -> None:
    """A gc of its own process, which ends at the given passing of a place."""
    import os

    from stepwell.stores import s3_blobs
    from stepwell.stores.retention import checkpoints, purge

    left = [after]

    def killpoint(name: str) -> None:
        if name == place:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    for module in (s3_blobs, checkpoints, purge):
        module.killpoint = killpoint  # type: ignore[attr-defined]
    metrics = open_metrics(url)
    for _ in collect(
        metrics, open_blobs(blobs_url), apply=True, grace_s=DAY, trash_s=5 * DAY,
        now=datetime.now(timezone.utc) + LATER,
    ):  # fmt: skip
        pass
    metrics.close()


PLACES = [
    ("purge.table", 3),
    ("gc.removed", 1),
    pytest.param("purge.tombstoned", 1, marks=pytest.mark.thorough),
    pytest.param("gc.checkpoints", 1, marks=pytest.mark.thorough),
    pytest.param("gc.marked", 2, marks=pytest.mark.thorough),
]


@pytest.mark.parametrize("engine_kind", ["server"], indirect=True)
@pytest.mark.parametrize(("place", "after"), PLACES)
def test_a_gc_that_was_killed_is_ended_by_the_next(
    own_metrics: MetricStore, ingest: Ingest, blobs: BlobStore, blobs_url: str, metrics_url: str, place: str,
    after: int, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from stepwell.stores.retention import purge

    kept = trained(ingest, blobs, TWO)
    digests = trained(ingest, blobs, ONE)
    trash(own_metrics, [ONE], who="ada")
    set_rule(own_metrics, Rule("ruled", keep_last=2), who="ada")
    spawned = multiprocessing.get_context("spawn")
    process = spawned.Process(target=collected_in, args=(metrics_url, blobs_url, place, after))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert all(blobs.claim(digest) for digest in kept[-2:]), "what the rules keep is there at any moment"
    # The next one, a minute later.
    monkeypatch.setattr(purge, "_LEFT_OVER", purge._LEFT_OVER.replace("INTERVAL 1 MINUTE", "INTERVAL 0 MINUTE"))
    gc(own_metrics, blobs, trash_s=5 * DAY)
    gc(own_metrics, blobs, trash_s=5 * DAY)
    left = {entry.digest for entry in blobs.entries()}
    assert left == set(kept[-2:])
    assert not left & set(digests)
    for table in own_metrics.run_tables():
        but_bare = "AND NOT (state = 'deleted' AND files = '[]')" if table == "artifacts" else ""
        found = own_metrics.rows(f"SELECT count() AS n FROM {table} WHERE run = '{ONE.uuid}' {but_bare}")
        assert found == [{"n": 0}], table
    assert states(own_metrics, TWO) == {
        0: "deleted",
        10: "deleted",
        20: "deleted",
        30: "deleted",
        40: "complete",
        50: "complete",
    }


@pytest.mark.parametrize("engine_kind", ["server"], indirect=True)
def test_two_gcs_at_once_remove_what_one_would(
    own_metrics: MetricStore, ingest: Ingest, blobs: BlobStore, blobs_url: str, metrics_url: str
) -> None:
    kept = trained(ingest, blobs, TWO)
    trained(ingest, blobs, ONE)
    trash(own_metrics, [ONE], who="ada")
    set_rule(own_metrics, Rule("ruled", keep_last=2), who="ada")
    spawned = multiprocessing.get_context("spawn")
    both = [spawned.Process(target=collected_in, args=(metrics_url, blobs_url, "never", 1)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    assert {entry.digest for entry in blobs.entries()} == set(kept[-2:])
    assert sorted(states(own_metrics, TWO).values()) == ["complete"] * 2 + ["deleted"] * 4
