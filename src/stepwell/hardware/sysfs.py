"""Reading sysfs: attributes, PCI facts and the sensors of a hwmon folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["number", "pci_facts", "reading", "sensors", "text"]

_SENSOR = re.compile(r"(temp|power|curr|in|fan|freq)(\d+)_(?:input|average)")
# hwmon's own units (Documentation/hwmon/sysfs-interface.rst of the kernel): thousandths, millionths, Hz.
_KINDS = {
    "temp": ("temperature_c", 1e-3),
    "power": ("power_w", 1e-6),
    "curr": ("current_a", 1e-3),
    "in": ("voltage_v", 1e-3),
    "fan": ("fan_rpm", 1.0),
    "freq": ("clock_mhz", 1e-6),
}
_OF_A_KIND_MAX = 8
"""A processor has a temperature a core: the first few say what there is to see."""


def text(path: Path) -> str:
    """An attribute without its line feed; "" where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip("\0\n ")
    except OSError:
        return ""


def number(path: Path) -> float | None:
    """An attribute that is a number; None where it cannot be read, or is none."""
    try:
        return float(path.read_bytes().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def reading(attributes: Mapping[str, tuple[Path, float]]) -> Callable[[], dict[str, float]]:
    """A Device's `read`: figures by name, each an attribute and what it is multiplied by."""

    def read() -> dict[str, float]:
        figures = {}
        for name, (path, unit) in attributes.items():
            value = number(path)
            if value is not None:
                figures[name] = value * unit
        return figures

    return read


def sensors(hwmon: Path) -> dict[str, tuple[Path, float]]:
    """The sensors of `hwmonN`: the first of a kind by the kind's name, others with their label: `temperature_c.mem`."""
    found: dict[str, tuple[Path, float]] = {}
    count: dict[str, int] = {}
    for index, kind, path in sorted(_inputs(hwmon), key=lambda one: (one[1], one[0])):
        name, unit = _KINDS[kind]
        count[kind] = count.get(kind, 0) + 1
        if count[kind] > 1:
            label = text(hwmon / f"{kind}{index}_label") or str(index)
            name = f"{name}.{_word(label)}"
        if count[kind] <= _OF_A_KIND_MAX:
            found.setdefault(name, (path, unit))
    return found


def pci_facts(device: Path) -> dict[str, Any]:
    """Where a PCI device sits: bus address, NUMA node, link."""
    facts: dict[str, Any] = {}
    if device.is_symlink():
        facts["bus"] = device.resolve().name
    node = number(device / "numa_node")
    if node is not None and node >= 0:
        facts["numa_node"] = int(node)
    speed, width = text(device / "current_link_speed"), text(device / "current_link_width")
    if speed and width:
        facts["pcie"] = f"{speed} x{width}"
    return facts


def _inputs(hwmon: Path) -> Iterator[tuple[int, str, Path]]:
    """(number, kind, path), an `average` where there is no `input`."""
    there: dict[tuple[str, int], Path] = {}
    for path in _entries(hwmon):
        match = _SENSOR.fullmatch(path.name)
        if match and (path.name.endswith("_input") or (match[1], int(match[2])) not in there):
            there[match[1], int(match[2])] = path
    for (kind, index), path in there.items():
        yield index, kind, path


def _entries(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return ()


def _word(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") or "other"
