"""What a container may use: the limits and the usage of this process's control group (cgroup v2).

A limit counts from whichever group above it is the narrowest; within a container the topmost that is seen is its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .sysfs import number, text

__all__ = ["Container"]


@dataclass(frozen=True)
class Container:
    """memory, cpu: the group whose limit holds; None where there is none."""

    memory: Path | None = None
    cpu: Path | None = None

    @classmethod
    def here(cls, root: Path = Path("/")) -> Container:
        """Of this process. `root` is where /proc and /sys are looked for."""
        groups = _groups(root)
        memory = [(limit, group) for group in groups if (limit := number(group / "memory.max")) is not None]
        cpu = [(limit, group) for group in groups if (limit := _cores(group)) is not None]
        return cls(min(memory)[1] if memory else None, min(cpu)[1] if cpu else None)

    @property
    def memory_limit_bytes(self) -> float | None:
        return None if self.memory is None else number(self.memory / "memory.max")

    @property
    def memory_used_bytes(self) -> float | None:
        """Without file pages that the kernel drops as soon as it needs them."""
        if self.memory is None:
            return None
        current = number(self.memory / "memory.current")
        dropped = _named(self.memory / "memory.stat", "inactive_file") or 0.0
        return None if current is None else max(0.0, current - dropped)

    @property
    def cpu_limit_cores(self) -> float | None:
        return None if self.cpu is None else _cores(self.cpu)

    @property
    def cpu_used_s(self) -> float | None:
        """Processor seconds so far."""
        used = None if self.cpu is None else _named(self.cpu / "cpu.stat", "usage_usec")
        return None if used is None else used / 1e6


def _groups(root: Path) -> list[Path]:
    """From this process's group up to the root of what it sees."""
    top = root / "sys/fs/cgroup"
    own = next((line[3:] for line in text(root / "proc/self/cgroup").splitlines() if line.startswith("0::")), None)
    if own is None:
        return []
    group = top / own.strip("/")
    groups = [group, *group.parents]
    return groups[: groups.index(top) + 1] if top in groups else []


def _cores(group: Path) -> float | None:
    quota, _, period = text(group / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _named(path: Path, name: str) -> float | None:
    for line in text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return float(value)
    return None
