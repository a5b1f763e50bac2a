"""What containers, orchestrators and odd machines do to a recorder, each with the real kernel feature behind it.

Whatever is missing, every record that was logged lies in a spool once `finish` has returned.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents import assert_each_once, ranges_in_spools
from namespaces import PRIVATE_SHARED_MEMORY, as_nobody_known, in_namespaces, needs

TRAIN = """
import json, os, sys
import stepwell
run = stepwell.init(project="box", id="r", settings={"capture": False, "console": False})
for i in range(2000):
    run.log({"x": float(i), "y": i * 0.5})
recorder, folder = run._recorder, str(run.dir)
run.finish()
print(json.dumps({"home": folder, "records": recorder.row_seq, "drained": recorder.drained,
                  "ring": recorder.path, "dropped": recorder.dropped, "pid": os.getpid()}))
"""
TRAINING = [sys.executable, "-c", TRAIN]


def assert_all_kept(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What the training process said of itself."""
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["drained"], done.stderr
    assert said["dropped"] == 0
    (ranges,) = ranges_in_spools(Path(said["home"])).values()
    assert_each_once(ranges, said["records"])
    return said


@pytest.fixture(autouse=True)
def _unsampled(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of the machine are of a writer of their own, and records are counted here."""
    monkeypatch.setenv("STEPWELL_SYSTEM_INTERVAL_S", "0")


@pytest.fixture
def box(home: Path, tmp_path: Path) -> Path:
    """A folder for what a container may write; it outlives it. `home` cleans up what runs in it."""
    folder = tmp_path / "box"
    folder.mkdir(mode=0o700)
    return folder


def test_a_process_that_is_pid_1_keeps_everything_though_its_agent_dies_with_it(box: Path, home: Path) -> None:
    done = in_namespaces([PRIVATE_SHARED_MEMORY], TRAINING, flags=["-p", "-f", "--mount-proc", "--kill-child"])
    assert assert_all_kept(done)["pid"] == 1


CHILDREN = """
import os, sys
import stepwell
assert os.getpid() == 1
for i in range(2):
    with stepwell.init(project="box", id=str(i), settings={"console": False}) as run:
        run.log({"x": 1.0})
states = []
for entry in os.listdir("/proc"):
    if entry.isdigit() and entry != "1":
        with open(f"/proc/{entry}/stat") as file:
            states.append(file.read().rpartition(")")[2].split()[0])
print("zombies:", states.count("Z"))
"""


def test_pid_1_keeps_no_zombies(box: Path) -> None:
    done = in_namespaces(
        [PRIVATE_SHARED_MEMORY], [sys.executable, "-c", CHILDREN], flags=["-p", "-f", "--mount-proc", "--kill-child"]
    )
    assert done.stdout == "zombies: 0\n", done.stderr


READ_ONLY = [
    ("a read-only home", {"HOME": "{box}/locked"}, ["mkdir {box}/locked", "mount -t tmpfs -o ro tmpfs {box}/locked"]),
    ("only the temporary folder is writable", {}, ["mount --bind {box} {box}", "mount -o remount,bind,ro /"]),
    ("a home that is no folder", {"HOME": "/dev/null"}, []),
]


@pytest.mark.parametrize(("env", "setup"), [case[1:] for case in READ_ONLY], ids=[case[0] for case in READ_ONLY])
def test_a_home_that_cannot_be_written_is_replaced_and_it_is_said(
    env: dict[str, str], setup: list[str], box: Path
) -> None:
    variables = {name: value.format(box=box) for name, value in env.items()}
    done = in_namespaces(
        [PRIVATE_SHARED_MEMORY, *(line.format(box=box) for line in setup)],
        TRAINING,
        env={"STEPWELL_HOME": None, "XDG_DATA_HOME": None, "TMPDIR": str(box), **variables},
    )
    assert assert_all_kept(done)["home"] == str(box / f"stepwell-home-{os.getuid()}")
    assert "STEPWELL_HOME" in done.stderr


def test_a_user_without_a_name_or_home_records(box: Path) -> None:
    done = in_namespaces(
        [PRIVATE_SHARED_MEMORY, f"cd {box}"],
        as_nobody_known(TRAINING),
        env={"STEPWELL_HOME": None, "XDG_DATA_HOME": None, "HOME": None, "USER": None, "TMPDIR": str(box)},
    )
    assert assert_all_kept(done)["home"] == str(box / "stepwell-home-54321")


def test_a_folder_that_somebody_else_put_there_is_not_used(box: Path) -> None:
    (box / "stepwell-home-54321").mkdir(mode=0o755)
    done = in_namespaces(
        [PRIVATE_SHARED_MEMORY],
        as_nobody_known(TRAINING),
        env={"STEPWELL_HOME": None, "XDG_DATA_HOME": None, "HOME": None, "TMPDIR": str(box)},
    )
    assert done.returncode != 0
    assert "is not a private folder of this user" in done.stderr


NO_SHARED_MEMORY = [
    ("read-only", ["mount -t tmpfs -o ro tmpfs /dev/shm"]),
    (
        "absent",
        [
            "mkdir {box}/dev",
            "for n in null zero urandom tty; do touch {box}/dev/$n; mount --bind /dev/$n {box}/dev/$n; done",
            "mount --rbind {box}/dev /dev",
        ],
    ),
]


@pytest.mark.parametrize("setup", [case[1] for case in NO_SHARED_MEMORY], ids=[case[0] for case in NO_SHARED_MEMORY])
def test_without_shared_memory_rings_are_files_of_the_home(setup: list[str], box: Path, home: Path) -> None:
    done = in_namespaces([line.format(box=box) for line in setup], TRAINING)
    assert str(home / "rings") in assert_all_kept(done)["ring"]


def test_a_memory_limit_just_above_what_python_takes_costs_no_record(box: Path) -> None:
    version_1, version_2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    parent, limit = (version_1, "memory.limit_in_bytes") if version_1.is_dir() else (version_2, "memory.max")
    group = parent / f"stepwell-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text(str(192 << 20))
    except OSError as error:
        needs(f"a memory control group ({error})", False)
    try:
        done = in_namespaces([PRIVATE_SHARED_MEMORY, f"echo $$ > {group}/cgroup.procs"], TRAINING)
        assert_all_kept(done)
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (parent / "cgroup.procs").write_text(pid)  # the agent goes on for a while
        group.rmdir()


def test_without_any_network_recording_goes_on(box: Path) -> None:
    done = in_namespaces(
        [PRIVATE_SHARED_MEMORY], TRAINING, flags=["-n"], env={"STEPWELL_SERVER": "http://stepwell.lab:7450"}
    )
    assert_all_kept(done)
    assert "stepwell sync" in done.stderr


def test_two_hosts_of_one_job_share_a_home_and_record_one_run(home: Path, tmp_path: Path) -> None:
    slurm = {"SLURM_JOB_ID": "71", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2"}
    said = []
    for rank in ("0", "1"):
        done = in_namespaces(
            [PRIVATE_SHARED_MEMORY, f"echo node{rank} > /proc/sys/kernel/hostname"],
            [sys.executable, "-c", TRAIN.replace('id="r", ', 'resume="never", ')],
            flags=["-u", "-i"],
            env={**slurm, "SLURM_PROCID": rank},
        )
        assert done.returncode == 0, done.stderr
        assert "recording box/slurm-71.0" in done.stderr
        assert "recorded before" not in done.stderr
        said.append(json.loads(done.stdout))
    assert all(each["drained"] for each in said)
    assert {folder.name.split("-")[0] for folder in (home / "spool").iterdir()} == {"node0", "node1"}
    assert [ranges[-1][1] for ranges in ranges_in_spools(home).values()] == [each["records"] for each in said]
