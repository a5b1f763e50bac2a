"""The machine itself, by psutil and the container's limits: processor, memory, network, disks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from .container import Container
from .device import Device

__all__ = ["disk_device", "find", "network_device"]

_VIRTUAL = re.compile(r"lo\d*|veth.*|docker\d+|br-.*|virbr.*|cni\d*|flannel.*|cali.*|tun\d+|tap.*|bond\d+|team\d+")
"""Their bytes are counted again by the adapters below or beside them."""


def find(root: Path) -> Iterator[Device]:
    """`host`, `network`: for a Probe. `root` is where /proc and /sys of the control group are looked for."""
    yield Device("host", _Host(Container.here(root)).read)
    yield network_device()


class _Host:
    def __init__(self, container: Container) -> None:
        self._container = container
        self._cpu = self._cpu_s()

    def read(self) -> dict[str, float]:
        figures = self._memory() | self._cpu_share()
        if hasattr(psutil, "getloadavg"):
            figures["load_1m"] = psutil.getloadavg()[0]
        return figures

    def _memory(self) -> dict[str, float]:
        memory, swap, container = psutil.virtual_memory(), psutil.swap_memory(), self._container
        limit = min(container.memory_limit_bytes or memory.total, memory.total)
        used = container.memory_used_bytes if limit < memory.total else None
        if used is None:
            used = memory.total - memory.available
        return {
            "memory_used_bytes": used,
            "memory_available_bytes": max(0.0, min(limit - used, memory.available)),
            "memory_limit_bytes": limit,
            "swap_used_bytes": swap.used,
        }

    def _cpu_share(self) -> dict[str, float]:
        """Since the last reading, of what this container may use: all cores, or its quota."""
        before, self._cpu = self._cpu, self._cpu_s()
        (busy, of), (busy_before, of_before) = self._cpu, before
        if of <= of_before:
            return {}
        return {"cpu_percent": min(100.0, max(0.0, 100 * (busy - busy_before) / (of - of_before)))}

    def _cpu_s(self) -> tuple[float, float]:
        """Processor seconds so far: used, and there to be used."""
        limit, used = self._container.cpu_limit_cores, self._container.cpu_used_s
        if limit is not None and used is not None and limit < (psutil.cpu_count() or 1):
            return used, time.monotonic() * limit
        times = psutil.cpu_times()
        # What a guest used is part of user and nice already; a wait for the disk is idle time.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return total - times.idle - getattr(times, "iowait", 0.0), total


class _Rates:
    """Counters as rates a second; a counter that went back (a device that came anew) gives none."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._at = 0.0

    def of(self, counters: dict[str, float]) -> dict[str, float]:
        now = time.monotonic()
        passed, last = now - self._at, self._last
        self._last, self._at = counters, now
        if passed <= 0:
            return {}
        return {
            name: (value - last[name]) / passed
            for name, value in counters.items()
            if name in last and value >= last[name]
        }


def network_device() -> Device:
    """`network`: bytes a second over all adapters; without loopback and those that only pass on to others."""
    rates = _Rates()

    def read() -> dict[str, float]:
        adapters = psutil.net_io_counters(pernic=True, nowrap=False)
        real = [count for name, count in adapters.items() if not _VIRTUAL.fullmatch(name)]
        received, sent = sum(one.bytes_recv for one in real), sum(one.bytes_sent for one in real)
        return rates.of({"received_bytes_per_s": received, "sent_bytes_per_s": sent})

    read()
    return Device("network", read)


def disk_device(folder: Path) -> Device:
    """`disk`: room where `folder` lies, and bytes a second over all disks. A lost network filesystem may hang it."""
    rates = _Rates()

    def counters() -> dict[str, float]:
        count = psutil.disk_io_counters(nowrap=False)
        if count is None:
            return {}
        return {"read_bytes_per_s": count.read_bytes, "write_bytes_per_s": count.write_bytes}

    def read() -> dict[str, float]:
        room = psutil.disk_usage(str(folder))
        return {"used_bytes": room.used, "free_bytes": room.free, **rates.of(counters())}

    rates.of(counters())
    return Device("disk", read)
