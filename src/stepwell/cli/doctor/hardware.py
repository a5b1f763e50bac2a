"""What of this machine can be sampled, and why other devices cannot?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...home import Home
from ...settings import Settings
from .finding import NOTE, OK, Finding

__all__ = ["hardware"]

_TIMEOUT_S = 15.0  # a driver that is loaded for the first time


def hardware(_: Home) -> Iterator[Finding]:
    from ...hardware import found_by, plugins

    settings = Settings.load()
    if not settings.system_interval_s:
        text = "no machine is sampled: system_interval_s is 0"
        yield Finding("machine", NOTE, text, "set STEPWELL_SYSTEM_INTERVAL_S=5", "STEPWELL_SYSTEM_INTERVAL_S")
        return
    known = plugins()
    if not known:
        text = "no plugin is known, though stepwell has some: its installation has no entry points"
        yield Finding(
            "hardware", NOTE, text, "pip install --force-reinstall stepwell", "entry points stepwell.hardware"
        )
    for name, find in known.items():
        devices, why = found_by(name, find, Path(settings.sysfs_root), _TIMEOUT_S)
        said = ", ".join(str(device.facts.get("name") or device.name) for device in devices)
        text = f"{said}, each {settings.system_interval_s:g} s" if devices else why or "nothing of its kind is here"
        broken = "failed to find" in why or "has not answered" in why
        yield Finding(f"hardware: {name}", NOTE if broken else OK, text, looked=settings.sysfs_root)
