"""Ranks as launchers start them, in processes: all of one start end in one run, on one host or on several."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

RANK = """
import json, stepwell
run = stepwell.init(project="p", mode="offline", settings={"capture": False, "console": False})
run.log({"x": float(run.rank)})
run.finish()
print(json.dumps([run.id, run.rank, run.attempt]))
"""
# Starts two ranks at once, each behind a shell, as wrapper scripts do.
LAUNCHER = """
import json, os, subprocess, sys
command, ranks = json.loads(sys.argv[1]), json.loads(sys.argv[2])
started = [subprocess.Popen(command, env={**os.environ, **rank}, stdout=subprocess.PIPE, text=True) for rank in ranks]
for each in started:
    print(each.communicate()[0], end="")
    assert each.returncode == 0
"""
TWO = ("0", "1")
LAUNCHERS = [
    ("torchrun", [{"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
                   "TORCHELASTIC_RUN_ID": "none", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"} for rank in TWO]),
    ("mpirun of Open MPI", [{"OMPI_COMM_WORLD_RANK": rank, "OMPI_COMM_WORLD_SIZE": "2",
                             "OMPI_COMM_WORLD_LOCAL_SIZE": "2"} for rank in TWO]),
    ("mpiexec of MPICH", [{"PMI_RANK": rank, "PMI_SIZE": "2", "MPI_LOCALNRANKS": "2"} for rank in TWO]),
    ("srun on one node", [{"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": rank, "SLURM_STEP_NUM_TASKS": "2",
                           "SLURM_STEP_NUM_NODES": "1"} for rank in TWO]),
]  # fmt: skip


def launch(ranks: list[dict[str, str]], env: Mapping[str, str] | None = None) -> list[tuple[str, int, int]]:
    command = ["sh", "-c", f"true; {shlex.join([sys.executable, '-c', RANK])}; true"]
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, json.dumps(command), json.dumps(ranks)],
        env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]  # type: ignore[misc]


@pytest.mark.parametrize("ranks", [case[1] for case in LAUNCHERS], ids=[case[0] for case in LAUNCHERS])
def test_ranks_of_one_start_are_one_attempt_of_one_run(ranks: list[dict[str, str]], home: Path) -> None:
    first, second = launch(ranks)
    assert [first[1], second[1]] == [0, 1]
    assert (first[0], first[2]) == (second[0], second[2])


def test_two_starts_are_two_runs(home: Path) -> None:
    ranks = LAUNCHERS[0][1]
    assert launch(ranks)[0][0] != launch(ranks)[0][0]


def test_tasks_of_an_array_are_runs_of_their_own(home: Path) -> None:
    ids = []
    for task in TWO:
        env = {"SLURM_JOB_ID": "7", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": task, "SLURM_STEP_ID": "0",
               "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2"}  # fmt: skip
        ids += [run for run, _, _ in launch([env])]
    assert ids == ["slurm-7.0-0", "slurm-7.0-1"]
