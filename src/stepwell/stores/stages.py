"""What each stage of taking blocks in has cost: CPU of the thread that was in it. The service shows it at /metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["STAGES", "Stages"]

STAGES = ("receive", "decode", "build", "insert", "ack")
"""In the order in which a block goes through them. insert: of our own thread, not of the engine's."""


class Stages:
    """Thread-safe; a look at the clock costs less than a microsecond, once or twice a block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def spent(self, stage: str) -> Iterator[None]:
        """Counts what the block costs this thread; nothing may be awaited in it."""
        begin = time.thread_time()
        try:
            yield
        finally:
            seconds = time.thread_time() - begin
            with self._lock:
                self._seconds[stage] += seconds

    def seconds(self) -> Mapping[str, float]:
        """So far, by stage."""
        with self._lock:
            return dict(self._seconds)
