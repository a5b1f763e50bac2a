"""What the page of a run needs before its first chart: the runs in view and the names of the metrics, in one answer.

Names need no point to be read whole: a repeat has the name that the row it repeats has. So this looks at one column,
not through the views, except for runs with a rewind. What each metric came to is `overview.metric_list`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ids import run_uuid
from .local import MetricSource
from .overview import run_rows

__all__ = ["opening"]

_RUNS = """
SELECT toString(run) AS uuid, id, toUnixTimestamp64Milli(created) AS created FROM v_runs
WHERE run IN {runs:Array(UUID)}
"""

_TOTAL = "SELECT count() AS total FROM v_runs WHERE project = {project:String}"

_NAMES = """
SELECT DISTINCT toString(metric) AS name, 'scalar' AS kind, toInt64(0) AS step FROM {0}lasts WHERE run = {{run:UUID}}
UNION ALL SELECT toString(metric), 'text', toInt64(0) FROM {0}texts WHERE run = {{run:UUID}} GROUP BY metric
UNION ALL SELECT toString(metric), 'histogram', max(step) FROM {0}histograms WHERE run = {{run:UUID}} GROUP BY metric
"""

_REWOUND = "SELECT count() AS rewinds FROM rewinds WHERE run = {run:UUID}"


def opening(metrics: MetricSource, project: str, ids: Sequence[str]) -> dict[str, Any]:
    """runs: those that there are, in the order asked. metrics: name and kind of each metric of the first, by name, with
    the last step of histograms. total: how many runs the project has.
    """
    uuids = [str(run_uuid(project, id)) for id in ids]
    runs = {row["uuid"]: row for row in run_rows(metrics, metrics.rows(_RUNS, {"runs": uuids}))}
    named: list[dict[str, Any]] = []
    if uuids and uuids[0] in runs:
        first = {"run": uuids[0]}
        [cut] = metrics.rows(_REWOUND, first)
        named = metrics.rows(_NAMES.format("v_" if cut["rewinds"] else ""), first)
    [counted] = metrics.rows(_TOTAL, {"project": project})
    return {
        "runs": [runs[uuid] for uuid in dict.fromkeys(uuids) if uuid in runs],
        "metrics": sorted(named, key=lambda row: (row["name"], row["kind"])),
        "total": counted["total"],
    }
