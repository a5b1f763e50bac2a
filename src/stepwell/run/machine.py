"""What this machine is: processor, memory, accelerators of any vendor, read from /proc, /sys and nvidia-smi.

Runs in the capture child only. Whatever is not there is left out; nothing here raises for it.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["describe_machine"]

_NVIDIA_FIELDS = ("name", "memory.total", "driver_version", "uuid", "pci.bus_id")
_NVIDIA_TIMEOUT_S = 15
_PCI_VENDORS = {"0x1002": "AMD", "0x10de": "NVIDIA", "0x8086": "Intel"}


def describe_machine(root: Path = Path("/")) -> dict[str, Any]:
    """Nested keys as they stand under `env/`. `root` is where /proc and /sys are looked for."""
    machine: dict[str, Any] = {
        "host": platform.node(),
        "os": platform.platform(),
        "cpu": {"model": _cpu_model(root), "architecture": platform.machine(), "cores": os.cpu_count()},
        "memory_bytes": _memory_bytes(root),
        "accelerators": _nvidia() + _sysfs_accelerators(root),
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


def _nvidia() -> list[dict[str, Any]]:
    command = ["nvidia-smi", f"--query-gpu={','.join(_NVIDIA_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_NVIDIA_TIMEOUT_S, check=True, stdin=subprocess.DEVNULL
        )
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


def _sysfs_accelerators(root: Path) -> list[dict[str, Any]]:
    """AMD boards by the amdgpu driver; Tenstorrent boards by theirs. NVIDIA's say more through nvidia-smi."""
    found = []
    for card in sorted((root / "sys/class/drm").glob("card[0-9]*")):
        device = card / "device"
        vendor = _PCI_VENDORS.get(_text(device / "vendor").strip())
        memory = _text(device / "mem_info_vram_total").strip()
        if vendor != "AMD" or "-" in card.name or not memory.isdigit():
            continue
        name = _text(device / "product_name").strip() or _text(device / "device").strip()
        found.append({"vendor": vendor, "name": name, "memory_bytes": int(memory)})
    driver = _text(root / "sys/module/tenstorrent/version").strip()
    for card in sorted((root / "sys/class/tenstorrent").glob("tenstorrent*")):
        board: dict[str, Any] = {
            "vendor": "Tenstorrent",
            "name": _text(card / "tt_card_type").strip(),
            "driver": driver,
        }
        serial = _text(card / "tt_serial").strip()
        found.append({**board, "serial": serial} if serial else board)
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
