"""What doctor says of a set-up, by what was done to it: tables of troubles, what it says and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from namespaces import PRIVATE_SHARED_MEMORY, in_namespaces

DOCTOR = [sys.executable, "-m", "stepwell", "doctor", "--json"]
Findings = list[dict[str, str]]


def found(done: subprocess.CompletedProcess[str]) -> Findings:
    findings: Findings = json.loads(done.stdout)
    assert done.returncode == any(finding["level"] == "wrong" for finding in findings), done.stderr
    return findings


def doctor(**env: str) -> Findings:
    environment = {**os.environ, **env}
    return found(subprocess.run(DOCTOR, env=environment, capture_output=True, text=True, timeout=60, check=False))


def of(findings: Findings, subject: str) -> dict[str, str]:
    return next(finding for finding in findings if finding["of"] == subject)


def damage_log(home: Path) -> None:
    (home / "log").mkdir(parents=True)
    lines = ["2026-01-01 00:00:00,000 7 ERROR long ago", "2026-01-01 00:00:01,000 8 INFO agent 0.1.0 of home",
             "2026-01-01 00:00:02,000 8 ERROR the disk is full"]  # fmt: skip
    (home / "log" / "agent.log").write_text("\n".join(lines) + "\n")


def leave_ring(home: Path) -> None:
    (home / "rings").mkdir(parents=True)
    (home / "rings" / "0123456789abcdef-000000.ring").write_bytes(b"")


def leave_alone(home: Path) -> None:
    """The trouble is in the environment."""


SLURM = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "4",
         "SLURM_STEP_NUM_NODES": "2"}  # fmt: skip
GONE = {"STEPWELL_SERVER": "http://127.0.0.1:9"}
LOST_RANKS = {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}
# what is done to the home, the environment, then: subject, level, what it says
TROUBLES: list[tuple[str, Callable[[Path], None], Mapping[str, str], str, str, str]] = [
    ("the agent complained", damage_log, {}, "agent's log", "note", "the disk is full"),
    ("a ring and nobody to drain it", leave_ring, {}, "agent", "wrong", "no agent"),
    ("a service that is gone", leave_alone, GONE, "service", "wrong", "no stepwell"),
    ("no samples", leave_alone, {"STEPWELL_SYSTEM_INTERVAL_S": "0"}, "machine", "note", "system_interval_s is 0"),
    ("no board", leave_alone, {"STEPWELL_SYSFS_ROOT": "/nowhere"}, "hardware: tenstorrent", "ok", "no board"),
    ("SLURM's wait", leave_alone, SLURM, "finish", "ok", "a SLURM job (SLURM_JOB_ID)"),
    ("SLURM's run", leave_alone, SLURM, "run and rank", "ok", "/slurm-7.0 (SLURM's job and step)"),
    ("ranks that cannot agree", leave_alone, LOST_RANKS, "run and rank", "note", "STEPWELL_RUN_ID"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("do", "env", "subject", "level", "said"), [case[1:] for case in TROUBLES], ids=[case[0] for case in TROUBLES]
)
def test_troubles(
    do: Callable[[Path], None], env: Mapping[str, str], subject: str, level: str, said: str, home: Path
) -> None:
    do(home)
    finding = of(doctor(**env), subject)
    assert (finding["level"], said in finding["text"]) == (level, True), finding
    assert finding["do"] or level == "ok"


def test_the_worst_comes_first_and_what_was_looked_at_is_said(home: Path) -> None:
    damage_log(home)
    leave_ring(home)
    findings = doctor()
    levels = [finding["level"] for finding in findings]
    assert levels == sorted(levels, key=["wrong", "note", "ok"].index)
    assert {"wrong", "note", "ok"} == set(levels)
    assert "agent.lock" in of(findings, "agent")["looked"]


BOXES = [
    ("little shared memory", ["mount -t tmpfs -o size=1m tmpfs /dev/shm"], [], "shared memory", "note", "docker run"),
    ("none", ["mount -t tmpfs -o ro tmpfs /dev/shm"], [], "shared memory", "note", ""),
    ("no network", [PRIVATE_SHARED_MEMORY], ["-n"], "network", "note", "ip link set lo up"),
    ("a pid namespace", [PRIVATE_SHARED_MEMORY], ["-p", "-f", "--mount-proc"], "finish", "ok", ""),
    ("a home that is full",
     ["mkdir -p {home}", "mount -t tmpfs -o size=64k tmpfs {home}"], [], "disk", "wrong", "make room"),
    ("a read-only home",
     ["mkdir -p {home}", "mount -t tmpfs -o ro tmpfs {home}"], [], "home", "wrong", "STEPWELL_HOME"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("setup", "flags", "subject", "level", "do"), [case[1:] for case in BOXES], ids=[case[0] for case in BOXES]
)
def test_machines(setup: list[str], flags: list[str], subject: str, level: str, do: str, home: Path) -> None:
    findings = found(in_namespaces([line.format(home=home) for line in setup], DOCTOR, flags=flags))
    finding = of(findings, subject)
    assert finding["level"] == level, finding
    assert do in finding["do"]
