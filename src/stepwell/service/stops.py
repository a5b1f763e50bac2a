"""Requests to stop a run early: who is told, and when a request no longer counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Stop", "StopBoard"]

_STOPS_MAX = 10_000
_RUNS_MAX = 10_000  # a stream, in memory


@dataclass(frozen=True)
class Stop:
    run: bytes
    attempt: int  # the last attempt it is meant for: a resume after the request goes on
    reason: str


class StopBoard:
    """Holds requests for as long as the service lives, and tells each stream that carries the run once."""

    def __init__(self) -> None:
        self._stops: dict[bytes, Stop] = {}
        self._listeners: set[Listener] = set()

    def listen(self, tell: Callable[[Stop], None]) -> Listener:
        listener = Listener(self, tell)
        self._listeners.add(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def request(self, stop: Stop) -> int:
        """How many streams were told at once; others are told when they bring something of the run."""
        self._stops.pop(stop.run, None)
        while len(self._stops) >= _STOPS_MAX:
            del self._stops[next(iter(self._stops))]
        self._stops[stop.run] = stop
        return sum(listener.stop(stop) for listener in self._listeners)

    def of(self, run: bytes) -> Stop | None:
        return self._stops.get(run)


class Listener:
    """One stream's end."""

    def __init__(self, board: StopBoard, tell: Callable[[Stop], None]) -> None:
        self._board = board
        self._tell = tell
        self._runs: dict[bytes, Stop | None] = {}  # seen on this stream -> what it was told

    def saw(self, run: bytes, attempt: int) -> None:
        """The stream brought something of this run."""
        if run not in self._runs:
            while len(self._runs) >= _RUNS_MAX:
                del self._runs[next(iter(self._runs))]
            self._runs[run] = None
        stop = self._board.of(run)
        if stop and attempt <= stop.attempt and self._runs[run] is not stop:
            self._runs[run] = stop
            self._tell(stop)

    def stop(self, stop: Stop) -> bool:
        if stop.run not in self._runs:
            return False
        self._runs[stop.run] = stop
        self._tell(stop)
        return True

    def close(self) -> None:
        self._board.forget(self)
