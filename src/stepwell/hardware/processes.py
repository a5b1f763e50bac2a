"""The processes of one run: those that record it and all that they started."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

__all__ = ["Processes"]

_TREE_S = 15.0
"""Data loader workers live long: new children are looked for this often, which costs more than reading them."""
_MAX = 1000


class Processes:
    """Processor time and memory of a process tree. Not safe for threads."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}
        self._cpu_s: dict[int, float] = {}
        self._roots: tuple[int, ...] = ()
        self._looked, self._read_at = -_TREE_S, 0.0

    def read(self, roots: tuple[int, ...]) -> dict[str, float]:
        """100 % is one core busy; a share of memory that several have counts in each.

        Args:
            roots: Process ids in this process's namespace; those that are gone are passed over.
        """
        now = time.monotonic()
        if roots != self._roots or now - self._looked >= _TREE_S:
            self._roots, self._looked = roots, now
            self._known = {pid: self._known.get(pid) or one for pid, one in _tree(roots)}
        before, since = self._cpu_s, now - self._read_at
        self._cpu_s, self._read_at = {}, now
        rss = used = 0.0
        for pid, process in list(self._known.items()):
            try:
                with process.oneshot():
                    times, memory = process.cpu_times(), process.memory_info()
            except psutil.Error:  # it has ended, or became another user's
                del self._known[pid]
                continue
            self._cpu_s[pid] = times.user + times.system
            used += self._cpu_s[pid] - before.get(pid, self._cpu_s[pid])
            rss += memory.rss
        if not self._cpu_s:
            return {}
        figures = {"memory_rss_bytes": rss, "count": float(len(self._cpu_s))}
        if before and since > 0:
            figures["cpu_percent"] = 100 * max(0.0, used) / since
        return figures


def _tree(roots: Iterable[int]) -> Iterator[tuple[int, psutil.Process]]:
    waiting, seen = list(roots), set[int]()
    while waiting and len(seen) < _MAX:
        pid = waiting.pop()
        if pid in seen:
            continue
        seen.add(pid)
        try:
            process = psutil.Process(pid)
            waiting += _children(process)
        except psutil.Error:
            continue
        yield pid, process


def _children(process: psutil.Process) -> list[int]:
    """Linux lists the children of each thread; psutil's own way reads every process of the machine."""
    tasks = Path(f"/proc/{process.pid}/task")
    try:
        threads = list(tasks.iterdir())
        return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]
    except OSError:
        return [child.pid for child in process.children()]
