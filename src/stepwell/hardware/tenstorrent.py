"""Tenstorrent boards, by their driver's sysfs: /sys/class/tenstorrent/tenstorrent!N and its hwmon.

Memory in use and utilisation are not among what the driver tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .device import Device, NotHere
from .sysfs import pci_facts, reading, sensors, text

__all__ = ["find"]

_CLOCKS = {"clock_mhz": "tt_aiclk", "clock_mhz.arc": "tt_arcclk", "clock_mhz.axi": "tt_axiclk"}
_FACTS = {"serial": "tt_serial", "asic": "tt_asic_id", "firmware": "tt_fw_bundle_ver"}


def find(sysfs: Path) -> Iterator[Device]:
    boards = sorted((sysfs / "class/tenstorrent").glob("tenstorrent*"), key=_index)
    if not boards:
        raise NotHere("no board of the tenstorrent driver in sysfs")
    for board in boards:
        attributes = {name: (board / file, 1.0) for name, file in _CLOCKS.items() if (board / file).exists()}
        if (board / "tt_therm_trip_count").exists():
            attributes["thermal_trips"] = (board / "tt_therm_trip_count", 1.0)
        for hwmon in sorted((board / "device/hwmon").glob("hwmon*")):
            attributes |= sensors(hwmon)
        yield Device(f"tenstorrent{_index(board)}", reading(attributes), _facts(sysfs, board))


def _facts(sysfs: Path, board: Path) -> dict[str, Any]:
    told = {
        "vendor": "Tenstorrent",
        "name": text(board / "tt_card_type"),
        "driver": text(sysfs / "module/tenstorrent/version"),
        **{name: text(board / file) for name, file in _FACTS.items()},
    }
    return {**{name: value for name, value in told.items() if value}, **pci_facts(board / "device")}


def _index(board: Path) -> int:
    digits = board.name.removeprefix("tenstorrent").lstrip("!")
    return int(digits) if digits.isdigit() else 0
