"""What this machine is: processor, memory, accelerators of any vendor, by /proc, the hardware plugins and nvidia-smi.

Runs in the capture child only. Whatever is not there is left out; nothing here raises for it.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from ..hardware import facts_of

__all__ = ["describe_machine"]

_NVIDIA_FIELDS = ("name", "memory.total", "driver_version", "uuid", "pci.bus_id")
_TIMEOUT_S = 15


def describe_machine(root: Path = Path("/")) -> dict[str, Any]:
    """Nested keys as they stand under `env/`. `root` is where /proc and /sys are looked for."""
    machine: dict[str, Any] = {
        "host": platform.node(),
        "os": platform.platform(),
        "cpu": {"model": _cpu_model(root), "architecture": platform.machine(), "cores": os.cpu_count()},
        "memory_bytes": _memory_bytes(root),
        "accelerators": _accelerators(root),
    }
    if hasattr(os, "sched_getaffinity"):
        machine["cpu"]["usable_cores"] = len(os.sched_getaffinity(0))
    return machine


def _cpu_model(root: Path) -> str:
    for line in _text(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "Hardware"):
            return value.strip()
    return platform.processor()


def _memory_bytes(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def _accelerators(root: Path) -> list[dict[str, Any]]:
    """Of the plugins; NVIDIA's by nvidia-smi where the library for theirs is not installed."""
    found = list(facts_of(root / "sys", _TIMEOUT_S))
    return found if any(board["vendor"] == "NVIDIA" for board in found) else found + _nvidia()


def _nvidia() -> list[dict[str, Any]]:
    command = ["nvidia-smi", f"--query-gpu={','.join(_NVIDIA_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_nvidia(done.stdout.decode("utf-8", "replace"))


def parse_nvidia(text: str) -> list[dict[str, Any]]:
    found = []
    for line in text.splitlines():
        values = [value.strip() for value in line.split(",")]
        if len(values) != len(_NVIDIA_FIELDS):
            continue
        name, memory, driver, uuid, bus = values
        board: dict[str, Any] = {"vendor": "NVIDIA", "name": name, "driver": driver, "uuid": uuid, "bus": bus}
        if memory.isdigit():
            board["memory_bytes"] = int(memory) << 20
        found.append(board)
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
