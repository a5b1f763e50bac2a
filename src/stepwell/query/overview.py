"""What the page's lists need, in columns and without what they do not show: projects, runs, names of metrics.

A run's whole record (environment, diffs) is the reader's business; ten thousand runs of it would be gigabytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from . import sql
from .filter_sql import condition
from .filters import parse
from .local import MetricSource

__all__ = ["last_values", "metric_list", "projects", "run_rows", "run_table", "text_series"]

_PROJECTS = """
SELECT p.project AS project, p.runs AS runs, p.created AS created FROM (
  SELECT project, count() AS runs, toUnixTimestamp64Milli(max(created)) AS created FROM v_runs GROUP BY project) AS p
ORDER BY created DESC
"""

_RUNNING = (
    "SELECT r.project AS project, count() AS running FROM (" + sql.STATES + ") AS s "
    "INNER JOIN v_runs AS r ON s.run = r.run WHERE s.state = 'running' GROUP BY project"
)

_COUNT = "SELECT count() AS total, countIf({0}) AS found FROM v_runs WHERE project = {{project:String}}"

_RUNS = """
SELECT toString(run) AS uuid, id, toUnixTimestamp64Milli(created) AS created FROM v_runs
WHERE project = {{project:String}} AND {0} ORDER BY created DESC, id LIMIT {{limit:UInt64}}
"""

# A field as large as a diff or a list of packages is no column; what is not shown in the table is not sent.
_FIELDS = """
SELECT toString(run) AS uuid, key, str FROM v_fields
WHERE run IN {runs:Array(UUID)} AND length(str) <= 2000
  AND (key IN ('name', 'tags', 'notes', 'group', 'job_type', 'experiment', 'env/user', 'env/host', 'env/git/commit')
       OR startsWith(key, 'config/') OR startsWith(key, 'summary/'))
"""

_METRICS_OF_PROJECT = """
SELECT DISTINCT toString(metric) AS name FROM lasts
WHERE run IN (SELECT run FROM v_runs WHERE project = {project:String}) ORDER BY name
"""

_LAST = """
SELECT toString(run) AS uuid, toString(metric) AS name, argMin(value, rank) AS value
FROM v_lasts WHERE run IN (SELECT run FROM v_runs WHERE project = {project:String})
  AND metric IN {metrics:Array(String)} GROUP BY run, metric
"""

_METRICS = """
SELECT toString(metric) AS name, 'scalar' AS kind, count() AS points, countIf(NOT isFinite(value)) AS bad,
  uniqExact(rank) AS ranks, max(step) AS step, argMax(value, (-toInt64(rank), version)) AS last
FROM v_scalars WHERE run = {run:UUID} GROUP BY metric
UNION ALL SELECT toString(metric), 'text', count(), 0, uniqExact(rank), max(step), nan
FROM v_texts WHERE run = {run:UUID} GROUP BY metric
UNION ALL SELECT toString(metric), 'histogram', count(), 0, uniqExact(rank), max(step), nan
FROM v_histograms WHERE run = {run:UUID} GROUP BY metric
"""

_TEXTS = """
SELECT step, rank, toUnixTimestamp64Milli(time) AS ms, substring(value, 1, 200000) AS value FROM v_texts
WHERE run = {run:UUID} AND metric = {metric:String} ORDER BY step DESC, rank LIMIT {limit:UInt64}
"""


def projects(metrics: MetricSource) -> list[dict[str, Any]]:
    """Those with the newest run first: project, runs, running, created (ms)."""
    running = {row["project"]: int(row["running"]) for row in metrics.rows(_RUNNING)}
    return [{**row, "running": running.get(row["project"], 0)} for row in metrics.rows(_PROJECTS)]


def run_table(
    metrics: MetricSource, project: str, *, filters: str | None = None, limit: int = 10_000
) -> dict[str, Any]:
    """The newest `limit` runs that pass the filter, how many there are, and the names of their metrics.

    Fields go as the JSON text they are stored as, by key. Raises FilterError.
    """
    where, parameters = condition(parse(filters)) if filters else ("1", {})
    parameters |= {"project": project}
    [counts] = metrics.rows(_COUNT.format(where), parameters)
    found = metrics.rows(_RUNS.format(where), {**parameters, "limit": limit})
    runs = run_rows(metrics, found)
    names = [row["name"] for row in metrics.rows(_METRICS_OF_PROJECT, {"project": project})]
    return {"total": counts["total"], "found": counts["found"], "metrics": names, "runs": runs}


def run_rows(metrics: MetricSource, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `uuid`, `id` and `created` with state, times, ranks and the fields that lists show."""
    runs: dict[str, dict[str, Any]] = {row["uuid"]: {**row, "state": "unknown", "fields": {}} for row in found}
    if runs:
        every = {"runs": list(runs)}
        for row in metrics.rows(sql.STATES_OF, every):
            ended = None if row["state"] == "running" else _ms(row["ended"])
            state = {"state": row["state"], "started": _ms(row["started"]), "ended": ended, "ranks": row["ranks"]}
            runs[row["uuid"]] |= state
        for row in metrics.rows(_FIELDS, every):
            runs[row["uuid"]]["fields"][row["key"]] = row["str"]
    return list(runs.values())


def last_values(metrics: MetricSource, project: str, names: Sequence[str]) -> dict[str, dict[str, float | str]]:
    """By run (UUID) the last value of each of these metrics, of its lowest rank; non-finite ones as text."""
    values: dict[str, dict[str, float | str]] = {}
    for row in metrics.rows(_LAST, {"project": project, "metrics": list(names)}):
        values.setdefault(row["uuid"], {})[row["name"]] = _shown(row["value"])
    return values


def metric_list(metrics: MetricSource, run: str) -> list[dict[str, Any]]:
    """By name; `bad` counts points that are NaN or infinite."""
    rows = metrics.rows(_METRICS, {"run": run})
    for row in rows:
        row["last"] = _shown(row["last"]) if row["kind"] == "scalar" else None
    return sorted(rows, key=lambda row: (row["name"], row["kind"]))


def text_series(metrics: MetricSource, run: str, metric: str, limit: int = 500) -> list[dict[str, Any]]:
    """The newest texts first; a value that is a JSON document (a matrix) stays the text it is."""
    return metrics.rows(_TEXTS, {"run": run, "metric": metric, "limit": limit})


def _shown(value: float) -> float | str:
    """JSON has no NaN."""
    text = json.dumps(value)
    return text if text in ("NaN", "Infinity", "-Infinity") else value


def _ms(time: Any) -> int:
    from .local import utc

    return round(utc(time).timestamp() * 1000)
