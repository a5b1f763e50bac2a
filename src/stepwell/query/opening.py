"""What the page of a run needs before its first chart: the runs in view and the names of the metrics, in one answer.

Names need no point to be read whole: a repeat has the name that the row it repeats has. So this looks at one column,
not through the views, except for runs with a rewind. What each metric came to is `overview.metric_list`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..ids import run_uuid
from .overview import run_rows
from .sources import MetricSource

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

    Its questions go to the store side by side: a first chart waits for the longest of them, not for their sum.
    """
    uuids = [str(run_uuid(project, id)) for id in dict.fromkeys(ids)]
    with ThreadPoolExecutor(3) as ask:
        named = ask.submit(_names, metrics, uuids[0])
        found = ask.submit(metrics.rows, _RUNS, {"runs": uuids})
        counted = ask.submit(metrics.rows, _TOTAL, {"project": project})
        rows = {row["uuid"]: row for row in run_rows(metrics, [{"uuid": uuid} for uuid in uuids])}
        there = {row["uuid"]: row for row in found.result()}
    return {
        "runs": [{**rows[uuid], **there[uuid]} for uuid in uuids if uuid in there],
        "metrics": named.result() if uuids[0] in there else [],
        "total": counted.result()[0]["total"],
    }


def _names(metrics: MetricSource, uuid: str) -> list[dict[str, Any]]:
    run = {"run": uuid}
    [cut] = metrics.rows(_REWOUND, run)
    rows = metrics.rows(_NAMES.format("v_" if cut["rewinds"] else ""), run)
    return sorted(rows, key=lambda row: (row["name"], row["kind"]))
