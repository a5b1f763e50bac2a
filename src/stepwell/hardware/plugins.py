"""Which plugins there are, and what each finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from .device import Device, Find
from .probe import Probe

__all__ = ["GROUP", "facts_of", "found_by", "plugins"]

GROUP = "stepwell.hardware"


def plugins() -> dict[str, Find]:
    """By name; each is imported when it is first called."""
    return {point.name: _Late(point) for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def found_by(name: str, find: Find, sysfs: Path, timeout_s: float) -> tuple[list[Device], str]:
    """What a plugin finds within the time, and why there is nothing, or no more, where that is so."""
    probe = Probe(name, find, sysfs)
    probe.start()
    probe.answer(timeout_s)
    return list(probe.devices), probe.why


def facts_of(sysfs: Path, timeout_s: float) -> Iterator[dict[str, Any]]:
    """Of every accelerator here: its facts, and as `device` the name that its samples have.

    Plugins are asked beside each other, so that one which hangs costs this call `timeout_s` in all.
    """
    probes = [Probe(name, find, sysfs) for name, find in plugins().items()]
    for probe in probes:
        probe.start()
    for probe in probes:
        probe.answer(timeout_s)
        for device in probe.devices:
            if device.facts.get("vendor"):
                yield {"device": device.name, **_plain(device.facts)}


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) if isinstance(value, Mapping) else value for key, value in facts.items()}


class _Late:
    """An entry point's function, loaded in the thread that calls it: a library's import may hang too."""

    def __init__(self, point: EntryPoint) -> None:
        self._point = point

    def __call__(self, sysfs: Path) -> Iterator[Device]:
        find: Find = self._point.load()
        yield from find(sysfs)
