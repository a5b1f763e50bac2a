"""What tests share: waiting for a condition, and the processes of a home."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

AT_ONCE = {
    "STEPWELL_BLOCK_INTERVAL_S": "0.02",
    "STEPWELL_FLUSH_INTERVAL_S": "0.02",
    "STEPWELL_FINISH_TIMEOUT_S": "60",
}
"""For runs whose ends are waited for: agent and service do not gather records for longer than it takes to send them,
and what a busy machine takes longer for than `finish` waits by default is there all the same when it is asked for."""
REQUIRE_ALL = os.environ.get("STEPWELL_REQUIRE_ALL") == "1"  # set in CI: a missing component is a failure there


def processes_of(home: Path) -> list[int]:
    """Agents and services whose command line or environment names this home."""
    needle = f"STEPWELL_HOME={home}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if b"stepwell" in command and (needle in environment.split(b"\0") or str(home).encode() in command):
            found.append(int(entry.name))
    return found


def end_processes_of(home: Path) -> None:
    for pid in processes_of(home):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_for(lambda: not processes_of(home), what=f"the processes of {home} to end")


def wait_for(condition: Callable[[], object], what: str = "the condition", deadline_s: float = 60.0) -> object:
    """Polls until the condition is true and returns it; fails the test, with the reason, if it never is."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited {deadline_s} s in vain for {what}")
        os.sched_yield()
        time.sleep(0.01)


def service_address(home: Path) -> dict[str, object] | None:
    """What service.json says, once a service of this home runs."""
    try:
        return json.loads((home / "service.json").read_text())  # type: ignore[no-any-return]
    except (FileNotFoundError, ValueError):
        return None
