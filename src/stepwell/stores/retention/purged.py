"""Which runs were purged, as ingest has to know: so that a late spool does not bring one back.

A tombstone holds for the attempts that began before the purge. An attempt that begins after it is a new life of the
same id: it is taken in, and the run shows again, with nothing of what was before.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from .purge import delete_rows_of
from .records import RetentionStore
from .states import PURGED, RENEWED, put, removals_by_uuid

__all__ = ["PurgedRuns"]

# Replicas write their own clocks' versions: what another wrote a little while ago may have come since.
_OVERLAP_US = 3600 * 1_000_000

_NEWS = """
SELECT run, toString(state) AS state, attempt, version FROM removals FINAL WHERE version >= {since:UInt64}
"""


class _IngestStore(RetentionStore, Protocol):
    def rows_for_insert(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]: ...


class PurgedRuns:
    """Thread-safe. Looks at the store at most once in `refresh_s`, and then only at what is new."""

    def __init__(self, store: _IngestStore, refresh_s: float) -> None:
        self._store = store
        self._refresh_s = refresh_s
        self._known: dict[uuid.UUID, tuple[str, int]] = {}
        self._seen = 0
        self._looked: float | None = None
        self._lock = threading.Lock()

    def refresh(self) -> bool:
        """Whether any run was ever purged. Raises StoreError where the store cannot tell."""
        with self._lock:
            now = time.monotonic()
            if self._looked is None or now - self._looked >= self._refresh_s:
                for row in self._store.rows_for_insert(_NEWS, {"since": max(0, self._seen - _OVERLAP_US)}):
                    self._learn(uuid.UUID(str(row["run"])), str(row["state"]), int(row["attempt"]))
                    self._seen = max(self._seen, int(row["version"]))
                self._looked = now
            return bool(self._known)

    def discards(self, run: uuid.UUID, attempt: int) -> bool:
        """Whether what this attempt of the run has sent is to be dropped. Knows what the last `refresh` found."""
        known = self._known.get(run)
        return known is not None and attempt <= known[1]

    def welcome(self, run: uuid.UUID, attempt: int) -> None:
        """Before something of this attempt is stored: where the run was purged earlier, it begins anew."""
        known = self._known.get(run)
        if known is None or known[0] != PURGED or attempt <= known[1]:
            return
        with self._lock:
            was = removals_by_uuid(self._store, [run])[run]
            if was.state == PURGED and attempt > was.attempt:
                # What another ingest stored of the old life before it knew of the purge must not show again.
                delete_rows_of(self._store, [run], was.attempt)
                put(self._store, {run: (was, RENEWED, was.attempt)}, who="", reason=f"attempt {attempt} began anew")
                was = removals_by_uuid(self._store, [run])[run]
            self._learn(run, was.state, was.attempt)

    def _learn(self, run: uuid.UUID, state: str, attempt: int) -> None:
        if attempt:
            self._known[run] = (state, attempt)
        else:  # in the trash at most; or a purge that gave way to a hold
            self._known.pop(run, None)
