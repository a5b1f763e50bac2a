"""What every test gets: a home of its own, and nothing left running or lying about afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REQUIRE_ALL = os.environ.get("STEPWELL_REQUIRE_ALL") == "1"  # set in CI: a missing component is a failure there


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """STEPWELL_HOME in a new folder; agents and services of it are ended, and its rings removed, afterwards."""
    for name in [name for name in os.environ if name.startswith("STEPWELL_") and name != "STEPWELL_REQUIRE_ALL"]:
        monkeypatch.delenv(name)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_JOB_ID", "SLURM_PROCID", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("STEPWELL_HOME", str(folder))
    monkeypatch.setenv("STEPWELL_AGENT_LINGER_S", "0.5")
    yield folder
    end_processes_of(folder)
    from stepwell import _core
    from stepwell.home import Home

    mailbox = Home(folder).mailbox(_core.RING_LAYOUT)
    shutil.rmtree(mailbox, ignore_errors=True)


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
