"""The wait at the end of a run: until all is in the spool, and acked where a service is in reach; bounded both ways.

Only looks at what the agent tells through the ring; says what is left. Never raises but for Ctrl-C, which it passes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from .. import _core

__all__ = ["Left", "wait_until_kept"]

_LOOK_MIN_S, _LOOK_MAX_S = 0.001, 0.02


class Left(NamedTuple):
    """How things stood when the wait ended."""

    drained: bool  # all in the spool
    unacked: int  # records that the service has not confirmed; 0 where it has, or where there is none
    service: int


def wait_until_kept(
    recorder: _core.Recorder, offline: bool, stall_s: float, total_s: float, others_done: Callable[[], bool]
) -> Left:
    """Returns when nothing is left, when nothing more will come, after `stall_s` without progress, or after `total_s`.

    `others_done`: whether those who record beside us (the capture of the environment) have ended.
    """
    start = moved = time.monotonic()
    seen: object = None
    pause = _LOOK_MIN_S
    while True:
        left = _look(recorder, offline)
        done = others_done()
        if done and left.drained and _settled(left, offline):
            return left
        now = time.monotonic()
        state = (left, recorder.acked_seq, done)
        if state != seen:
            seen, moved, pause = state, now, _LOOK_MIN_S
        if now - moved >= stall_s or now - start >= total_s:
            return left
        time.sleep(min(pause, max(0.0, total_s - (now - start))))
        pause = min(pause * 1.5, _LOOK_MAX_S)


def _look(recorder: _core.Recorder, offline: bool) -> Left:
    service = recorder.service
    unacked = 0 if offline else max(0, recorder.row_seq - recorder.acked_seq)
    return Left(recorder.drained, unacked, service)


def _settled(left: Left, offline: bool) -> bool:
    """Whether waiting longer could bring nothing."""
    return offline or left.unacked == 0 or left.service in (_core.SERVICE_UNREACHABLE, _core.SERVICE_OFFLINE)
