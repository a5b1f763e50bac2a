"""Where the real servers of the tests are installed (.ci/components puts them there), and how one is run.

A server ends with the thread that started it, after RUNS_AT_MOST_S in any case, and takes free ports of the loopback.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from support import REQUIRE_ALL, wait_for

__all__ = ["CACHE", "Program", "free_port", "need"]

CACHE = Path(
    os.environ.get("STEPWELL_COMPONENTS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepwell-ci"
)
# Longer than all tests take on a slow machine: a worker shares its servers. ClickHouse sleeps at most 4,294 s.
RUNS_AT_MOST_S = 3600


def need(path: Path, what: str) -> Path:
    """The path of an installed component; without it the test is skipped, or fails where all are required."""
    if not path.exists():
        reason = f"{what} is not installed ({path}): bash .ci/components"
        if REQUIRE_ALL:
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """One server process in a folder of its own, that may be killed and started again on the same ports."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def run(
        self, command: Sequence[str], answers: Callable[[], bool], environment: Mapping[str, str] | None = None
    ) -> None:
        """Returns once `answers()`, which may raise OSError until then."""
        held = ["timeout", "-s", "KILL", str(RUNS_AT_MOST_S), "setpriv", "--pdeathsig", "KILL", *command]
        # Not of any home: what ends the processes of a test's home must leave a server for the tests after it.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STEPWELL_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *held],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**inherited, **(environment or {})},
                cwd=self.folder,
                start_new_session=True,
            )

        def up() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                pytest.fail(f"{self.name} ended at once:\n{self.log.read_text(errors='replace')[-3000:]}")
            try:
                return answers()
            except OSError:
                return False

        wait_for(up, what=f"{self.name} to answer; its log: {self.log}")

    def signal(self, number: int) -> None:
        """To the whole group: `timeout` passes a SIGSTOP or SIGKILL on to nobody."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL, and gone when this returns. Harmless on one that has ended."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process.wait(30)
        self.process = None
