"""A service that has just come up, and what waited for it: whoever reads waits until the agents have sent that.

A run that ended before its home had a service lies in the spool. Asked sooner than an agent has sent it, the service
would not know a run that `finish` has said is kept.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from ..errors import SpoolError
from ..home import Home
from ..spool import Destination, Position, find_spools
from ..spool.layout import CURSOR, read_json, segments_of
from ..spool.segments import good_end

__all__ = ["acked_place", "await_arrivals"]

_log = logging.getLogger("stepwell.query")

_YOUNG_S = 30.0
"""A service that has been up for longer has the agents of its home, and `finish` waits for what it acks."""
_STALL_S, _TOTAL_S = 5.0, 15.0
_LOOK_S = 0.02


def await_arrivals(home: Home) -> bool:
    """Returns when the young service of a home has what the spools held when this was called.

    False, and a warning, where nothing has moved for 5 s or it has taken 15.
    """
    if not _is_young(home):
        return True
    ends = {path: end for path in find_spools(home.spool) if (end := _end(path)) is not None}
    start = moved = time.monotonic()
    seen: dict[Path, Position] = {}
    while True:
        left = {path: place for path, end in ends.items() if (place := acked_place(path)) < end and path.exists()}
        if not left:
            return True
        now = time.monotonic()
        if left != seen:
            seen, moved = left, now
        if now - moved >= _STALL_S or now - start >= _TOTAL_S:
            break
        time.sleep(_LOOK_S)
    _log.warning(
        "what waits in %s has not all reached the service yet, and what is read now lacks it; %s says why",
        ", ".join(map(str, left)), home.log / "agent.log",
    )  # fmt: skip
    return False


def acked_place(path: Path) -> Position:
    """Where the agent that sends a spool has got to: what is before it is in a service's store."""
    cursor = read_json(path / CURSOR)
    try:
        return Position(int(cursor["segment"]), int(cursor["offset"]))
    except (KeyError, TypeError, ValueError):
        return Position(0, 0)


def _is_young(home: Home) -> bool:
    try:
        return abs(time.time() - home.service_file.stat().st_mtime) < _YOUNG_S
    except OSError:
        return False


def _end(path: Path) -> Position | None:
    """Behind the last whole frame of a spool that is for the home's own service; None where there is none."""
    try:
        destination, segments = Destination.load(path), segments_of(path)
        if destination.server or destination.offline or not segments:
            return None
        return Position(segments[-1], good_end(path, segments[-1]))
    except (OSError, SpoolError):
        return None  # sent and removed meanwhile, or no spool
