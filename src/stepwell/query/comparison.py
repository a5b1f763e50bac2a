"""What the metrics of several runs came to, side by side: last, least, greatest, and at one step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .sources import MetricSource

__all__ = ["comparison"]

# Of the lowest rank that has the metric, as everywhere: the versions of two ranks do not compare.
_FIGURES = """
SELECT toString(metric) AS name, toString(run) AS uuid, count() AS points, max(step) AS last_step,
  argMax(value, version) AS last,
  ifNull(minOrNullIf(value, NOT isNaN(value)), nan) AS least, ifNull(maxOrNullIf(value, NOT isNaN(value)), nan) AS most,
  countIf(step <= {at:Int64}) AS before,
  argMaxIf(value, (step, version), step <= {at:Int64}) AS here, maxIf(step, step <= {at:Int64}) AS here_step
FROM v_scalars WHERE run IN {runs:Array(UUID)}
  AND (run, metric, rank) IN (
    SELECT run, metric, min(rank) FROM lasts WHERE run IN {runs:Array(UUID)} GROUP BY run, metric)
GROUP BY metric, run ORDER BY name
"""
_LAST_STEP = (1 << 63) - 1


def comparison(metrics: MetricSource, runs: Sequence[str], at: int | None = None) -> list[dict[str, Any]]:
    """By metric: {"name", "runs": {UUID: {"last", "min", "max", "step", "points", "at", "at_step"}}}.

    at: a step; "at" is the value at it, or at the nearest one before it; null where there is none. Numbers that JSON
    has no words for are texts.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in metrics.rows(_FIGURES, {"runs": list(runs), "at": _LAST_STEP if at is None else at}):
        there = int(row["before"]) > 0
        found.setdefault(row["name"], {})[row["uuid"]] = {
            "last": _shown(row["last"]),
            "min": _shown(row["least"]),
            "max": _shown(row["most"]),
            "step": int(row["last_step"]),
            "points": int(row["points"]),
            "at": _shown(row["here"]) if there else None,
            "at_step": int(row["here_step"]) if there else None,
        }
    return [{"name": name, "runs": figures} for name, figures in found.items()]


def _shown(value: float) -> float | str:
    text = json.dumps(value)
    return text if text in ("NaN", "Infinity", "-Infinity") else value
