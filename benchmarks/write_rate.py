"""How fast other recorders write when they are given rows as fast as they take them, and what that costs.

Rows as wide as in end_to_end.py, for some seconds, then closed: the rate is of all points until closing has returned.
What their processes cost is looked at from outside while they run, so the last moments of one that ends are not in it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from .end_to_end import WIDTHS
from .environments import Absent
from .figures import Figure, missing
from .peer_process import BEGUN, command
from .peers import PEERS, PINS, Peer

__all__ = ["run"]

_PEERS = ("wandb (offline)", "tensorboardX", "aim")
_SECONDS = 10.0
_LIMIT_S = 50.0
_LOOK_S = 0.05
_ROOT = Path(__file__).resolve().parents[1]


def run(quick: bool) -> Iterator[Figure]:
    for name in _PEERS:
        peer = next(one for one in PEERS if one.name == name)
        try:
            yield from _figures(peer, 1.0 if quick else _SECONDS)
        except Absent as why:
            yield missing(f"{name}, written", str(why))


def _figures(peer: Peer, seconds: float) -> Iterator[Figure]:
    result, cost = _flood(peer, seconds)
    points = result["points"]
    version = PINS[peer.pin].version
    note = f"{points:,} points of {WIDTHS[0]} metrics a row in {result['seconds']:.1f} s, closing included"
    yield Figure(f"{peer.name}, written", "points/s", (points / result["seconds"],), version=version, note=note)
    million = points / 1e6
    yield Figure(
        f"{peer.name}, CPU", "ms/M points", (1e3 * cost.cpu_s / million,), version=version, note="all its processes"
    )
    added = max(0.0, cost.own_bytes - result["own_bytes"])
    yield Figure(f"{peer.name}, memory added", "bytes", (added,), version=version, note="to the process that logs")
    if cost.others:
        yield Figure(
            f"{peer.name}, memory beside it", "bytes", (cost.other_bytes,), version=version,
            note=", ".join(sorted(cost.others)),
        )  # fmt: skip


class _Watch(threading.Thread):
    """Looks at a process and all below it until they end; costs count once the file `begun` is there.

    own_bytes: most of the process itself.
    """

    def __init__(self, pid: int, begun: Path) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._begun = begun
        self._before_s: float | None = None
        self._cpu_s: dict[int, float] = {}
        self._ended = threading.Event()
        self.own_bytes = self.other_bytes = 0
        self.others: set[str] = set()

    @property
    def cpu_s(self) -> float:
        return sum(self._cpu_s.values()) - (self._before_s or 0.0)

    def run(self) -> None:
        while not self._ended.wait(_LOOK_S):
            try:
                members = [self._process, *self._process.children(recursive=True)]
            except psutil.Error:
                return
            self._look(members)

    def _look(self, members: list[psutil.Process]) -> None:
        beside = 0
        for member in members:
            try:
                times = member.cpu_times()
                self._cpu_s[member.pid] = times.user + times.system
                size = member.memory_full_info().uss
                if member.pid == self._process.pid:
                    self.own_bytes = max(self.own_bytes, size)
                else:
                    beside += size
                    self.others.add(member.name())
            except psutil.Error:
                continue
        self.other_bytes = max(self.other_bytes, beside)
        if self._before_s is None and self._begun.exists():
            self._before_s = sum(self._cpu_s.values())

    def end(self) -> None:
        self._ended.set()
        self.join()


def _flood(peer: Peer, seconds: float) -> tuple[dict[str, Any], _Watch]:
    """Raises Absent, with what the peer said where it failed."""
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            command(peer, "flood", folder, str(seconds), str(WIDTHS[0])),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=_ROOT,
        )  # fmt: skip
        watch = _Watch(process.pid, Path(folder) / BEGUN)
        watch.start()
        try:
            out, errors = process.communicate(timeout=_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise Absent(f"not closed after {_LIMIT_S:.0f} s") from error
        finally:
            watch.end()
    if process.returncode:
        raise Absent(f"it failed: {(errors.strip().splitlines() or ['no word'])[-1][:300]}")
    return json.loads(out.splitlines()[-1]), watch
