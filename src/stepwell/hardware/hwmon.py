"""Every other device with sensors in sysfs: processors, disks, network adapters, boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .device import Device, NotHere
from .sysfs import reading, sensors, text

__all__ = ["find"]

_DEVICES_MAX = 32
_OWN = ("class/tenstorrent", "class/drm")
"""Classes whose devices have a plugin of their own."""


def find(sysfs: Path) -> Iterator[Device]:
    taken = {device.resolve() for folder in _OWN for device in (sysfs / folder).glob("*/device")}
    names: Counter[str] = Counter()
    for hwmon in sorted((sysfs / "class/hwmon").glob("hwmon*"), key=lambda path: (len(path.name), path.name)):
        attributes = sensors(hwmon)
        if not attributes or (hwmon / "device").resolve() in taken:
            continue
        kind = text(hwmon / "name").replace("/", "_") or "hwmon"
        if names.total() == _DEVICES_MAX:
            return
        yield Device(f"{kind}{names[kind]}", reading(attributes))
        names[kind] += 1
    if not names:
        raise NotHere("no sensors in sysfs but those of devices with a plugin of their own")
