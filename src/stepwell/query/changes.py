"""What is new in runs since a cursor: found by the versions that writers give, so it needs no state in the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from . import sql
from .sources import MetricSource

__all__ = ["Cursor", "News", "catch_up", "news", "states_of"]

# version grows with every write of a rank, so the greatest seen says what has been seen of (kind, run, rank). The
# base tables are read, not the views: what a rewind hides was new once, and FINAL would cost more than the rest.
_KIND = """
SELECT '{kind}' AS kind, run, cityHash64('{kind}', run, rank) AS source, max(version) AS newest,
  count() AS points, {low} AS low, {high} AS high
FROM {kind} WHERE run IN {{runs:Array(UUID)}}
  AND version > transform(cityHash64('{kind}', run, rank),
                          {{sources:Array(UInt64)}}, {{versions:Array(UInt64)}}, toUInt64(0))
GROUP BY run, rank
"""
_STEPPED = {"low": "min(step)", "high": "max(step)"}
_NEWS = "SELECT kind, toString(run) AS uuid, source, newest, points, low, high FROM (" + (
    " UNION ALL ".join(
        [
            *(_KIND.format(kind=kind, **_STEPPED) for kind in ("scalars", "histograms", "texts")),
            _KIND.format(kind="console", low="toInt64(0)", high="toInt64(0)"),
        ]
    )
    + ")"
)

# Of points the rows beside them are read, one a metric and rank: they are written after the points, so that what they
# say has been seen is there to be seen.
_SOURCES = " UNION ALL ".join(
    f"SELECT cityHash64('{kind}', run, rank) AS source, max(version) AS newest "
    f"FROM {'lasts' if kind == 'scalars' else kind} WHERE run IN {{runs:Array(UUID)}} GROUP BY run, rank"
    for kind in ("scalars", "histograms", "texts", "console")
)


@dataclass
class Cursor:
    """The greatest version seen of each source (a kind of row, a run, a rank). Empty: everything is new."""

    seen: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class News:
    """Of one kind: how many rows were written, and between which steps they lie."""

    kind: str
    points: int
    from_step: int
    to_step: int


def catch_up(metrics: MetricSource, runs: Sequence[str], cursor: Cursor) -> None:
    """Moves the cursor to where these runs stand: what is there is not news. Reads no point."""
    for row in metrics.rows(_SOURCES, {"runs": list(runs)}):
        cursor.seen[int(row["source"])] = int(row["newest"])


def news(metrics: MetricSource, runs: Sequence[str], cursor: Cursor) -> dict[str, list[News]]:
    """By run what was written since `cursor`, which is moved on once all is read. One query, however many runs."""
    sources = {"sources": list(cursor.seen) or [0], "versions": list(cursor.seen.values()) or [0]}
    found: dict[tuple[str, str], News] = {}
    seen: dict[int, int] = {}
    for row in metrics.rows(_NEWS, {"runs": list(runs), **sources}):
        seen[int(row["source"])] = int(row["newest"])
        key = (str(row["uuid"]), str(row["kind"]))
        one = News(key[1], int(row["points"]), int(row["low"]), int(row["high"]))
        old = found.get(key, one)
        points = one.points + (old.points if old is not one else 0)
        found[key] = News(one.kind, points, min(old.from_step, one.from_step), max(old.to_step, one.to_step))
    cursor.seen.update(seen)
    by_run: dict[str, list[News]] = {}
    for (run, _), one in found.items():
        by_run.setdefault(run, []).append(one)
    return by_run


def states_of(metrics: MetricSource, runs: Sequence[str]) -> dict[str, str]:
    """Of those runs that have begun."""
    return {str(row["uuid"]): str(row["state"]) for row in metrics.rows(sql.STATES_OF, {"runs": list(runs)})}
