"""When each attempt of a run lived, for axes that leave out the time between them and for the ticks of resumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .sources import MetricSource

__all__ = ["Attempt", "attempts", "first_steps"]

# Ranks begin and end apart: an attempt lasts from its first start to its last end. `ended` is 0 while it lives.
_ATTEMPTS = """
SELECT toString(run) AS uuid, attempt, toUnixTimestamp64Milli(min(time)) AS started,
  if(countIf(kind = 'start') > countIf(kind IN ('finish', 'crash')), 0, toUnixTimestamp64Milli(max(time))) AS ended
FROM v_events WHERE run IN {runs:Array(UUID)} AND kind IN ('start', 'finish', 'crash')
GROUP BY run, attempt HAVING countIf(kind = 'start') > 0 ORDER BY run, started, attempt
"""

# A host that lost its power tells of the crash when it is up again, so what an attempt wrote says when it ended.
# The base table is read: what a rewind hides was written all the same. `attempt` is the top of `version`.
_WRITTEN = """
SELECT toString(run) AS uuid, bitShiftRight(version, 34) AS attempt, toUnixTimestamp64Milli(max(time)) AS last
FROM scalars WHERE run IN {runs:Array(UUID)} GROUP BY run, attempt
"""

_FIRST = """
SELECT toString(run) AS uuid, min(step) AS step FROM v_scalars WHERE run IN {runs:Array(UUID)} GROUP BY run
"""


@dataclass(frozen=True)
class Attempt:
    """Times in ms since 1970; ended: None while it lives, and never after the start of the next."""

    started: int
    ended: int | None


def attempts(metrics: MetricSource, runs: Sequence[str]) -> dict[str, list[Attempt]]:
    """By run (UUID), in order of their start; a run of which no start was seen has none."""
    found: dict[str, list[dict[str, int]]] = {}
    for row in metrics.rows(_ATTEMPTS, {"runs": list(runs)}):
        found.setdefault(row["uuid"], []).append({k: int(row[k]) for k in ("attempt", "started", "ended")})
    several = [run for run, rows in found.items() if len(rows) > 1]
    written: dict[tuple[str, int], int] = {}
    if several:
        rows = metrics.rows(_WRITTEN, {"runs": several})
        written = {(row["uuid"], int(row["attempt"])): int(row["last"]) for row in rows}
    return {run: _lives(run, rows, written) for run, rows in found.items()}


def _lives(run: str, rows: list[dict[str, int]], written: dict[tuple[str, int], int]) -> list[Attempt]:
    lives = []
    for place, row in enumerate(rows):
        after = rows[place + 1]["started"] if place + 1 < len(rows) else None
        ended = row["ended"] or None
        if after is not None:
            last = written.get((run, row["attempt"]))
            ends = [after, *(end for end in (ended, last) if end is not None)]
            ended = max(row["started"], min(ends))
        lives.append(Attempt(row["started"], ended))
    return lives


def first_steps(metrics: MetricSource, runs: Sequence[str]) -> dict[str, int]:
    """By run (UUID) the least step of any scalar: where a relative step begins to count."""
    return {row["uuid"]: int(row["step"]) for row in metrics.rows(_FIRST, {"runs": list(runs)})}
