"""An export or import that is killed, and a disk that fills up under one: what is whole stays, and the next goes on."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from moving_stores import BLOBS, IDS, Place, fill
from namespaces import in_namespaces
from stepwell.errors import ExportError
from stepwell.home import Home
from stepwell.stores.local import local_urls

KILLED = -9


@pytest.fixture
def stored(home: Path) -> Place:
    """The home's own stores, filled."""
    Home().make(Home().store)
    place = Place(*local_urls(Home()))
    with place.open(migrate=True) as (metrics, blobs):
        fill(metrics, blobs)
    return place


def stepwell(*arguments: str, home: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Small files and small inserts, so that there is much to be killed between."""
    sizes = {"STEPWELL_EXPORT_FILE_BYTES": "20000", "STEPWELL_IMPORT_BATCH_BYTES": "20000"}
    variables = {**os.environ, **sizes, **environment}
    if home is not None:
        variables["STEPWELL_HOME"] = str(home)
    command = [sys.executable, "-m", "stepwell", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=variables)


@pytest.mark.parametrize(
    "where",
    ["export.blob:2", *(pytest.param(f"export.entry:{n}", marks=pytest.mark.thorough) for n in (1, 17))],
)
def test_a_killed_export_is_recognised_and_gone_on_with(stored: Place, tmp_path: Path, where: str) -> None:
    folder, other = tmp_path / "export", tmp_path / "other"
    assert stepwell("export", "--all", str(folder), STEPWELL_KILLPOINT=where).returncode == KILLED
    refused = stepwell("import", str(folder), home=other)
    assert refused.returncode == 1
    assert "has not ended" in refused.stderr
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet") if not path.name.startswith(".")}
    assert before
    done = stepwell("export", "--all", str(folder))
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list(folder.rglob("*.part"))
    assert stepwell("import", str(folder), home=other).returncode == 0
    expected = stored.contents(), stored.blobs()
    target = Place(*local_urls(Home(other)))
    assert (target.contents(), target.blobs()) == expected


def test_an_earlier_export_stays_whole_while_a_later_one_is_killed_in_it(stored: Place, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    stored.export(folder)
    first = stored.contents()
    with stored.open() as (metrics, _):
        metrics.command("ALTER TABLE scalars UPDATE value = value + 1 WHERE 1 SETTINGS mutations_sync = 2")
    assert stepwell("export", "--all", str(folder), STEPWELL_KILLPOINT="export.entry:2").returncode == KILLED
    done = stepwell("import", str(folder), home=tmp_path / "other")
    assert done.returncode == 0, done.stderr
    assert Place(*local_urls(Home(tmp_path / "other"))).contents() == first


@pytest.mark.parametrize(
    "where",
    ["import.insert:20", *(pytest.param(f"import.{at}", marks=pytest.mark.thorough) for at in ("blob:2", "insert:1"))],
)
def test_a_killed_import_is_gone_on_with(stored: Place, tmp_path: Path, where: str) -> None:
    folder, other = tmp_path / "export", tmp_path / "other"
    stored.export(folder)
    assert stepwell("import", str(folder), home=other, STEPWELL_KILLPOINT=where).returncode == KILLED
    done = stepwell("import", str(folder), home=other)
    assert done.returncode == 0, done.stderr
    target = Place(*local_urls(Home(other)))
    assert (target.contents(), target.blobs()) == (stored.contents(), stored.blobs())


@pytest.mark.parametrize(
    ("size", "what"), [("20m", "a blob"), pytest.param("200k", "rows", marks=pytest.mark.thorough)]
)
def test_a_full_disk_is_said_and_the_export_goes_on_once_there_is_room(
    stored: Place, tmp_path: Path, size: str, what: str
) -> None:
    folder, kept = tmp_path / "export", tmp_path / "kept"
    folder.mkdir()
    export = shlex.join([sys.executable, "-m", "stepwell", "export", "--all", str(folder)])
    done = in_namespaces(
        [f"mount -t tmpfs -o size={size} tmpfs {folder}"],
        ["sh", "-c", f"{export}; echo code $?; mount -o remount,size=100m {folder}; {export}; cp -r {folder} {kept}"],
        env={"STEPWELL_EXPORT_FILE_BYTES": "20000"},
    )
    assert done.returncode == 0, done.stderr
    assert "code 1\n" in done.stdout, done.stdout + done.stderr
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert f"{len(IDS)} runs" in done.stderr
    assert stepwell("import", str(kept), home=tmp_path / "other").returncode == 0
    assert Place(*local_urls(Home(tmp_path / "other"))).contents() == stored.contents()


def test_a_full_disk_under_the_store_is_said_and_the_import_goes_on_once_there_is_room(
    stored: Place, tmp_path: Path
) -> None:
    folder, other, kept = tmp_path / "export", tmp_path / "other", tmp_path / "kept"
    stored.export(folder)
    other.mkdir()
    bring = shlex.join([sys.executable, "-m", "stepwell", "import", str(folder)])
    done = in_namespaces(
        [f"mount -t tmpfs -o size=30m tmpfs {other}"],
        ["sh", "-c", f"{bring}; echo code $?; mount -o remount,size=1g {other}; {bring} && cp -r {other} {kept}"],
        env={"STEPWELL_HOME": str(other)},
    )
    assert done.returncode == 0, done.stderr
    assert "code 1\n" in done.stdout
    assert "Traceback" not in done.stderr
    target = Place(*local_urls(Home(kept)))
    assert (target.contents(), target.blobs()) == (stored.contents(), stored.blobs())
    assert len(target.blobs()) == len(BLOBS)


def test_a_folder_that_cannot_be_written_is_said(stored: Place, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(ExportError, match="cannot write"):
        stored.export(blocked / "export")
