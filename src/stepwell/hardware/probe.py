"""One plugin in a thread of its own: where it raises or hangs, its own figures are missing and nothing else.

A thread that hangs in a driver cannot be ended; it is a daemon, is not asked again until it has answered, and holds
nothing that others wait for.
"""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path

from .device import Device, Find, NotHere

__all__ = ["Probe"]

_log = logging.getLogger("stepwell.agent")

_NAME = re.compile(r"[^/\x00-\x1f\x7f]{1,100}")
_METRIC = re.compile(r"[^\x00-\x1f\x7f]{1,200}")

Figures = dict[str, float]


class Probe:
    """Ask, then take the answer. One caller."""

    def __init__(self, name: str, find: Find, sysfs: Path) -> None:
        self.name = name
        self.devices: tuple[Device, ...] = ()
        self.why = ""
        """Why it has no devices, or what went wrong with one lately; "" where nothing did."""
        self._find, self._sysfs = find, sysfs
        self._asked = threading.Semaphore(0)
        self._answered = threading.Event()
        self._figures: Figures = {}
        self._said: set[str] = set()
        self._ending = False
        self._thread = threading.Thread(target=self._work, name=f"hardware-{name}", daemon=True)

    def start(self) -> None:
        """Looks for devices; `answer` says when that is done."""
        self._thread.start()

    def ask(self) -> bool:
        """Begins a reading; False where there is nothing to read, or the last reading has not come to an end."""
        if not self._answered.is_set() or not self.devices:
            return False
        self._answered.clear()
        self._asked.release()
        return True

    def answer(self, timeout_s: float) -> Figures:
        """Figures by `device/metric`; none where they do not come in time, which is said once."""
        if not self._answered.wait(timeout_s):
            self._say(f"it has not answered within {timeout_s:.3g} s")
            return {}
        return self._figures

    def close(self) -> None:
        """Lets the thread end, once it is done with what it does."""
        self._ending = True
        self._asked.release()

    def _work(self) -> None:
        self.devices = self._found()
        self._answered.set()
        while self.devices and self._asked.acquire() and not self._ending:
            self._figures = self._read()
            self._answered.set()

    def _found(self) -> tuple[Device, ...]:
        found: dict[str, Device] = {}
        try:
            for device in self._find(self._sysfs):
                if not _NAME.fullmatch(device.name):
                    raise ValueError(f"a device is called {device.name!r}: no slash, at most 100 characters")
                found.setdefault(device.name, device)
        except NotHere as error:
            self.why = str(error)
        except Exception as error:  # noqa: BLE001 - a plugin is anybody's code, over anybody's driver
            self._say(f"it failed to find its devices: {error!r}")
        return tuple(found.values())

    def _read(self) -> Figures:
        figures: Figures = {}
        for device in self.devices:
            try:
                for metric, value in device.read().items():
                    if _METRIC.fullmatch(metric):
                        figures[f"{device.name}/{metric}"] = float(value)
            except Exception as error:  # noqa: BLE001 - as above
                self._say(f"{device.name} cannot be read: {error!r}")
        return figures

    def _say(self, what: str) -> None:
        self.why = what
        if what not in self._said and len(self._said) < 20:
            self._said.add(what)
            _log.warning("the hardware plugin %s: %s; its figures are missing", self.name, what)
