"""Ranks of one launch agree on a run without talking; what they agree on, by launcher."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from stepwell.errors import InvalidValue
from stepwell.run.identity import Identity, default_project, find_ranks, identify
from stepwell.run.launcher import Launcher
from stepwell.run.names import readable_name


class Known(Launcher):
    """A launcher that was found."""

    def __init__(self, key: str = "boot/1/100") -> None:
        super().__init__({})
        self._key = key


def who(env: Mapping[str, str], launcher: str = "boot/1/100", **given: object) -> Identity:
    arguments: dict[str, object] = {"project": "p", "id": None, "rank": None, **given}
    return identify(**arguments, env=env, launcher=Known(launcher))  # type: ignore[arg-type]


def torchrun(rank: int, local_world: int = 2, **more: str) -> dict[str, str]:
    return {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": str(local_world), **more}


TWO_RANKS = [
    ("torchrun, one host", torchrun(0), torchrun(1)),
    (
        "mpirun, one host",
        {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"},
        {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"},
    ),
    ("given over hosts", torchrun(0, 1, STEPWELL_RUN_ID="x"), torchrun(1, 1, STEPWELL_RUN_ID="x")),
    ("elastic over hosts", torchrun(0, 1, TORCHELASTIC_RUN_ID="job"), torchrun(1, 1, TORCHELASTIC_RUN_ID="job")),
    (
        "slurm over hosts",
        {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2", "SLURM_JOB_ID": "7"},
        {"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2", "SLURM_JOB_ID": "7"},
    ),
    (
        "a spawned pair on localhost",
        {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"},
        {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"},
    ),
]


@pytest.mark.parametrize(("first", "second"), [case[1:] for case in TWO_RANKS], ids=[case[0] for case in TWO_RANKS])
def test_two_ranks_of_one_launch_are_one_run(first: dict[str, str], second: dict[str, str]) -> None:
    a, b = who(first), who(second)
    assert (a.id, a.launch) == (b.id, b.launch)
    assert (a.ranks.rank, b.ranks.rank) == (0, 1)


def test_two_launches_are_two_runs() -> None:
    assert who(torchrun(0), "boot/1/100").id != who(torchrun(0), "boot/2/200").id


def test_a_restart_is_another_launch_of_the_same_run() -> None:
    first, again = who(torchrun(0)), who(torchrun(0, TORCHELASTIC_RESTART_COUNT="1"))
    assert first.id == again.id
    assert first.launch != again.launch
    assert first.made_up
    assert not again.made_up


IDS = [
    ("slurm step", {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "2"}, "slurm-7.2"),
    ("slurm array", {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_ARRAY_TASK_ID": "3"}, "slurm-7.0-3"),
    ("slurm before elastic", {"SLURM_JOB_ID": "7", "TORCHELASTIC_RUN_ID": "job"}, "slurm-7.batch"),
    ("elastic", {"TORCHELASTIC_RUN_ID": "job"}, "job"),
]


@pytest.mark.parametrize(("env", "expected"), [case[1:] for case in IDS], ids=[case[0] for case in IDS])
def test_the_id_over_hosts(env: dict[str, str], expected: str) -> None:
    assert who(torchrun(0, 1, **env)).id == expected


def test_hosts_that_start_together_know_it_though_their_launchers_differ() -> None:
    slurm = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2", "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"}
    a, b = (who({**slurm, "SLURM_PROCID": rank}, f"host{rank}/1/1") for rank in "01")
    assert a.launch != b.launch
    assert a.start == b.start != ""
    assert who({}).start == ""


def test_an_elastic_id_that_is_no_run_id_is_still_the_same_for_all() -> None:
    one, two = (who(torchrun(rank, 1, TORCHELASTIC_RUN_ID="a/b")) for rank in (0, 1))
    assert one.id == two.id
    assert "/" not in one.id


def test_ranks_that_cannot_agree_are_runs_in_one_group_and_it_is_said() -> None:
    a, b = (
        who(torchrun(rank, 1, TORCHELASTIC_RUN_ID="none", MASTER_ADDR="node1", MASTER_PORT="29500")) for rank in (0, 1)
    )
    assert a.id != b.id
    assert a.group == b.group is not None
    assert "STEPWELL_RUN_ID" in a.hint


RANKS = [
    ("none", {}, (0, 1, True)),
    ("a rank without a size", {"RANK": "3"}, (0, 1, True)),
    ("world of one", {"RANK": "0", "WORLD_SIZE": "1"}, (0, 1, True)),
    ("nonsense", {"RANK": "x", "WORLD_SIZE": "2"}, (0, 1, True)),
    ("rank beyond the size", {"RANK": "2", "WORLD_SIZE": "2"}, (0, 1, True)),
    ("an interactive slurm shell", {"SLURM_PROCID": "0", "SLURM_JOB_ID": "7"}, (0, 1, True)),
    ("torchrun under slurm", {**torchrun(1), "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4"}, (1, 2, True)),
]


@pytest.mark.parametrize(("env", "expected"), [case[1:] for case in RANKS], ids=[case[0] for case in RANKS])
def test_the_rank(env: dict[str, str], expected: tuple[int, int, bool]) -> None:
    found = find_ranks(None, env)
    assert (found.rank, found.world_size, found.one_host) == expected


def test_a_rank_that_is_given_wins() -> None:
    assert find_ranks(5, torchrun(1)).rank == 5


@pytest.mark.parametrize("rank", [-1, 2**32, 1.5, "0", True])
def test_a_rank_that_cannot_be(rank: object) -> None:
    with pytest.raises(InvalidValue):
        find_ranks(rank, {})  # type: ignore[arg-type]


@pytest.mark.parametrize("id", ["a/b", "x" * 300, "", "a\nb", "..", " a", "\ud800"])
def test_an_id_that_cannot_be(id: str) -> None:
    with pytest.raises(InvalidValue):
        who({}, id=id)


def test_the_id_given_wins_over_the_environment() -> None:
    assert who({"STEPWELL_RUN_ID": "env"}, id="given").id == "given"
    assert who({"STEPWELL_RUN_ID": "env"}).id == "env"


@pytest.mark.parametrize(
    ("folder", "script", "expected"),
    [
        ("mnist", "train.py", "mnist"),
        ("repo/src/deep", "train.py", "repo"),
        ("", "train.py", "train"),
        ("", "-c", "default"),
    ],
)
def test_the_default_project(
    folder: str, script: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setattr("sys.argv", [script])
    assert default_project() == expected


class Processes:
    """A /proc of files: pid -> (parent, start, environment)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "sys/kernel/random").mkdir(parents=True)
        (folder / "sys/kernel/random/boot_id").write_text("boot\n")

    def add(self, pid: int, parent: int, start: int, env: dict[str, str]) -> None:
        process = self.folder / str(pid)
        process.mkdir()
        process.joinpath("stat").write_text(f"{pid} (odd) name) S {parent} " + "0 " * 17 + f"{start} 0 0")
        process.joinpath("environ").write_bytes(b"\0".join(f"{name}={value}".encode() for name, value in env.items()))


def test_the_launcher_is_found_behind_wrappers(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    rank = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}
    processes.add(10, 1, 500, {"RANK": "1", "WORLD_SIZE": "2"})  # torchrun, in a pod that numbers its nodes
    processes.add(20, 10, 600, {**rank, "SHLVL": "1"})  # bash -c
    processes.add(os.getppid(), 20, 700, rank)  # numactl
    assert Launcher(rank, tmp_path).key().endswith("/10/500")


def test_the_parent_is_the_launcher_where_nothing_is_between(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.add(os.getppid(), 1, 700, {})
    assert Launcher({"RANK": "0"}, tmp_path).key() == f"boot//{os.getppid()}/700"


def test_names_are_readable_and_made_of_the_id() -> None:
    assert readable_name("a") == readable_name("a")
    assert readable_name("a") != readable_name("b")
    assert readable_name("a").count("-") == 2
