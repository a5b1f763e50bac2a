"""`stepwell export --all` and `stepwell import`: the same rows, bit by bit, and the same blobs on the other side."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from moving_stores import BLOBS, IDS, PROJECT, TABLES, VALUES, MakePlace, Place, fill
from stepwell.errors import ExportError, ExportTooNew, NotFound, StoreError
from stepwell.ids import run_uuid
from stepwell.moving import Selection
from stepwell.stores.migrate import LATEST

RUN = run_uuid(PROJECT, IDS[0])
POINTS = 3000 * 2 + 1 + len(VALUES)
"""Of RUN: a later attempt wrote 49 of the steps again, and one more."""
NOW = datetime(2026, 2, 3, tzinfo=timezone.utc)
POINT = ("run", "metric", "rank", "step", "at", "time", "value", "version")


def files_of(folder: Path, table: str = "*") -> list[Path]:
    return sorted(path for path in folder.rglob(f"{table}.*.parquet") if not path.name.startswith("."))


@pytest.mark.parametrize(
    "kinds",
    [
        ("server", "embedded"),
        pytest.param(("server", "embedded", "cluster", "server"), marks=pytest.mark.thorough),
    ],
    ids="-".join,
)
def test_what_goes_from_store_to_store_is_the_same_in_each(
    filled: Place, place: MakePlace, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    expected, blobs = filled.contents(), filled.blobs()
    assert all(expected[table] for table in TABLES)
    assert len(expected["scalars"]) == POINTS + 4 * 20 * 2
    source = filled
    for number, kind in enumerate(kinds):
        folder = tmp_path / f"export{number}"
        exported = source.export(folder)
        assert (exported.runs, exported.blobs, exported.missing, exported.moved_on) == (len(IDS), len(BLOBS), [], [])
        assert len(files_of(folder, "scalars")) > len(IDS)
        target = place(kind)
        imported = target.bring(folder)
        assert (imported.problems, imported.merged, imported.missing) == ([], [], [])
        assert imported.inserted_rows == imported.rows == exported.rows == sum(map(len, expected.values()))
        assert imported.stored_blobs == len(BLOBS)
        assert target.contents() == expected, kind
        assert target.blobs() == blobs
        source = target
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "kind", ["embedded", *(pytest.param(kind, marks=pytest.mark.thorough) for kind in ("server", "cluster"))]
)
def test_doing_it_twice_does_no_more_than_once(filled: Place, place: MakePlace, kind: str, tmp_path: Path) -> None:
    first = filled.export(tmp_path / "export")
    names = {path: path.stat().st_mtime_ns for path in files_of(tmp_path / "export")}
    again = filled.export(tmp_path / "export")
    assert (again.rows, again.written_rows, again.written_blobs) == (first.rows, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in files_of(tmp_path / "export")} == names
    target = place(kind)
    target.bring(tmp_path / "export")
    before = target.contents()
    done = target.bring(tmp_path / "export")
    assert (done.inserted_rows, done.stored_blobs, done.problems) == (0, 0, [])
    assert target.contents() == before == filled.contents()


def test_an_export_into_the_same_folder_brings_what_is_new_and_keeps_what_is_gone(
    filled: Place, place: MakePlace, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    first = filled.export(folder)
    with filled.open() as (metrics, _):
        metrics.insert_rows("scalars", POINT, [[RUN, "new", 0, 1, 0, NOW, 1.0, 1 << 50]])
        other = run_uuid(PROJECT, "plain")
        metrics.command(f"ALTER TABLE scalars DELETE WHERE run = '{other}' SETTINGS mutations_sync = 2")
    second = filled.export(folder)
    assert second.rows == first.rows + 1 - 40
    assert second.written_rows == POINTS + 1  # the one run's points, and nothing else
    target = place("embedded")
    assert target.bring(folder).rows == first.rows + 1
    kept = {path.name for path in files_of(folder, "scalars")}
    named = json.loads((folder / "manifest.json").read_text())["manifest"]["entries"]
    assert kept == {Path(file[0]).name for entry in named for file in entry["files"] if "/scalars." in file[0]}


def test_the_files_are_parquet_that_says_what_it_is(filled: Place, tmp_path: Path) -> None:
    filled.export(tmp_path / "export")
    found: dict[str, list[float]] = {}
    for path in files_of(tmp_path / "export", "scalars"):
        table = pq.read_table(path)
        about = json.loads(table.schema.metadata[b"stepwell"])
        found.setdefault(about["id"], []).extend(table["value"].to_pylist())
        assert (about["table"], about["project"]) == ("scalars", PROJECT)
        assert table["run"].to_pylist() == [str(run_uuid(PROJECT, about["id"]))] * table.num_rows
        assert "".join(path.parts[-3:-1]).isprintable()
    assert {id: len(values) for id, values in found.items()} == {id: POINTS if id == IDS[0] else 40 for id in IDS}


def test_one_project_or_one_run_goes_alone(filled: Place, place: MakePlace, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    assert filled.export(alone, Selection(run="rewound")).runs == 1
    target = place("server")
    assert target.bring(alone).runs == 1
    assert target.contents()["runs"] == [row for row in filled.contents()["runs"] if "rewound" in row]
    whole = tmp_path / "whole"
    assert filled.export(whole, Selection(project=PROJECT)).runs == len(IDS)
    other = place("server")
    assert other.bring(whole, Selection(run=f"{PROJECT}/plain")).runs == 1
    assert len(other.contents()["scalars"]) == 40
    for selection in (Selection(project="none"), Selection(run="none"), Selection("none", "plain")):
        with pytest.raises(NotFound, match="none"):
            filled.export(tmp_path / "none", selection)
        with pytest.raises(NotFound, match="none"):
            other.bring(whole, selection)


def test_a_dry_run_checks_everything_and_changes_nothing(filled: Place, place: MakePlace, tmp_path: Path) -> None:
    exported = filled.export(tmp_path / "export")
    target = place("server")
    done = target.bring(tmp_path / "export", dry_run=True)
    assert (done.rows, done.inserted_rows, done.stored_blobs) == (exported.rows, exported.rows, len(BLOBS))
    assert done.problems == []
    with target.open() as (metrics, _):
        assert set(metrics.migration_plan().versions.values()) == {0}
    target.bring(tmp_path / "export")
    done = target.bring(tmp_path / "export", dry_run=True)
    assert (done.inserted_rows, done.stored_blobs) == (0, 0)
    damage(files_of(tmp_path / "export", "console")[0])
    assert len(target.bring(tmp_path / "export", dry_run=True).problems) == 1


def test_an_empty_store_and_one_that_never_was(place: MakePlace, tmp_path: Path) -> None:
    empty, target = place("embedded"), place("server")
    with empty.open(migrate=True):
        pass
    done = empty.export(tmp_path / "export")
    assert (done.runs, done.rows) == (0, 0)
    assert target.bring(tmp_path / "export").rows == 0
    assert target.contents() == {table: [] for table in TABLES}
    with pytest.raises(StoreError, match="no schema of stepwell"):
        place("server").export(tmp_path / "nothing")


# --- what a store has already


def test_of_a_row_on_both_sides_the_newer_version_counts(filled: Place, place: MakePlace, tmp_path: Path) -> None:
    filled.export(tmp_path / "export")
    target = place("server")
    with target.open(migrate=True) as (metrics, blobs):
        fill(metrics, blobs)
        newer = [RUN, "loss", 0, 3000, 0, NOW, 42.0, 1 << 60]
        older = [RUN, "loss", 0, 2999, 0, NOW, 41.0, 1]
        only_there = [RUN, "loss", 0, 9999, 0, NOW, 43.0, 1 << 60]
        metrics.command(f"ALTER TABLE scalars DELETE WHERE run = '{RUN}' AND step > 2990 SETTINGS mutations_sync = 2")
        metrics.insert_rows("scalars", POINT, [newer, older, only_there])
    done = target.bring(tmp_path / "export")
    assert done.problems == []
    assert done.merged == [f"{PROJECT}/{IDS[0]}"]
    with target.open() as (metrics, _):
        sql = f"SELECT step, value FROM v_scalars WHERE run = '{RUN}' AND metric = 'loss' AND step > 2997 ORDER BY step"
        found = [(row["step"], row["value"]) for row in metrics.rows(sql)]
    assert found == [(2998, 2998 / 3), (2999, 2999 / 3), (3000, 42.0), (3001, 3001 / 3), (9999, 43.0)]


def test_a_row_that_does_not_stay_is_found_out(filled: Place, place: MakePlace, tmp_path: Path) -> None:
    """As if somebody deleted rows of the run while it came in."""
    filled.export(tmp_path / "export", Selection(run="plain"))
    target = place("server")
    with target.open(migrate=True) as (metrics, _):
        metrics.command("ALTER TABLE scalars MODIFY TTL toDateTime(time) + INTERVAL 1 DAY WHERE step > 10")
    done = target.bring(tmp_path / "export")
    assert len(done.problems) == 1
    assert f"scalars of {PROJECT}/plain did not come in whole" in done.problems[0]
    assert "metric=loss, rank=0, step=11, at=0 is not there" in done.problems[0]


@pytest.mark.parametrize("kind", ["server", pytest.param("cluster", marks=pytest.mark.thorough)])
def test_an_alias_that_moved_on_to_another_run_meanwhile_stays_there(
    filled: Place, place: MakePlace, tmp_path: Path, kind: str
) -> None:
    columns = ("project", "type", "name", "alias", "run", "writer", "row_seq", "by", "time", "version")
    moved = [
        PROJECT,
        "model",
        "ein Gewicht \N{SNOWMAN}",
        "latest",
        run_uuid(PROJECT, "plain"),
        1,
        1,
        "me",
        NOW,
        1 << 63,
    ]
    filled.export(tmp_path / "export")
    target = place(kind)
    with target.open(migrate=True) as (metrics, _):
        metrics.insert_rows("aliases", columns, [moved])
    done = target.bring(tmp_path / "export")
    assert done.problems == []
    with target.open() as (metrics, _):
        sql = "SELECT alias, argMax(row_seq, version) AS at FROM aliases GROUP BY alias ORDER BY alias"
        assert [(row["alias"], row["at"]) for row in metrics.rows(sql)] == [("best", 6), ("latest", 1)]
    with filled.open() as (metrics, _):
        metrics.insert_rows("aliases", columns, [moved])
    filled.export(tmp_path / "export")
    target = place("embedded")
    assert target.bring(tmp_path / "export").merged == []
    assert target.contents() == filled.contents()


# --- what later versions add, and what earlier ones had not


@pytest.mark.parametrize("kind", ["cluster", pytest.param("server", marks=pytest.mark.thorough)])
def test_a_table_and_a_column_of_a_later_migration_travel_too(
    filled: Place, place: MakePlace, tmp_path: Path, kind: str
) -> None:
    later = [
        "ALTER TABLE scalars ADD COLUMN IF NOT EXISTS unit LowCardinality(String) DEFAULT 'ms'",
        "CREATE TABLE IF NOT EXISTS rules (project String, days Nullable(Float64), version UInt64) "
        "ENGINE = ReplacingMergeTree(version) ORDER BY (project) SETTINGS fsync_after_insert = 1",
    ]
    row = [[RUN, "odd", 0, 1, 0, NOW, 1.0, 1, "GB"]]
    rules = [["a", 1.5, 1], ["b", None, 1]]
    with filled.open() as (metrics, _):
        for statement in later:
            metrics.command(statement)
        metrics.insert_rows("scalars", (*POINT, "unit"), row)
        metrics.insert_rows("rules", ("project", "days", "version"), rules)
    filled.export(tmp_path / "export")
    target = place(kind)
    with target.open(migrate=True) as (metrics, _):
        with pytest.raises(ExportError, match=r"no table rules|no column unit"):
            target.bring(tmp_path / "export")
        schema = metrics._engine.schema()
        for statement in later:
            schema.run(statement)
        schema.close()
    assert target.bring(tmp_path / "export").problems == []
    assert target.contents() == filled.contents()
    with target.open() as (metrics, _):
        found = metrics.rows("SELECT project, days FROM rules FINAL ORDER BY project")
    assert [(one["project"], one["days"]) for one in found] == [("a", 1.5), ("b", None)]


def test_an_export_of_an_older_schema_is_brought_up(filled: Place, place: MakePlace, tmp_path: Path) -> None:
    """As schema 2 had it: without the last values, which a migration derives from the points."""
    with filled.open() as (metrics, _):
        metrics.command("DROP TABLE v_lasts")
        metrics.command("DROP TABLE lasts SYNC")
        metrics.command("ALTER TABLE schema_version DELETE WHERE version > 2 SETTINGS mutations_sync = 2")
    filled.export(tmp_path / "export")
    target = place("server")
    done = target.bring(tmp_path / "export")
    assert done.problems == []
    with target.open() as (metrics, _):
        sql = f"SELECT metric, value FROM lasts FINAL WHERE run = '{run_uuid(PROJECT, 'plain')}' ORDER BY metric"
        assert [(row["metric"], row["value"]) for row in metrics.rows(sql)] == [("loss", 21 / 3), ("val/acc", 21 / 4)]


@pytest.mark.parametrize(("field", "value"), [("format", 2), ("schema", LATEST + 1)])
def test_what_a_later_version_wrote_is_refused(
    filled: Place, place: MakePlace, tmp_path: Path, field: str, value: int
) -> None:
    from blake3 import blake3

    filled.export(tmp_path / "export")
    path = tmp_path / "export" / "manifest.json"
    body = json.loads(path.read_text())["manifest"]
    body[field] = value
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    path.write_text(json.dumps({"blake3": blake3(text.encode()).hexdigest(), "manifest": body}))
    with pytest.raises(ExportTooNew, match="Nothing was imported"):
        place("embedded").bring(tmp_path / "export")


# --- damage


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(damage, id="a flipped bit"),
        pytest.param(cut, id="truncated", marks=pytest.mark.thorough),
        pytest.param(os.unlink, id="gone", marks=pytest.mark.thorough),
    ],
)
def test_a_damaged_file_is_named_and_the_rest_comes_in(
    filled: Place, place: MakePlace, tmp_path: Path, harm: object
) -> None:
    assert callable(harm)
    folder = tmp_path / "export"
    filled.export(folder)
    hurt = files_of(folder, "scalars")[0]
    whole = hurt.read_bytes()
    blob = next(path for path in (folder / "blobs").rglob("*") if path.is_file() and path.stat().st_size > 1 << 20)
    whole_blob = blob.read_bytes()
    harm(hurt)
    harm(blob)
    target = place("server")
    done = target.bring(folder)
    assert len(done.problems) == 2
    assert str(hurt) in done.problems[1]
    assert blob.name in done.problems[0]
    found, expected = target.contents(), filled.contents()
    assert {table for table in TABLES if found[table] != expected[table]} == {"scalars"}
    assert set(found["scalars"]) < set(expected["scalars"])
    hurt.write_bytes(whole)
    blob.write_bytes(whole_blob)
    again = target.bring(folder)
    assert (again.problems, again.merged, again.stored_blobs) == ([], [], 1)
    assert target.contents() == expected
    assert target.blobs() == filled.blobs()


def test_a_damaged_file_of_an_export_is_written_anew_by_the_next(filled: Place, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    filled.export(folder)
    hurt = files_of(folder, "console")[0]
    whole = hurt.read_bytes()
    damage(hurt)
    assert filled.export(folder).written_rows == 1
    assert hurt.read_bytes() == whole


@pytest.mark.parametrize(
    "place_of_harm", [0, 300, *(pytest.param(at, marks=pytest.mark.thorough) for at in (7, 14, 21, 28, 35, -20))]
)
def test_a_damaged_manifest_is_refused(filled: Place, place: MakePlace, tmp_path: Path, place_of_harm: int) -> None:
    filled.export(tmp_path / "export", Selection(run="plain"))
    path = tmp_path / "export" / "manifest.json"
    data = bytearray(path.read_bytes())
    data[place_of_harm] ^= 1
    path.write_bytes(data)
    with pytest.raises(ExportError, match="Nothing was imported"):
        place("embedded").bring(tmp_path / "export")


def test_a_folder_of_something_else_is_left_alone(filled: Place, place: MakePlace, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match=r"thesis\.txt"):
        filled.export(folder)
    with pytest.raises(ExportError, match="is no export"):
        place("embedded").bring(folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_blob_that_the_store_lacks_is_said_on_both_sides(filled: Place, place: MakePlace, tmp_path: Path) -> None:
    lost = next(iter(filled.blobs()))
    with filled.open() as (_, blobs):
        blobs.delete(lost)
    assert filled.export(tmp_path / "export").missing == [lost]
    done = place("server").bring(tmp_path / "export")
    assert (done.missing, done.problems, done.stored_blobs) == ([lost], [], len(BLOBS) - 1)
