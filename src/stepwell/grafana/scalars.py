"""SQL of scalars: one metric of a run or of several, over steps, over the time since the start, over the clock.

At most POINTS buckets of equal width, each with its mean, least and greatest, so that no spike is hidden; with fewer
steps a bucket is a step. What is not finite spoils no bucket: it is counted in the table of metrics.
"""

from __future__ import annotations

from .text import LABELS, METRIC, METRICS, RUN, RUNS, STEPS

__all__ = [
    "COMPARED_SECONDS",
    "COMPARED_STEPS",
    "LASTS_COMPARED",
    "METRIC_TABLE",
    "OVER_SECONDS",
    "OVER_STEPS",
    "OVER_TIME",
]

POINTS = 1000  # more than a panel has pixels for

_SUMMED = """avgOrNullIf(value, isFinite(value)) AS mean, minOrNullIf(value, isFinite(value)) AS least,
  maxOrNullIf(value, isFinite(value)) AS greatest"""

_CHOSEN = f"FROM v_scalars WHERE {RUN} AND {METRIC} AND {STEPS}"

# Over all ranks. A bucket is drawn at its first step.
OVER_STEPS = f"""
WITH
  (SELECT (min(step), max(step)) {_CHOSEN}) AS ends,
  intDiv(ends.2 - ends.1, {POINTS}) + 1 AS width
SELECT min(s) AS step, {_SUMMED}
FROM (SELECT step AS s, value, intDiv(step - ends.1, width) AS bucket {_CHOSEN})
GROUP BY bucket ORDER BY bucket
"""

# A run that was brought along may have no start; then its first point is one.
OVER_SECONDS = f"""
WITH
  (SELECT min(time) FROM (SELECT time FROM v_events WHERE {RUN} UNION ALL SELECT time {_CHOSEN})) AS began,
  (SELECT dateDiff('millisecond', began, max(time)) {_CHOSEN}) AS lasted,
  intDiv(lasted, {POINTS}) + 1 AS width
SELECT min(ms) / 1000 AS seconds, {_SUMMED}
FROM (SELECT dateDiff('millisecond', began, time) AS ms, value, intDiv(ms, width) AS bucket {_CHOSEN})
GROUP BY bucket ORDER BY bucket
"""

OVER_TIME = f"""
SELECT $__timeInterval_ms(time) AS t, {_SUMMED}
{_CHOSEN} AND $__timeFilter_ms(time)
GROUP BY t ORDER BY t
"""

METRIC_TABLE = f"""
SELECT toString(metric) AS name, count() AS points, uniqExact(rank) AS ranks, min(step) AS first, max(step) AS last,
  argMax(value, (step, -toInt64(rank), version)) AS latest, minOrNullIf(value, isFinite(value)) AS least,
  maxOrNullIf(value, isFinite(value)) AS greatest, countIf(NOT isFinite(value)) AS odd
FROM v_scalars WHERE {RUN} AND {METRICS} AND {STEPS}
GROUP BY metric ORDER BY name
"""

# --- several runs: a row a bucket and run, which the panel makes a column a run of. All runs share their buckets.

_COMPARED = f"FROM v_scalars WHERE {RUNS} AND {METRIC} AND {STEPS}"

COMPARED_STEPS = f"""
WITH
  (SELECT (min(step), max(step)) {_COMPARED}) AS ends,
  intDiv(ends.2 - ends.1, {POINTS}) + 1 AS width
SELECT min(p.first) OVER (PARTITION BY p.bucket) AS step, l.label AS run, p.mean AS value
FROM (
  SELECT run, bucket, min(s) AS first, avgOrNullIf(value, isFinite(value)) AS mean
  FROM (SELECT run, step AS s, value, intDiv(step - ends.1, width) AS bucket {_COMPARED})
  GROUP BY run, bucket) AS p
INNER JOIN ({LABELS} WHERE {RUNS}) AS l ON p.run = l.run
ORDER BY step, l.created, run
"""

COMPARED_SECONDS = f"""
WITH
  (SELECT max(span) FROM (
    SELECT dateDiff('millisecond', min(time), max(time)) AS span {_COMPARED} GROUP BY run)) AS longest,
  intDiv(longest, {POINTS}) + 1 AS width
SELECT p.bucket * width / 1000 AS seconds, l.label AS run, p.mean AS value
FROM (
  SELECT run, intDiv(dateDiff('millisecond', b.began, s.time), width) AS bucket,
    avgOrNullIf(s.value, isFinite(s.value)) AS mean
  FROM (SELECT run, time, value {_COMPARED}) AS s
  INNER JOIN (SELECT run, min(time) AS began {_COMPARED} GROUP BY run) AS b ON s.run = b.run
  GROUP BY run, bucket) AS p
INNER JOIN ({LABELS} WHERE {RUNS}) AS l ON p.run = l.run
ORDER BY seconds, l.created, run
"""

LASTS_COMPARED = f"""
SELECT toString(p.metric) AS name, l.label AS run, p.latest AS value
FROM (
  SELECT metric, run, argMax(value, (step, -toInt64(rank))) AS latest
  FROM v_lasts WHERE {METRICS} AND {RUNS} GROUP BY metric, run) AS p
INNER JOIN ({LABELS} WHERE {RUNS}) AS l ON p.run = l.run
ORDER BY name, l.created, run
"""
