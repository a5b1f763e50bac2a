"""What the page's lists need beside the table of runs: projects, the metrics of a run, its texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from . import sql
from .local import utc
from .sources import MetricSource

__all__ = ["find_runs", "metric_list", "projects", "run_rows", "text_series"]

_PROJECTS = """
SELECT p.project AS project, p.runs AS runs, p.created AS created FROM (
  SELECT project, count() AS runs, toUnixTimestamp64Milli(max(created)) AS created FROM v_runs GROUP BY project) AS p
ORDER BY created DESC
"""

_RUNNING = (
    "SELECT r.project AS project, count() AS running FROM (" + sql.STATES + ") AS s "
    "INNER JOIN v_runs AS r ON s.run = r.run WHERE s.state = 'running' GROUP BY project"
)

_WORDS_MAX = 10

_FOUND = """
SELECT toString(run) AS uuid, id, toUnixTimestamp64Milli(created) AS created, count() OVER () AS found FROM v_runs
WHERE project = {{project:String}} AND {0} ORDER BY created DESC, id LIMIT {{limit:UInt64}}
"""

# JSON may spell a letter by its number.
_SAID = "if(startsWith(str, '\"'), JSONExtractString(str), arrayStringConcat(JSONExtract(str, 'Array(String)'), ' '))"

_HAS_WORD = (
    "(positionCaseInsensitiveUTF8(id, {0}) > 0 OR run IN (SELECT run FROM v_fields "
    "WHERE key IN ('name', 'tags', 'env/user') AND positionCaseInsensitiveUTF8(" + _SAID + ", {0}) > 0))"
)

# A field as large as a diff or a list of packages is no column; what is not shown in the lists is not sent. The table
# is ordered by key, so these rows lie all over it: to read it through its view, which merges before it looks for a
# run, takes four times as long as to take the newest of what these runs have written.
_FIELDS = """
SELECT toString(run) AS uuid, key, argMax(str, version) AS value FROM fields
WHERE run IN {runs:Array(UUID)}
  AND (key IN ('name', 'tags', 'notes', 'colour', 'group', 'job_type', 'experiment', 'env/user', 'env/host',
               'env/git/commit')
       OR startsWith(key, 'config/') OR startsWith(key, 'summary/'))
GROUP BY run, key HAVING value != '' AND length(value) <= 2000 ORDER BY key
"""

# By rank first, as sql.METRICS.
_METRICS = """
SELECT toString(metric) AS name, 'scalar' AS kind, sum(n) AS points, sum(odd) AS bad, count() AS ranks,
  max(final) AS step, argMin(newest, rank) AS last
FROM (
  SELECT metric, rank, count() AS n, countIf(NOT isFinite(value)) AS odd, max(step) AS final,
    argMax(value, version) AS newest
  FROM v_scalars WHERE run = {run:UUID} GROUP BY metric, rank)
GROUP BY metric
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


def run_rows(metrics: MetricSource, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `uuid`, `id` and `created` with state, times, ranks and the fields that lists show. Of runs that are
    there: one that has been purged may still have fields.
    """
    runs: dict[str, dict[str, Any]] = {row["uuid"]: {**row, "state": "unknown", "fields": {}} for row in found}
    if runs:
        every = {"runs": list(runs)}
        for row in metrics.rows(sql.STATES_OF, every):
            ended = None if row["state"] == "running" else _ms(row["ended"])
            state = {"state": row["state"], "started": _ms(row["started"]), "ended": ended}
            state |= {"ranks": row["ranks"], "attempts": row["attempts"]}
            runs[row["uuid"]] |= state
        for row in metrics.rows(_FIELDS, every):
            runs[row["uuid"]]["fields"][row["key"]] = row["value"]
    return list(runs.values())


def find_runs(metrics: MetricSource, project: str, text: str, limit: int = 100) -> dict[str, Any]:
    """The newest runs in whose id, name, tags or user every word of the text is found, in any case; and how many."""
    parameters: dict[str, Any] = {"project": project, "limit": limit}
    conditions = ["1"]
    for number, word in enumerate(text.split()[:_WORDS_MAX]):
        parameters[f"word{number}"] = word
        conditions.append(_HAS_WORD.format(f"{{word{number}:String}}"))
    found = metrics.rows(_FOUND.format(" AND ".join(conditions)), parameters)
    count = int(found[0]["found"]) if found else 0
    for row in found:
        del row["found"]
    return {"found": count, "runs": run_rows(metrics, found)}


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
    return round(utc(time).timestamp() * 1000)
