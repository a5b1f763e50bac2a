"""How many points of a run are NaN or infinite, for the rows of a table: without reading the points that are finite.

The store keeps for each granule whether there is one (migrations/0008_nonfinite.sql), and reads, besides those that
have one, only what may hold a newer row of the same key. So a point that was written again, rewound or repeated counts
as it is seen. A count is of rows in view, never of a project: it costs what is not finite in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ids import run_uuid
from .sources import MetricSource

__all__ = ["nonfinite_counts"]

_METRICS_NAMED = 20  # of a run, those with most of them; how many more there are is said

# `isFinite(value) = 0` is the index's expression: said in another way it would not be used.
_COUNTS = """
SELECT uuid, name, nans, above, below, sum(nans) OVER of_run AS all_nans, sum(above) OVER of_run AS all_above,
  sum(below) OVER of_run AS all_below, count() OVER of_run AS metrics
FROM (
  SELECT toString(run) AS uuid, toString(metric) AS name, countIf(isNaN(value)) AS nans, countIf(value = inf) AS above,
    countIf(value = -inf) AS below
  FROM v_scalars WHERE run IN {runs:Array(UUID)} AND isFinite(value) = 0 GROUP BY run, metric)
WINDOW of_run AS (PARTITION BY uuid)
ORDER BY uuid, nans + above + below DESC, name LIMIT {named:UInt64} BY uuid
"""


def nonfinite_counts(metrics: MetricSource, project: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By id, of the runs that have any: {"nan", "above", "below", "of", "metrics": [[name, nan, above, below], ...]}.

    above, below: +Inf and -Inf. metrics: the 20 with most, of `of`; the sums are those of all.
    """
    runs = {str(run_uuid(project, id)): id for id in ids}
    if not runs:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for row in metrics.rows(_COUNTS, {"runs": list(runs), "named": _METRICS_NAMED}):
        counts = {"nan": row["all_nans"], "above": row["all_above"], "below": row["all_below"], "of": row["metrics"]}
        its = found.setdefault(runs[row["uuid"]], {**counts, "metrics": []})
        its["metrics"].append([row["name"], row["nans"], row["above"], row["below"]])
    return found
