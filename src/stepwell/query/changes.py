"""What is new in a run since a cursor: found by the versions that writers give, so it needs no state in the service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import sql
from .local import MetricSource

__all__ = ["Cursor", "News", "news", "state_of"]

# version grows with every write of a rank, so a rank's greatest says what has been seen of it.
_NEW = """
SELECT rank, max(version) AS version, min(step) AS from_step, max(step) AS to_step, count() AS points
FROM {0} WHERE run = {{run:UUID}} AND version > transform(rank, {{ranks:Array(UInt32)}}, {{versions:Array(UInt64)}}, toUInt64(0))
GROUP BY rank
"""
_CONSOLE = """
SELECT rank, max(version) AS version, toInt64(0) AS from_step, toInt64(0) AS to_step, count() AS points
FROM console WHERE run = {run:UUID} AND version > transform(rank, {ranks:Array(UInt32)}, {versions:Array(UInt64)}, toUInt64(0))
GROUP BY rank
"""
_KINDS = {
    "scalars": _NEW.format("scalars"),
    "histograms": _NEW.format("histograms"),
    "texts": _NEW.format("texts"),
    "console": _CONSOLE,
}


@dataclass
class Cursor:
    """The greatest version seen of each rank, for each kind of row. Empty: everything is new."""

    seen: dict[str, dict[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """Of one kind: how many rows were written, and between which steps they lie."""

    kind: str
    points: int
    from_step: int
    to_step: int


def news(metrics: MetricSource, run: str, cursor: Cursor) -> list[News]:
    """What was written since `cursor`, which is moved on."""
    found = []
    for kind, query in _KINDS.items():
        seen = cursor.seen.setdefault(kind, {})
        ranks = {"ranks": list(seen) or [0], "versions": list(seen.values()) or [0]}
        rows = metrics.rows(query, {"run": run, **ranks})
        if rows:
            seen |= {int(row["rank"]): int(row["version"]) for row in rows}
            steps = [(int(row["from_step"]), int(row["to_step"])) for row in rows]
            points = sum(int(row["points"]) for row in rows)
            found.append(News(kind, points, min(low for low, _ in steps), max(high for _, high in steps)))
    return found


def state_of(metrics: MetricSource, run: str) -> str:
    rows: list[dict[str, Any]] = metrics.rows(sql.STATES_OF, {"runs": [run]})
    return str(rows[0]["state"]) if rows else "unknown"
