"""For tests of the agent: a training process on command, the agent itself, and what lies in the spools."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stepwell import _core
from stepwell.blocks import unseal
from stepwell.home import Home
from stepwell.ids import run_uuid
from stepwell.spool import Spool, find_spools
from support import wait_for

__all__ = ["GIVES_UP", "Producer", "agent_log", "mailbox_rings", "ranges_in_spools", "run_agent", "start_agent"]

_SCRIPT = """
import base64, json, os, sys
from stepwell import _core
from stepwell.home import Home
from stepwell.ids import run_uuid
options = json.loads(sys.argv[1])
home = Home(options["home"])
home.make(home.rings)
identity = {"project": "p", "id": options["id"], "host": options["host"], "pid": 1, "started_ms": 1, "role": "main",
            "mode": options["mode"], "server": options["server"], "version": "0"}
recorder = _core.Recorder(
    mailbox=str(home.rings if options["on_disk"] else home.mailbox(_core.RING_LAYOUT)), fallback=str(home.rings),
    identity=json.dumps(identity).encode(), run=run_uuid("p", options["id"]).bytes, rank=0, attempt=1,
    ring_bytes=options["ring_bytes"], child_ring_bytes=65536, ring_bytes_min=16384,
    ring_bytes_max=options["ring_bytes_max"], ring_full_budget_s=options["budget_s"], ring_share_max=0.9,
    agent_stale_s=1e9, wake_interval_s=1e9, first_step=0, slow=lambda data, step, time: None, wake=lambda: None,
)
print("ready", flush=True)
for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    if command == "log":
        for _ in range(int(argument)):
            recorder.log({"loss": float(recorder.row_seq), "acc": 0.5})
    elif command == "text":
        recorder.record(_core.KIND_CONSOLE, (b"1", b"x" * int(argument)))
    elif command == "noise":
        recorder.record(_core.KIND_CONSOLE, (b"1", base64.b64encode(os.urandom(int(argument)))))
    elif command == "finish":
        recorder.record(_core.KIND_EVENT, (b"finish", b"{}"))
    elif command == "close":
        recorder.close()
    elif command == "tell":
        pass
    print(json.dumps({name: getattr(recorder, name) for name in
                      ("row_seq", "dropped", "drained", "acked_seq", "service", "control", "writer", "path")}),
          flush=True)
"""


class Producer:
    """A process with one recorder. `log(n)` returns when n rows are published."""

    def __init__(
        self,
        home: Path,
        id: str = "r",
        *,
        mode: str = "online",
        server: str = "",
        ring_bytes: int = 1 << 18,
        ring_bytes_max: int = 1 << 22,
        budget_s: float = 60.0,
        on_disk: bool = False,
        host: str = "",
    ) -> None:
        import json

        self._json = json
        options = {
            "home": str(home), "id": id, "mode": mode, "server": server, "ring_bytes": ring_bytes,
            "ring_bytes_max": ring_bytes_max, "budget_s": budget_s, "on_disk": on_disk, "host": host,
        }  # fmt: skip
        self.run = run_uuid("p", id).bytes
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def do(self, command: str) -> dict[str, int]:
        """What the recorder says of itself after the command."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer: dict[str, int] = self._json.loads(self.process.stdout.readline())
        return answer

    def log(self, rows: int) -> dict[str, int]:
        return self.do(f"log {rows}")

    def end(self) -> None:
        """Finishes in order."""
        self.do("finish")
        self.do("close")
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


GIVES_UP = {"STEPWELL_AGENT_LINGER_S": "0.1"}
"""For an agent that is to find nobody; otherwise it waits longer than a busy machine takes to answer."""
_QUICK = {
    "STEPWELL_AGENT_LINGER_S": "10",
    "STEPWELL_AGENT_SETTLE_S": "0.2",
    "STEPWELL_SPOOL_SYNC_INTERVAL_S": "0.1",
    "STEPWELL_SYSTEM_INTERVAL_S": "0",
}
"""An agent waits for nothing that no test is about, and nothing but records is in its spools."""


def start_agent(home: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "stepwell.agent", "--home", str(home), *arguments],
        env={**os.environ, **_QUICK, **(env or {})},
        stdin=subprocess.DEVNULL,
    )


def run_agent(home: Path, *arguments: str, env: Mapping[str, str] | None = None) -> int:
    """Its exit code."""
    return start_agent(home, *arguments, env=env).wait(60)


def mailbox_rings(home: Path) -> list[Path]:
    return sorted(Home(home).mailbox(_core.RING_LAYOUT).glob("*.ring"))


def ranges_in_spools(home: Path, only_pending: bool = False) -> dict[int, list[tuple[int, int, int]]]:
    """By writer: (first row_seq, last row_seq, records) of every block in any spool, in order of row_seq."""
    found: dict[int, list[tuple[int, int, int]]] = {}
    for path in find_spools(home):
        for frame in Spool.open_readonly(path).frames(from_cursor=only_pending):
            info = _core.NativeBatch().add(unseal(frame.payload, 1 << 28))
            assert (info.writer, info.first_seq, info.last_seq) == (frame.writer, frame.first_seq, frame.last_seq)
            found.setdefault(info.writer, []).append((info.first_seq, info.last_seq, info.records))
    return {writer: sorted(ranges) for writer, ranges in found.items()}


def assert_each_once(ranges: list[tuple[int, int, int]], last: int) -> None:
    """Records 1 to `last` are there, none twice."""
    expected = 1
    for first, until, records in ranges:
        assert first == expected, f"record {expected} is missing or there twice: {ranges}"
        assert records == until - first + 1
        expected = until + 1
    assert expected == last + 1, f"records {expected} to {last} are missing: {ranges}"


def agent_log(home: Path) -> str:
    try:
        return (home / "log" / "agent.log").read_text()
    except FileNotFoundError:
        return ""


def wait_for_log(home: Path, text: str) -> None:
    wait_for(lambda: text in agent_log(home), what=f"{text!r} in the agent's log")
