"""Points and events put straight into a store."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from stepwell.stores.metrics import MetricStore

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TENTH = timedelta(milliseconds=100)
COLUMNS = ("run", "metric", "rank", "step", "at", "time", "value", "version")
EVENT_COLUMNS = ("run", "writer", "row_seq", "rank", "attempt", "kind", "step", "time", "body", "version")


def record(
    store: MetricStore,
    run: str,
    metric: str,
    values: Sequence[float],
    rank: int = 0,
    start: int = 0,
    *,
    every: int = 1,
    attempt: int = 0,
    late_ms: int = 0,
) -> None:
    """A value at `start`, `start + every`, ...; each step a tenth of a second after the one before."""
    rows = [
        (
            uuid.UUID(run),
            metric,
            rank,
            start + index * every,
            0,
            EPOCH + (start + index * every) * TENTH + timedelta(milliseconds=late_ms),
            value,
            (attempt << 34) + start + index + 1_000,
        )
        for index, value in enumerate(values)
    ]
    store.insert_rows("scalars", COLUMNS, rows)


def event(store: MetricStore, run: str, attempt: int, kind: str, ms: int, rank: int = 0) -> None:
    time = EPOCH + timedelta(milliseconds=ms)
    order = ("start", "alive", "crash", "finish").index(kind)
    row = (uuid.UUID(run), attempt * 10 + rank, order, rank, attempt, kind, 0, time, "{}", (attempt << 34) + order)
    store.insert_rows("events", EVENT_COLUMNS, [row])
