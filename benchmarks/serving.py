"""A service of a home in a process of its own, and what it has cost so far."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Site", "home_of", "serving"]

START_S = 60.0
STOP_S = 60.0


@dataclass(frozen=True)
class Site:
    """Where the service is. `pid`: its process."""

    home: Path
    url: str
    token: str
    pid: int

    def ticket(self) -> str:
        """Opens one browser (`/login?ticket=`)."""
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + "/api/v1/login", method="POST", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["ticket"])

    def figures(self) -> str:
        """What it says of itself at /metrics."""
        headers = {"Authorization": f"Bearer {self.token}"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/metrics", headers=headers), timeout=30) as said:
            return str(said.read().decode())


@contextmanager
def home_of(home: Path) -> Iterator[Path]:
    """STEPWELL_HOME of this process, for as long as the block lasts; no other service is listened to."""
    before = {name: os.environ.get(name) for name in ("STEPWELL_HOME", "STEPWELL_SERVER", "STEPWELL_AGENT_LINGER_S")}
    os.environ |= {"STEPWELL_HOME": str(home), "STEPWELL_AGENT_LINGER_S": "1"}
    os.environ.pop("STEPWELL_SERVER", None)
    try:
        yield home
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def serving(home: Path, stores: Mapping[str, str] | None = None) -> Iterator[Site]:
    """`stepwell serve` on free ports of the loopback; ended in order. stores: as Stores.settings has them."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "serve.log"
    ports = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
    environment = {**os.environ, **(stores or {}), "STEPWELL_HOME": str(home)}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "stepwell", "serve", *ports], stdout=out, stderr=out, env=environment
        )
    try:
        file = home / "service.json"
        deadline = time.monotonic() + START_S
        while not file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the service did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.02)
        address = json.loads(file.read_text())
        yield Site(home, address["url"], address["token"], process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
