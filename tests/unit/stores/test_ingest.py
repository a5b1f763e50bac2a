"""Blocks into the store: all rows of the good ones, nothing of the others, and the right word for each."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from blake3 import blake3

from making_blocks import Making
from stepwell import _core
from stepwell.errors import BlobError, InvalidValue, StoreUnavailable
from stepwell.ids import run_uuid, version_of
from stepwell.settings import Settings
from stepwell.stores.artifacts import ArtifactCommit, ArtifactFile, BlobsMissingError
from stepwell.stores.blobs import BlobStore
from stepwell.stores.ingest import Ingest, Reason
from stepwell.stores.metrics import MetricStore

EMBEDDED = pytest.mark.parametrize("engine_kind", ["embedded"], indirect=True)  # the store is not what matters


@pytest.fixture
def ingest(metrics: MetricStore, blobs: BlobStore) -> Ingest:
    return Ingest(metrics, blobs)


def points(metrics: MetricStore) -> list[tuple[str, int, float]]:
    rows = metrics.rows("SELECT metric, step, value FROM v_scalars ORDER BY metric, step")
    return [(row["metric"], row["step"], row["value"]) for row in rows]


def test_every_point_of_a_block_is_there_exactly_and_once(ingest: Ingest, metrics: MetricStore) -> None:
    making = Making()
    blocks = [making.block(100, ("loss", "val/acc")), making.block(1), making.block(50, ("loss", "lr", "x"))]
    for _ in range(2):  # delivered twice
        outcomes = ingest.write(blocks)
        assert [outcome.reason for outcome in outcomes] == [None] * 3
    assert {outcome.run for outcome in outcomes} == {run_uuid("project", "run").bytes}
    assert outcomes[0].attempt == making.attempt
    assert points(metrics) == sorted(making.logged)
    versions = metrics.rows("SELECT version FROM v_scalars WHERE metric = 'loss' AND step = 7")
    assert versions == [{"version": version_of(making.attempt, 7)}]
    assert [(row["project"], row["id"]) for row in metrics.rows("SELECT * FROM v_runs")] == [("project", "run")]


def test_every_kind_of_record_reaches_its_table(ingest: Ingest, metrics: MetricStore) -> None:
    making = Making(rank=3)
    block = making.records(
        (_core.KIND_TEXT, (b"sample", "h\u00e9llo".encode())),
        (
            _core.KIND_HISTOGRAM,
            (b"weights", _core.histogram(memoryview(struct.pack("4d", 1.0, 2.0, 2.0, -3.0)).cast("d"))),
        ),
        (_core.KIND_FIELD, (b"config/lr", b"0.1", b"user", struct.pack("<d", 0.1))),
        (_core.KIND_FIELD, (b"name", b'"first"', b"user", b"")),
        (_core.KIND_CONSOLE, (b"1", b"epoch 1\n")),
        (_core.KIND_EVENT, (b"start", b"{}")),
        (_core.KIND_CHECKPOINT, (b"checkpoint", b"last", b'[{"path":"a","size":5}]', b"{}", b"5")),
    )
    assert [outcome.ok for outcome in ingest.write([block])] == [True]

    def one(sql: str) -> dict[str, Any]:
        (row,) = metrics.rows(sql)
        return row

    assert one("SELECT metric, value, rank, step FROM v_texts") == {
        "metric": "sample", "value": "h\u00e9llo", "rank": 3, "step": 1,
    }  # fmt: skip
    histogram = one("SELECT * FROM v_histograms")
    assert (histogram["count"], histogram["sum"], histogram["min"], histogram["max"]) == (4, 2.0, -3.0, 2.0)
    assert sum(histogram["counts"]) == 4
    fields = {row["key"]: row for row in metrics.rows("SELECT key, str, num, source FROM v_fields")}
    assert fields["config/lr"]["num"] == 0.1
    assert fields["name"]["str"] == '"first"'
    assert fields["name"]["num"] != fields["name"]["num"], "no number is NaN"
    assert one("SELECT stream, text, row_seq FROM v_console") == {"stream": 1, "text": "epoch 1\n", "row_seq": 5}
    assert one("SELECT kind, attempt FROM v_events") == {"kind": "start", "attempt": making.attempt}
    assert one("SELECT name, state, size FROM v_artifacts") == {"name": "last", "state": "staged", "size": 5}


def patched(block: bytes, offset: int, data: bytes) -> bytes:
    return block[:offset] + data + block[offset + len(data) :]


GOOD = Making().block(20)


@EMBEDDED
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", Reason.DAMAGED),
        (b"garbage", Reason.DAMAGED),
        (b"x" * 1000, Reason.DAMAGED),
        (GOOD[:-1], Reason.DAMAGED),
        (GOOD + b"x", Reason.DAMAGED),
        (patched(GOOD, len(GOOD) // 2, b"\xff\xff\xff\xff"), Reason.DAMAGED),
        (patched(GOOD, 4, struct.pack("<HH", 9, 9)), Reason.TOO_NEW),
        (patched(GOOD, 8, struct.pack("<Q", 1 << 60)), Reason.DAMAGED),
        (GOOD + bytes(17 << 20), Reason.TOO_LARGE),
        (Making(id="other", run=run_uuid("project", "run").bytes).block(5), Reason.REJECTED),
        (Making(project="a/b").block(5), Reason.REJECTED),
        (Making(id="x" * 300).block(5), Reason.REJECTED),
    ],
    ids=[
        "empty", "garbage", "long garbage", "cut", "more", "flipped", "newer", "bomb", "large", "foreign run",
        "bad project", "long id",
    ],
)  # fmt: skip
def test_a_bad_block_is_refused_alone(ingest: Ingest, metrics: MetricStore, bad: bytes, reason: Reason) -> None:
    making = Making(writer=5)
    first, second = making.block(3), making.block(4)
    outcomes = ingest.write([first, bad, second])
    assert [outcome.reason for outcome in outcomes] == [None, reason, None]
    assert outcomes[1].message
    assert points(metrics) == sorted(making.logged)


@EMBEDDED
def test_a_block_that_would_grow_too_large_is_refused_before_it_does(metrics: MetricStore, blobs: BlobStore) -> None:
    ingest = Ingest(metrics, blobs, Settings(block_body_bytes_max=100))
    (outcome,) = ingest.write([GOOD])
    assert outcome.reason is Reason.TOO_LARGE
    assert "takes 100" in outcome.message


@EMBEDDED
def test_no_flipped_byte_brings_it_down_or_gets_through(ingest: Ingest, metrics: MetricStore) -> None:
    rng = random.Random(7)
    spoiled = [patched(GOOD, rng.randrange(len(GOOD)), bytes([rng.randrange(256)])) for _ in range(300)]
    spoiled = [block for block in spoiled if block != GOOD]
    accepted = [block for block, outcome in zip(spoiled, ingest.write(spoiled), strict=True) if outcome.ok]
    # The header's version and reserved fields may differ harmlessly; the points may not.
    making = Making()
    making.block(20)
    assert set(points(metrics)) <= set(making.logged)
    assert len(accepted) < len(spoiled) / 4


def test_a_block_the_store_refuses_is_found_and_the_others_go_in(
    ingest: Ingest, own_metrics: MetricStore, by_hand: Callable[[str], None]
) -> None:
    metrics = own_metrics
    by_hand("ALTER TABLE scalars{local} ADD CONSTRAINT no_poison CHECK metric != 'poison'")
    making, poisoned = Making(), Making(writer=9, id="poisoned")
    blocks = [making.block(3) for _ in range(11)]
    blocks.insert(7, poisoned.block(2, ("poison",)))
    outcomes = ingest.write(blocks)
    assert [index for index, outcome in enumerate(outcomes) if not outcome.ok] == [7]
    assert outcomes[7].reason is Reason.REJECTED
    assert "no_poison" in outcomes[7].message
    assert points(metrics) == sorted(making.logged)


def test_a_passing_fault_refuses_nothing_for_good(
    ingest: Ingest, own_metrics: MetricStore, by_hand: Callable[[str], None]
) -> None:
    metrics = own_metrics
    making = Making()
    blocks = [making.block(3), b"garbage", making.block(3)]
    by_hand("RENAME TABLE scalars{local} TO away")
    outcomes = ingest.write(blocks)
    assert [outcome.reason for outcome in outcomes] == [Reason.RETRY, Reason.DAMAGED, Reason.RETRY]
    by_hand("RENAME TABLE away TO scalars{local}")
    assert [outcome.reason for outcome in ingest.write(blocks)] == [None, Reason.DAMAGED, None]
    assert points(metrics) == sorted(making.logged)


def test_a_large_write_is_inserted_in_parts(metrics: MetricStore, blobs: BlobStore) -> None:
    ingest = Ingest(metrics, blobs, Settings(flush_rows=100))
    making = Making()
    blocks = [making.block(40) for _ in range(10)]
    assert all(outcome.ok for outcome in ingest.write(blocks))
    assert points(metrics) == sorted(making.logged)


@EMBEDDED
def test_nothing_is_written_for_nothing(ingest: Ingest, metrics: MetricStore) -> None:
    assert ingest.write([]) == []
    assert points(metrics) == []


# --- artifacts


DATA = b"weights" * 1000
DIGEST = blake3(DATA).hexdigest()
COMMIT = ArtifactCommit(
    project="project",
    id="run",
    run=run_uuid("project", "run").bytes,
    writer=Making.writer,
    row_seq=1,
    rank=0,
    version=version_of(1000, 1),
    step=1,
    time_ms=1_767_225_600_001,
    kind="checkpoint",
    name="last",
    metadata='{"epoch": 3}',
    files=(ArtifactFile("model/weights.bin", DIGEST, len(DATA)),),
)


def test_an_artifact_is_complete_only_with_its_blobs(ingest: Ingest, metrics: MetricStore, blobs: BlobStore) -> None:
    staged = (b"checkpoint", b"last", b'[{"path":"model/weights.bin","size":7000}]', b"{}", b"7000")
    assert ingest.write([Making().records((_core.KIND_CHECKPOINT, staged))])[0].ok
    with pytest.raises(BlobsMissingError, match="1 of its 1 blobs") as caught:
        ingest.commit_artifact(COMMIT)
    assert caught.value.digests == [DIGEST]
    assert [row["state"] for row in metrics.rows("SELECT state FROM v_artifacts")] == ["staged"]
    blobs.put([DATA], DIGEST, len(DATA))
    for _ in range(2):
        ingest.commit_artifact(COMMIT)
    (row,) = metrics.rows("SELECT * FROM v_artifacts")
    assert (row["state"], row["size"], row["step"]) == ("complete", len(DATA), 1)
    assert json.loads(row["files"]) == [{"path": "model/weights.bin", "digest": DIGEST, "size": len(DATA)}]
    assert json.loads(row["metadata"]) == {"epoch": 3}


def spoilt_commits() -> Iterator[Any]:
    for name, changes in {
        "foreign run": {"run": run_uuid("project", "other").bytes},
        "short run": {"run": b"x"},
        "wrong size": {"files": (ArtifactFile("a", DIGEST, 1),)},
        "no files": {"files": ()},
        "same path": {"files": (ArtifactFile("a", DIGEST, len(DATA)),) * 2},
        "metadata": {"metadata": "[1]"},
        "broken metadata": {"metadata": "{"},
        "no name": {"name": ""},
        "long name": {"name": "x" * 513},
        "version": {"version": 1 << 63},
        "step": {"step": 1 << 63},
        "time": {"time_ms": 1 << 60},
    }.items():
        yield pytest.param(changes, id=name)
    for path in ("", "/etc/passwd", "../up", "a/../../b", "a//b", "a/./b", "a\\b", "a\nb", "x" * 5000, "\ud800"):
        yield pytest.param({"files": (ArtifactFile(path, DIGEST, len(DATA)),)}, id=ascii(path[:20]))


@EMBEDDED
@pytest.mark.parametrize("changes", list(spoilt_commits()))
def test_a_commit_that_can_never_be_right_is_refused(
    ingest: Ingest, metrics: MetricStore, blobs: BlobStore, changes: dict[str, Any]
) -> None:
    blobs.put([DATA], DIGEST, len(DATA))
    with pytest.raises(InvalidValue):
        ingest.commit_artifact(replace(COMMIT, **changes))
    assert metrics.rows("SELECT * FROM v_artifacts") == []


@EMBEDDED
def test_a_commit_names_blobs_by_digest_only(ingest: Ingest) -> None:
    with pytest.raises(BlobError, match="blake3"):
        ingest.commit_artifact(replace(COMMIT, files=(ArtifactFile("a", "../../x", 1),)))


def test_a_store_that_fails_says_try_again(
    ingest: Ingest, own_metrics: MetricStore, blobs: BlobStore, by_hand: Callable[[str], None]
) -> None:
    blobs.put([DATA], DIGEST, len(DATA))
    by_hand("DROP TABLE artifacts{local}")
    with pytest.raises(StoreUnavailable):
        ingest.commit_artifact(COMMIT)
