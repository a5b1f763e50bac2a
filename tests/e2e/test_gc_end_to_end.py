"""`stepwell gc` as people run it: shown first, then done, by a live service over HTTP, on ClickHouse and on S3."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from click.testing import CliRunner

import stepwell
from serving import Service
from stepwell.cli.main import main
from stepwell.stores.blobs import BlobStore, open_blobs
from support import end_processes_of, wait_for

LATER = (str(Path(__file__).parents[1] / "later.py"), "10")  # as gc sees it ten days from now
SCRIPT = """
import stepwell
for id in ("kept", "spare"):
    run = stepwell.init(project="swept", id=id, settings={"capture": False, "console": False, "quiet": True})
    for step in range(4):
        run.log({"val/loss": abs(step - 1) + 0.5}, step=step)
        with open("ck", "w") as file:
            file.write(f"{id} at {step}" * 1000)
        assert run.log_checkpoint("ck", step=step).wait(60)
    run.finish()
"""
BROKEN_OFF = random.Random(1).randbytes((16 << 20) + 5)


@dataclass
class Setting:
    service: Service
    blobs: BlobStore

    def digests(self) -> set[str]:
        return {entry.digest for entry in self.blobs.entries() if entry.whole}

    def left(self) -> list[int]:
        return [left.size for left in self.blobs.leftovers(float("inf"), remove=False)]


@pytest.fixture(params=["embedded", "minio_s3", "versity_s3"])
def setting(request: pytest.FixtureRequest, home: Path) -> Iterator[Setting]:
    blobs, env = f"file://{home}/store/blobs", {}
    if request.param != "embedded":
        blobs = request.getfixturevalue(request.param).url(f"gc-{uuid.uuid4().hex}/below")
        clickhouse = request.getfixturevalue("clickhouse")
        env = {"STEPWELL_METRICS_URL": clickhouse.url(f"gc_{uuid.uuid4().hex}"), "STEPWELL_BLOBS_URL": blobs}
    service = Service(home, env=env, program=LATER).start()
    yield Setting(service, open_blobs(blobs))
    service.stop()


@pytest.fixture
def recorded(setting: Setting, tmp_path: Path) -> Setting:
    """Two runs with four checkpoints each, and an upload of which two parts of three have come."""
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, check=True, timeout=120)
    writer = setting.blobs.writer(blake3(BROKEN_OFF).hexdigest(), len(BROKEN_OFF))
    writer.write(BROKEN_OFF[: 16 << 20])
    while getattr(writer, "_flying", ()):
        writer._land()  # type: ignore[attr-defined]
    return setting


def cli(*arguments: str, code: int = 0) -> str:
    """A command of stepwell in this process; the service is one of its own."""
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output if code else done.stdout


def later(*arguments: str) -> Any:
    """What a process prints to which it is ten days later."""
    done = subprocess.run([sys.executable, *LATER, *arguments], capture_output=True, text=True, check=True, timeout=120)
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def gc(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cli("gc", "--json", *arguments))
    return found


def test_what_gc_shows_is_what_it_then_removes_and_the_rest_can_be_read(recorded: Setting, tmp_path: Path) -> None:
    cli("retention", "swept", "--keep-last", "1", "--keep-best", "val/loss:min:1")
    cli("hold", "swept/kept", "--until", "2199-01-01", "--reason", "audit")
    before, left = recorded.digests(), recorded.left()
    would = gc()
    assert Counter(one["what"] for one in would) == {"checkpoint": 2, "blob": 2, "upload": 1}
    assert all(one["name"].startswith("swept/spare ck") for one in would if one["what"] == "checkpoint")
    assert {one["size"] for one in would if one["what"] != "upload"} == {len("spare at 0") * 1000}
    assert [one["size"] for one in would if one["what"] == "upload"] == left == [16 << 20]
    said = " ".join(cli("gc").split())
    assert "would go: 2 checkpoints, 2 blobs, 1 upload that was given up; 16.0 MiB of blobs" in said
    assert "nothing was changed" in said
    assert (recorded.digests(), recorded.left()) == (before, left)
    assert gc("--apply") == would
    assert before - recorded.digests() == {one["name"] for one in would if one["what"] == "blob"}
    assert recorded.left() == []
    assert gc("--apply") == []
    assert "nothing to remove" in cli("gc")
    with stepwell.Api() as api:
        for id, steps in (("kept", [0, 1, 2, 3]), ("spare", [1, 3])):
            found = [one for one in api.run(f"swept/{id}").checkpoints() if one.state == "complete"]
            assert sorted(one.step for one in found) == steps
            for one in found:
                (path,) = one.download(tmp_path / f"{id}{one.step}")
                assert path.read_text() == f"{id} at {one.step}" * 1000


@pytest.mark.parametrize("setting", ["versity_s3"], indirect=True)
def test_a_purged_run_takes_its_blobs_with_it_and_leaves_a_tombstone(recorded: Setting) -> None:
    before = recorded.digests()
    cli("retention", "swept", "--trash-days", "5")
    cli("trash", "swept/spare", "--reason", "superseded")
    assert Counter(one["what"] for one in gc("--apply")) == {"purge": 1, "blob": 4, "upload": 1}
    assert len(recorded.digests()) == len(before) - 4
    assert "was purged" in cli("show", "swept/spare", code=1)
    assert cli("show", "swept/kept")


@pytest.mark.parametrize("setting", ["embedded", "minio_s3"], indirect=True)
def test_a_service_killed_in_its_gc_is_said_and_the_next_gc_ends_it(recorded: Setting) -> None:
    place = "gc.renamed" if recorded.blobs.where.startswith("file") else "gc.marked"
    cli("retention", "swept", "--keep-last", "1")
    would = gc()
    recorded.service.stop()
    recorded.service.start(env={"STEPWELL_KILLPOINT": f"{place}:2"})
    said = " ".join(cli("gc", "--apply", code=1).split())
    assert "broke off in the middle" in said
    assert "what gc has removed stays removed, and the next gc goes on" in said
    recorded.service.wait()
    recorded.service.start()
    gc("--apply")
    gc("--apply")
    gone = {one["name"] for one in would if one["what"] == "blob"}
    assert not gone & recorded.digests()
    assert len(recorded.digests()) == 2
    assert recorded.left() == []


@pytest.mark.parametrize("setting", ["minio_s3"], indirect=True)
def test_where_another_store_names_blobs_too_none_goes_and_the_command_says_so(recorded: Setting) -> None:
    before = recorded.digests()
    recorded.blobs.register("another-store")
    said = " ".join(cli("gc", "--apply", code=1).split())
    assert "another metric store names blobs there too (another-store)" in said
    assert recorded.digests() == before
    assert recorded.left()


@pytest.mark.parametrize("setting", ["embedded"], indirect=True)
def test_without_a_service_the_command_does_it_itself(recorded: Setting, home: Path) -> None:
    cli("retention", "swept", "--keep-last", "1")
    would = gc()
    recorded.service.stop()
    end_processes_of(home)
    wait_for(lambda: not os.path.exists(home / "service.json"), what="the service to be gone")
    assert later("gc", "--json") == would
    assert later("gc", "--json", "--apply") == would
    assert later("gc", "--json") == []
    assert recorded.left() == []
