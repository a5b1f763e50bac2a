"""What a plugin gives: devices, each with a name, its facts and a way to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Device", "Find", "NotHere"]


class NotHere(Exception):
    """Raised by a plugin that cannot work on this machine; the text says what is missing, for `stepwell doctor`."""


@dataclass(frozen=True)
class Device:
    """One thing that is sampled.

    Attributes:
        name: Short, unique on its machine, without a slash: `nvidia0`.
        read: Figures by name, each name ending in its unit (`power_w`, `memory_used_bytes`); a figure that cannot be
            had now is left out. Called in one thread, every few seconds; kernel counters and libraries, no processes.
        facts: What does not change. An accelerator has at least `vendor` and `name`, and is listed by its run.
    """

    name: str
    read: Callable[[], Mapping[str, float]]
    facts: Mapping[str, Any] = field(default_factory=dict)


Find = Callable[[Path], Iterable[Device]]
"""A plugin: the devices of its kind, given where sysfs is mounted. Raises NotHere."""
