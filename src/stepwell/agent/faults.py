"""Rings on which this agent failed for a reason it does not know: tried again, later and later, and then given up.

Another start of the agent would fail in the same way, and the other rings must not stand still for one.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Faults"]

_log = logging.getLogger("stepwell.agent")

_TRIES = 5
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 2.0


@dataclass
class _Fault:
    count: int = 0
    until: float = 0.0


class Faults:
    """By the ring's path."""

    def __init__(self) -> None:
        self._by_path: dict[Path, _Fault] = {}

    def waits(self, path: Path) -> bool:
        """It is not yet time to try this ring again."""
        fault = self._by_path.get(path)
        return fault is not None and time.monotonic() < fault.until

    def another(self, path: Path, who: str, error: Exception) -> bool:
        """To be called where the error is handled. True if the ring is to be given up.

        Never for want of memory or of a file: that is the machine's fault and passes.
        """
        fault = self._by_path.setdefault(path, _Fault())
        fault.count += 1
        fault.until = time.monotonic() + min(_FIRST_WAIT_S * 2 ** (fault.count - 1), _LONGEST_WAIT_S)
        if fault.count == 1:
            _log.exception("draining %s of %s failed; it is tried again", path.name, who)
        else:
            _log.error("draining %s of %s failed for the %d. time: %r", path.name, who, fault.count, error)
        return fault.count >= _TRIES and not isinstance(error, (OSError, MemoryError))

    def forget(self, path: Path) -> None:
        """It went well, or the ring is gone."""
        self._by_path.pop(path, None)
