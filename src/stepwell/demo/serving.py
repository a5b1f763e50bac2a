"""The service that the demo records into: the one that is up, or one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..address import fetch_info, find_service
from ..errors import ServiceUnavailable, StepwellError
from ..home import Home

__all__ = ["Served", "service_of"]

_START_S = 120.0  # the first start unpacks and migrates an embedded database
_STOP_S = 30.0


@dataclass
class Served:
    """url: of the service. process: it, where the demo started it."""

    url: str
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    def wait(self) -> None:
        """Until it ends. Raises StepwellError if it ends by itself."""
        if self.process is not None and self.process.wait() not in (0, -signal.SIGINT, -signal.SIGTERM):
            raise StepwellError(f"the service ended by itself; its log is {self.log}")


@contextmanager
def service_of(home: Home) -> Iterator[Served]:
    """Raises StepwellError, with the end of its log, where none can be started."""
    address = _answering(home)
    if address is not None:
        yield Served(address)
        return
    home.make(home.log)
    log = home.log / "serve.log"
    with log.open("ab") as output:
        begins = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "stepwell", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "STEPWELL_HOME": str(home.path)},
        )
    try:
        yield Served(_started(home, process, log, begins), process, log)
    finally:
        _stop(process)


def _answering(home: Home) -> str | None:
    address = find_service(home)
    if address is None:
        return None
    try:
        return fetch_info(address.url, timeout=5.0).url
    except ServiceUnavailable:
        if os.environ.get("STEPWELL_SERVER"):
            raise
        return None


def _started(home: Home, process: subprocess.Popen[bytes], log: Path, begins: int) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = log.read_bytes()[begins:].decode(errors="replace").strip().splitlines()
            raise StepwellError("the service did not start:\n" + "\n".join(said[-12:]))
        url = _answering(home)
        if url is not None:
            return url
        time.sleep(0.05)
    raise StepwellError(f"the service did not answer within {_START_S:.0f} s; its log is {log}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
