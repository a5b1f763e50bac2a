"""A real service of a home in a process of its own, for tests that need one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from support import service_address, wait_for

__all__ = ["Service", "serving"]

RUNS_AT_MOST_S = 900  # a test that is itself killed leaves no service behind for longer


class Service:
    """`stepwell serve` on free ports of the loopback. `start` returns when it answers."""

    def __init__(
        self,
        home: Path,
        *options: str,
        env: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "stepwell"),
    ) -> None:
        """program: what of python is to be run, where it is not stepwell itself."""
        self.home, self.options, self.env, self.program = home, options, dict(env or {}), program
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, env: Mapping[str, str] | None = None) -> Service:
        ports = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
        command = ["timeout", "-s", "KILL", str(RUNS_AT_MOST_S), sys.executable, *self.program, "serve", *ports]
        self.home.mkdir(parents=True, exist_ok=True)
        log = (self.home / "serve.log").open("ab")
        environment = {**os.environ, **self.env, **(env or {}), "STEPWELL_HOME": str(self.home)}
        self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log, env=environment)
        wait_for(self._answers, what=f"the service to start; its log: {self.home / 'serve.log'}")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the service ended at once:\n{(self.home / 'serve.log').read_text()[-3000:]}")
        address = service_address(self.home)
        return address is not None and Path(f"/proc/{address['pid']}").exists()

    @property
    def pid(self) -> int:
        """Of the service itself."""
        address = service_address(self.home)
        assert address is not None
        return int(str(address["pid"]))

    def kill(self) -> None:
        """SIGKILL, and gone when this returns."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process is not None and self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(60)


@contextmanager
def serving(
    home: Path, *options: str, env: Mapping[str, str] | None = None, program: Sequence[str] = ("-m", "stepwell")
) -> Iterator[Service]:
    service = Service(home, *options, env=env, program=program).start()
    try:
        yield service
    finally:
        service.stop()
