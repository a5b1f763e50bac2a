"""Which shard of a cluster a run lies on: chosen at its first row and kept, so that new shards move nothing."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from itertools import accumulate
from typing import Any

from ..errors import StoreUnavailable
from .cluster import SHARDS_TABLE

__all__ = ["HOME_SHARD", "ShardMap"]

HOME_SHARD = 1  # keeps the table of all runs' shards, and what is of no run
_KNOWN_MAX = 100_000

# Two services may meet a new run in the same moment with different ideas of the cluster: the first to write wins.
_LOOK_UP = f"SELECT argMin(shard, (assigned, shard)) AS shard FROM {SHARDS_TABLE} WHERE run = {{run:UUID}}"
_WEIGHTS = (
    "SELECT shard_num, any(shard_weight) AS weight FROM system.clusters WHERE cluster = {cluster:String} "
    "GROUP BY shard_num ORDER BY shard_num"
)


class ShardMap:
    """Thread-safe. rows, insert: of the store."""

    def __init__(
        self,
        cluster: str,
        rows: Callable[[str, Mapping[str, Any]], list[dict[str, Any]]],
        insert: Callable[[int, str, Sequence[str], Sequence[Sequence[Any]]], None],
    ) -> None:
        self._cluster, self._rows, self._insert = cluster, rows, insert
        self._known: dict[uuid.UUID, int] = {}
        self._lock = threading.Lock()

    def of(self, run: uuid.UUID) -> int:
        """From 1. Raises StoreError where the cluster cannot be asked: then nothing is known, and nothing guessed."""
        with self._lock:
            shard = self._known.get(run)
            if shard is None:
                shard = self._look_up(run) or self._assign(run)
                if len(self._known) >= _KNOWN_MAX:
                    self._known.clear()
                self._known[run] = shard
            return shard

    def _look_up(self, run: uuid.UUID) -> int:
        return int(self._rows(_LOOK_UP, {"run": str(run)})[0]["shard"])

    def _assign(self, run: uuid.UUID) -> int:
        weights = [
            (int(row["shard_num"]), int(row["weight"])) for row in self._rows(_WEIGHTS, {"cluster": self._cluster})
        ]
        total = sum(weight for _, weight in weights)
        if not total:
            raise StoreUnavailable(
                f"the server knows no cluster {self._cluster!r} with a shard that takes rows; see system.clusters"
            )
        place = (run.int >> 96) % total
        ends = accumulate(weight for _, weight in weights)
        shard = next(number for (number, _), end in zip(weights, ends, strict=True) if place < end)
        self._insert(HOME_SHARD, SHARDS_TABLE, ("run", "shard", "assigned"), [[run, shard, datetime.now(timezone.utc)]])
        return self._look_up(run)
