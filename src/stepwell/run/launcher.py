"""The process that started all ranks of this host: by its pid, start time and boot, the ranks agree on an id.

Found by climbing from this process past wrappers (a shell, `numactl`, a profiler): those have the same rank variables
in their environment as we have; the launcher does not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Launcher"]

# What a launcher gives to each process that it starts, and does not have itself.
_PER_RANK = (
    "LOCAL_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID", "SLURM_TASK_PID", "RANK",
    "WORLD_SIZE",
)  # fmt: skip
_CLIMB_MAX = 32


class Launcher:
    """Looks at /proc when asked, once. `proc` is a parameter for tests."""

    def __init__(self, env: Mapping[str, str], proc: Path = Path("/proc")) -> None:
        self._env = env
        self._proc = proc
        self._key: str | None = None

    def key(self) -> str:
        """The same text for every process that this launcher started; another for every other launch."""
        if self._key is None:
            self._key = self._find()
        return self._key

    def _find(self) -> str:
        pid = os.getppid()
        if not (self._proc / str(pid)).is_dir():
            return f"{_boot_time_elsewhere()}/{pid}/{_start_time_elsewhere(pid)}"
        ours = {name: self._env[name] for name in _PER_RANK if name in self._env}
        for _ in range(_CLIMB_MAX):
            if not ours or not self._is_wrapper(pid, ours):
                break
            parent, _ = self._stat(pid)
            if parent <= 1:
                break
            pid = parent
        return f"{self._boot_id()}/{self._namespace()}/{pid}/{self._stat(pid)[1]}"

    def _is_wrapper(self, pid: int, ours: Mapping[str, str]) -> bool:
        try:
            lines = (self._proc / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            return False  # somebody else's process: a batch system's
        return all(f"{name}={value}".encode() in lines for name, value in ours.items())

    def _stat(self, pid: int) -> tuple[int, str]:
        """(parent, start time in ticks since boot) of a process; (0, "") if it has gone."""
        try:
            text = (self._proc / str(pid) / "stat").read_text(errors="replace")
        except OSError:
            return 0, ""
        fields = text.rpartition(")")[2].split()  # the name before may hold spaces and parentheses
        return int(fields[1]), fields[19]

    def _boot_id(self) -> str:
        try:
            return (self._proc / "sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return ""

    def _namespace(self) -> str:
        try:
            return os.readlink(self._proc / "self/ns/pid")
        except OSError:
            return ""


def _boot_time_elsewhere() -> str:
    return _answer(["sysctl", "-n", "kern.boottime"])


def _start_time_elsewhere(pid: int) -> str:
    return _answer(["ps", "-o", "lstart=", "-p", str(pid)])


def _answer(command: list[str]) -> str:
    import subprocess

    try:
        done = subprocess.run(command, capture_output=True, timeout=2, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
