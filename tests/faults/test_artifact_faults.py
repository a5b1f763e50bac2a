"""Artifacts while the agent is killed, the disk is full, and thousands of files are on their way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import stepwell
from namespaces import in_namespaces
from serving import serving
from support import wait_for

LOG = """
import sys
import stepwell
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False, "console": False})
open("ck", "w").write("weights")
kept = run.log_checkpoint("ck", aliases=["best"])
print(kept.wait(100))
"""


@pytest.mark.parametrize("place", ["agent.uploaded", "agent.completed"])
def test_an_agent_killed_between_upload_and_commit_leaves_one_whole_version(
    home: Path, tmp_path: Path, place: str
) -> None:
    with serving(home):
        subprocess.run(
            [sys.executable, "-c", LOG.replace("kept.wait(100)", "kept.state")],
            env={**os.environ, "STEPWELL_KILLPOINT": f"{place}:1"}, cwd=tmp_path, check=True, timeout=100,
        )  # fmt: skip
        wait_for(lambda: not _waiting(home) or _upload(home), what="the upload")
        (found,) = stepwell.Api().artifacts("p")
        assert (found.path, set(found.aliases), found.state) == ("p/ck:v0", {"latest", "best"}, "complete")
        assert [one.version for one in stepwell.Api().run("p/r").artifacts()] == [0]


def _waiting(home: Path) -> list[Path]:
    return list((home / "staging").glob("*/manifest.json"))


def _upload(home: Path) -> bool:
    subprocess.run([sys.executable, "-m", "stepwell", "sync"], env=os.environ, check=False, capture_output=True)
    return not _waiting(home)


FULL = """
import os, sys
import stepwell
home, large, small = os.environ["STEPWELL_HOME"], sys.argv[2] + "/large", sys.argv[2] + "/small"
run = stepwell.init(project="p", id="r", mode="offline",
                    settings={"quiet": True, "capture": False, "console": False, "staging_free_share_min": 0.0})
open(large, "wb").write(os.urandom(3 << 20))
disk_usage = __import__("shutil").disk_usage
if sys.argv[1] == "surprised":  # somebody else fills the disk after we have looked
    __import__("shutil").disk_usage = lambda path: disk_usage(path)._replace(free=1 << 40, total=1 << 40)
try:
    run.log_checkpoint(large, copy=True)
except stepwell.errors.StagingError as error:
    print(error)
print(os.listdir(home + "/staging"))
__import__("shutil").disk_usage = disk_usage
open(small, "wb").write(b"small")
run.log_checkpoint(small, copy=True)
run.log_checkpoint(large, copy="auto")
print(len(os.listdir(home + "/staging")))
"""


@pytest.mark.parametrize(("how", "word"), [("seen", "no room for checkpoint"), ("surprised", "No space left")])
def test_a_disk_too_small_for_a_copy_is_said_and_leaves_nothing(
    home: Path, tmp_path: Path, how: str, word: str
) -> None:
    home.mkdir()
    done = in_namespaces([f"mount -t tmpfs -o size=2m tmpfs {home}"], [sys.executable, "-c", FULL, how, str(tmp_path)])
    assert done.returncode == 0, done.stderr
    said, after, count = done.stdout.splitlines()
    assert word in said
    assert (after, count) == ("[]", "2")


MANY = """
import os, sys
import stepwell
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False, "console": False})
os.mkdir("many")
for number in range(int(sys.argv[1])):
    with open(f"many/{number:05d}.txt", "w") as file:
        file.write(f"{number % 500}")
print(run.log_artifact("many").wait(600))
"""


@pytest.mark.parametrize(
    "count",
    [
        1500,
        pytest.param(5000, marks=pytest.mark.thorough),
        pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
)
def test_thousands_of_files_through_a_service_are_one_version(home: Path, tmp_path: Path, count: int) -> None:
    with serving(home):
        done = subprocess.run(
            [sys.executable, "-c", MANY, str(count)], cwd=tmp_path, check=True, timeout=800, capture_output=True
        )
        assert done.stdout == b"True\n", done.stderr
        found = stepwell.Api().artifact("p/many")
        assert len(found.files) == count
        assert len({file.digest for file in found.files}) == 500
        assert sorted(path.read_text() for path in found.download(tmp_path / "back", "0123*")) == [
            str(number) for number in range(230, 240)
        ]
