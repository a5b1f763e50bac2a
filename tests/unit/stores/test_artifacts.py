"""Artifacts completed in every kind of store, and read out of it: versions, aliases, parts, references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from blake3 import blake3

from making_blocks import Making
from stepwell import _core
from stepwell.errors import InvalidValue, NotFound
from stepwell.ids import run_uuid, version_of
from stepwell.query import artifact_rows
from stepwell.query.records import ArtifactInfo, RunKey
from stepwell.stores import artifacts as completing
from stepwell.stores.artifacts import ArtifactCommit, ArtifactFile, later_version
from stepwell.stores.blobs import BlobStore
from stepwell.stores.ingest import Ingest
from stepwell.stores.metrics import MetricStore

START_MS = 1_767_225_600_000


@pytest.fixture
def ingest(metrics: MetricStore, blobs: BlobStore) -> Ingest:
    return Ingest(metrics, blobs)


class Logging:
    """Runs that log artifacts, each a file of its content; the runs themselves are recorded too."""

    def __init__(self, ingest: Ingest, blobs: BlobStore) -> None:
        self._ingest, self._blobs = ingest, blobs
        self._runs: dict[tuple[str, int], Making] = {}

    def announce(self, id: str = "run", *, rank: int = 0, name: str = "m") -> tuple[Making, int]:
        making = self._runs.get((id, rank))
        if making is None:
            making = self._runs[id, rank] = Making(id=id, rank=rank, writer=len(self._runs) + 1)
        record = (b"artifact", name.encode(), b'{"type":"model","part":0,"parts":0,"files":[]}', b"{}", b"5")
        assert self._ingest.write([making.records((_core.KIND_CHECKPOINT, record))])[0].ok
        return making, making.row_seq

    def log(self, content: bytes, id: str = "run", *, rank: int = 0, **changes: object) -> ArtifactCommit:
        """Announced, uploaded and completed."""
        making, row_seq = self.announce(id, rank=rank, name=str(changes.get("name", "m")))
        digest = blake3(content).hexdigest()
        self._blobs.put([content], digest, len(content))
        made = ArtifactCommit(
            project="project", id=id, run=run_uuid("project", id).bytes, writer=making.writer, row_seq=row_seq,
            rank=rank, version=version_of(making.attempt, row_seq), step=1, time_ms=START_MS + row_seq, kind="artifact",
            type="model", name="m", metadata="{}", files=(ArtifactFile("w.bin", digest, len(content)),),
        )  # fmt: skip
        commit = replace(made, **changes)  # type: ignore[arg-type]
        self._ingest.commit_artifact(commit)
        return commit


@pytest.fixture
def logging(ingest: Ingest, blobs: BlobStore) -> Logging:
    return Logging(ingest, blobs)


def shown(found: list[ArtifactInfo]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(str(info.run), f"v{info.version}", info.aliases) for info in found]


def test_versions_are_counted_over_the_runs_of_a_project(logging: Logging, metrics: MetricStore) -> None:
    for number in range(6):  # so that both shards have some
        logging.log(b"content %d" % number, f"run{number}")
    logging.log(b"content 5", "again")  # as the newest: no new version
    logging.log(b"content 0", "back")
    expected = [(f"project/run{number}", f"v{number}", ()) for number in range(6)]
    assert shown(artifact_rows.versions(metrics, "project")) == [*expected, ("project/back", "v6", ("latest",))]
    (again,) = artifact_rows.artifacts_of_run(metrics, RunKey("project", "again"))
    assert (again.version, again.type, again.state) == (5, "model", "complete")
    found = artifact_rows.artifact(metrics, "project", "m", "v3")
    assert [(file.path, file.digest) for file in found.files] == [("w.bin", blake3(b"content 3").hexdigest())]
    assert artifact_rows.versions(metrics, "project", name="other") == []
    assert artifact_rows.versions(metrics, "project", type="dataset") == []
    assert artifact_rows.versions(metrics, "another") == []


def test_a_repeated_commit_keeps_its_first_stamp(
    logging: Logging, ingest: Ingest, metrics: MetricStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = logging.log(b"first", aliases=("best",))
    logging.log(b"second", aliases=("best",))
    ingest.commit_artifact(first)  # the agent did not hear the answer
    assert shown(artifact_rows.versions(metrics, "project")) == [
        ("project/run", "v0", ()), ("project/run", "v1", ("latest", "best")),
    ]  # fmt: skip
    # Of two services that complete it at once, each without having seen the other, the earlier stamp is seen.
    monkeypatch.setattr(completing, "_stamp", lambda *_: 1_000_000)
    early = replace(first, row_seq=77, version=version_of(1000, 77), name="n")
    ingest.commit_artifact(early)
    metrics.insert_rows("artifacts", completing._COLUMNS, [completing._row(early, 2_000_000)])
    (row,) = metrics.rows("SELECT toUnixTimestamp64Micro(committed) AS at FROM v_artifacts WHERE name = 'n'")
    assert row["at"] == 1_000_000


def test_a_service_whose_clock_is_behind_reorders_nothing(
    logging: Logging, metrics: MetricStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    logging.log(b"first")
    monkeypatch.setattr(completing.time, "time_ns", lambda: START_MS * 1_000_000)
    logging.log(b"second", "later")
    assert shown(artifact_rows.versions(metrics, "project")) == [
        ("project/run", "v0", ()), ("project/later", "v1", ("latest",)),
    ]  # fmt: skip


def test_aliases_move_and_the_last_word_wins(logging: Logging, metrics: MetricStore) -> None:
    logging.log(b"a", "run1", aliases=("best", "latest"))
    logging.log(b"b", "run2", aliases=("best", "candidate"))
    logging.log(b"c", "run3")
    found = artifact_rows.versions(metrics, "project")
    assert [set(info.aliases) for info in found] == [set(), {"best", "candidate"}, {"latest"}]
    moved = artifact_rows.set_aliases(metrics, "project", "m", "v0", add=["best"], by="me")
    assert (moved.version, set(moved.aliases)) == (0, {"best"})
    assert artifact_rows.artifact(metrics, "project", "m", "candidate").version == 1
    artifact_rows.set_aliases(metrics, "project", "m", "candidate", add=["best"], remove=["candidate"])
    artifact_rows.set_aliases(metrics, "project", "m", "v2", remove=["best"])  # it is not there: nothing happens
    assert artifact_rows.artifact(metrics, "project", "m", "best").version == 1
    with pytest.raises(NotFound, match=r"v0 to v2, and best, latest"):
        artifact_rows.artifact(metrics, "project", "m", "candidate")
    for wrong in ({"add": ["latest"]}, {"add": ["v1"]}, {"add": ["a:b"]}, {"remove": ["a/b"]}, {}):
        with pytest.raises(InvalidValue):
            artifact_rows.set_aliases(metrics, "project", "m", "v0", **wrong)  # type: ignore[arg-type]


def delete(metrics: MetricStore, commit: ArtifactCommit) -> None:
    """As retention does it: the same row, in another state, with a version of now."""
    row = completing._row(commit, 1)
    named = dict(zip(completing._COLUMNS, row, strict=True))
    [held] = metrics.rows(
        "SELECT committed FROM v_artifacts WHERE run = {run:UUID} AND row_seq = {row_seq:UInt64}",
        {"run": str(named["run"]), "row_seq": named["row_seq"]},
    )
    named |= {"state": "deleted", "version": later_version(), "committed": held["committed"]}
    metrics.insert_rows("artifacts", completing._COLUMNS, [[named[column] for column in completing._COLUMNS]])


def test_a_deleted_version_keeps_its_number_and_latest_goes_to_the_one_before(
    logging: Logging, metrics: MetricStore, ingest: Ingest
) -> None:
    logging.log(b"a", "run1")
    second = logging.log(b"b", "run2")
    third = logging.log(b"c", "run3")
    delete(metrics, third)
    assert artifact_rows.artifact(metrics, "project", "m").version == 1
    delete(metrics, second)
    ingest.commit_artifact(second)  # a repeat from a late spool does not bring it back
    logging.log(b"d", "run4")
    found = artifact_rows.versions(metrics, "project")
    assert [(info.version, info.state, info.aliases) for info in found] == [
        (0, "complete", ()), (1, "deleted", ()), (2, "deleted", ()), (3, "complete", ("latest",)),
    ]  # fmt: skip
    with pytest.raises(NotFound, match="deleted"):
        artifact_rows.artifact(metrics, "project", "m", "v2")


def test_a_deleted_run_takes_its_versions_with_it_and_not_their_numbers(logging: Logging, metrics: MetricStore) -> None:
    logging.log(b"a", "run1")
    logging.log(b"b", "run2")
    columns = ("run", "state", "reason", "version")
    metrics.insert_rows("removals", columns, [[run_uuid("project", "run1"), "trashed", "old", 1]])
    found = artifact_rows.versions(metrics, "project")
    assert [(info.version, info.state) for info in found] == [(0, "deleted"), (1, "complete")]


def test_parts_of_ranks_are_one_artifact_once_all_are_in(logging: Logging, metrics: MetricStore) -> None:
    run = RunKey("project", "run")
    logging.log(b"older", "other", aliases=("best",))
    for rank in (2, 0):
        logging.log(b"part %d" % rank, rank=rank, part=rank, parts=3, aliases=("best",))
    (partial,) = artifact_rows.artifacts_of_run(metrics, run)
    assert (partial.state, partial.parts_in, partial.parts, partial.version) == ("partial", 2, 3, None)
    assert artifact_rows.artifact(metrics, "project", "m", "best").version == 0
    logging.log(b"part 1", rank=1, part=1, parts=3, aliases=("best",))
    (whole,) = artifact_rows.artifacts_of_run(metrics, run)
    assert (whole.state, whole.parts_in, whole.version, set(whole.aliases)) == ("complete", 3, 1, {"best", "latest"})
    assert [file.path for file in whole.files] == [f"part-{rank}/w.bin" for rank in range(3)]
    assert artifact_rows.artifact(metrics, "project", "m", "best").files == whole.files


def test_what_ranks_have_alike_is_there_once(logging: Logging, metrics: MetricStore) -> None:
    common = logging.log(b"common", "other", name="x").files[0]
    own = [logging.log(b"own %d" % rank, "other", name="x").files[0] for rank in range(2)]
    for rank in range(2):
        files = (replace(common, path="config"), replace(own[rank], path=f"{rank}.bin"))
        logging.log(b"", rank=rank, part=rank, parts=2, files=files)
    (whole,) = artifact_rows.artifacts_of_run(metrics, RunKey("project", "run"))
    assert [file.path for file in whole.files] == ["0.bin", "1.bin", "config"]


def test_a_reference_needs_no_blob(logging: Logging, metrics: MetricStore) -> None:
    there = ArtifactFile("train.parquet", "sha256:abc", 10**15, "s3://lake/train.parquet")
    logging.log(b"", files=(there,))
    (file,) = artifact_rows.artifact(metrics, "project", "m").files
    assert (file.path, file.digest, file.size, file.uri) == ("train.parquet", "sha256:abc", 10**15, there.uri)


def test_a_name_with_two_types_is_asked_for_by_type(logging: Logging, metrics: MetricStore) -> None:
    logging.log(b"a")
    logging.log(b"b", type="dataset", kind="artifact")
    with pytest.raises(NotFound, match="dataset, model"):
        artifact_rows.artifact(metrics, "project", "m")
    assert artifact_rows.artifact(metrics, "project", "m", type="dataset").version == 0


def spoilt() -> Iterator[object]:
    for name, changes in {
        "no type": {"kind": ""}, "control": {"name": "a\nb"}, "alias": {"aliases": ("v1",)},
        "colon": {"aliases": ("a:b",)},
        "many": {"aliases": tuple(f"a{number}" for number in range(21))}, "part": {"part": 2, "parts": 2},
        "part of none": {"part": 1}, "parts": {"parts": 1 << 21},
        "size": {"files": (ArtifactFile("a", "", -1, "s3://x/a"),)},
        "bare digest": {"files": (ArtifactFile("a", "0" * 64, 1, "s3://x/a"),)},
        "uri": {"files": (ArtifactFile("a", "", 1, "s3://" + "x" * 5000),)},
    }.items():  # fmt: skip
        yield pytest.param(changes, id=name)


@pytest.mark.parametrize("engine_kind", ["embedded"], indirect=True)
@pytest.mark.parametrize("changes", list(spoilt()))
def test_what_can_never_be_right_is_refused(logging: Logging, metrics: MetricStore, changes: dict[str, object]) -> None:
    right = logging.log(b"a", "other")
    with pytest.raises(InvalidValue):
        logging._ingest.commit_artifact(replace(right, row_seq=9, **changes))  # type: ignore[arg-type]
    assert len(artifact_rows.versions(metrics, "project")) == 1
