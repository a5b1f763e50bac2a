"""Places where a fault test can have this process killed. Nothing happens unless STEPWELL_KILLPOINT asks for it.

`STEPWELL_KILLPOINT=agent.spooled:3` sends SIGKILL to the process at its third passing of that place.
"""

from __future__ import annotations

import os
import signal

__all__ = ["killpoint"]


def _asked() -> tuple[str, int]:
    name, _, count = os.environ.get("STEPWELL_KILLPOINT", "").partition(":")
    return name, int(count or 1)


_name, _left = _asked()


def killpoint(name: str) -> None:
    """Dies here if this is the asked-for passing."""
    global _left  # noqa: PLW0603
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
