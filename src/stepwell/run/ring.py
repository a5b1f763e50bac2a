"""Opening the ring of a process: the compiled Recorder with what settings, home and identity say.

Used by the run and by its capture child. Starts no agent itself, but gives the recorder the way to.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from .._core import RING_LAYOUT, Recorder, RingError
from ..errors import HomeError
from ..home import Home
from ..launch import start_agent
from ..settings import Settings

__all__ = ["open_recorder"]


def open_recorder(
    home: Home,
    settings: Settings,
    identity: Mapping[str, Any],
    run: bytes,
    rank: int,
    attempt: int,
    *,
    child: bool = False,
    first_step: int = 0,
    slow: Callable[[Any, Any, Any], None] | None = None,
) -> Recorder:
    """Raises HomeError where neither shared memory nor the home can hold a ring."""
    home.make(home.rings)
    ring_bytes = settings.child_ring_bytes if child else settings.ring_bytes
    try:
        return Recorder(
            mailbox=str(home.mailbox(RING_LAYOUT)),
            fallback=str(home.rings),
            identity=json.dumps({**identity, "role": "child" if child else "main"}).encode(),
            run=run,
            rank=rank,
            attempt=attempt,
            ring_bytes=max(ring_bytes, settings.ring_bytes_min),
            child_ring_bytes=settings.child_ring_bytes,
            ring_bytes_min=min(settings.ring_bytes_min, ring_bytes),
            ring_bytes_max=max(settings.ring_bytes_max, ring_bytes),
            ring_full_budget_s=settings.ring_full_budget_s,
            ring_share_max=settings.ring_share_max,
            agent_stale_s=settings.agent_stale_s,
            wake_interval_s=settings.wake_interval_s,
            first_step=first_step,
            slow=slow or _no_values,
            wake=_no_agent if child else _Waker(home, settings.agent_stale_s),
        )
    except (RingError, OSError) as error:
        raise HomeError(
            f"no ring could be made, in shared memory or in {home.rings}: {error}. Free some space, or set "
            "STEPWELL_HOME to a folder with some."
        ) from error


class _Waker:
    """Starts an agent again, once the one that `init` starts has had time to appear."""

    def __init__(self, home: Home, patience_s: float) -> None:
        self._home = home
        self._not_before = time.monotonic() + patience_s

    def __call__(self) -> None:
        if time.monotonic() >= self._not_before:
            start_agent(self._home)


def _no_values(_data: object, _step: object, _time: object) -> None:
    """For a recorder that writes fields only."""


def _no_agent() -> None:
    """For a child of a process that has one."""
