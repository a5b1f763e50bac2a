"""Every query that reading makes. All go through the views, which hide trash, rewound points and repeats.

Names in braces are bound parameters; nothing a user wrote is ever pasted in. `{0}` in a text that is
formatted stands for a condition that filter_sql or local.py made of constants and bound parameters.
"""

from __future__ import annotations

__all__ = [
    "AFTER",
    "CONSOLE",
    "CUTS",
    "CUT_RUNS",
    "EVENTS",
    "FIELDS",
    "HISTOGRAMS",
    "LAST",
    "LAST_ATTEMPT",
    "LAST_STEP",
    "METRICS",
    "METRIC_NAMES",
    "POINTS",
    "POINT_COUNTS",
    "RUNS",
    "STATES",
    "STATES_IN",
    "STATES_OF",
    "SYSTEM",
    "SYSTEM_LAST",
    "TEXTS",
    "UNCUT",
]

# --- runs

RUNS = """
SELECT toString(run) AS uuid, project, id, created FROM v_runs
WHERE {0} ORDER BY created DESC, project, id LIMIT {{limit:UInt64}} OFFSET {{offset:UInt64}}
"""

# A rank is what its latest attempt came to. `finish` outranks `crash` in one attempt: an agent that came late
# may take a process for dead that had finished. A rank whose last attempt ended before the newest one
# began (a resume with fewer ranks) no longer counts, unless it is of that attempt: a short rank may be done
# before another has begun. `{0}` is a further condition on the events that are read.
STATES_IN = """
SELECT run,
  multiIf(countIf(last.1 IN ('start', 'alive')) > 0, 'running', countIf(last.1 = 'crash') > 0, 'crashed',
          countIf(last.3 != 0) > 0, 'failed', 'finished') AS state,
  min(first) AS started, max(last.2) AS ended, max(lives) AS attempts, count() AS ranks
FROM (
  SELECT *, max(began) OVER (PARTITION BY run) AS newest, max(attempt_of_rank) OVER (PARTITION BY run) AS latest FROM (
    SELECT run, rank, uniqExact(attempt) AS lives, max(attempt) AS attempt_of_rank,
      minIf(time, kind = 'start') AS first, maxIf(time, kind = 'start') AS began,
      argMax((toString(kind), time, JSONExtractInt(body, 'exit_code')),
             (attempt, kind = 'finish', version, kind = 'alive')) AS last
    FROM v_events WHERE kind IN ('start', 'finish', 'crash', 'alive') {0} GROUP BY run, rank))
WHERE last.1 IN ('start', 'alive') OR last.2 >= newest OR attempt_of_rank = latest
GROUP BY run
"""

STATES = (
    "SELECT r.run AS run, if(s.state = '', 'unknown', s.state) AS state "
    "FROM v_runs AS r LEFT JOIN (" + STATES_IN.format("") + ") AS s ON r.run = s.run"
)

STATES_OF = (
    "SELECT toString(run) AS uuid, state, started, ended, attempts, ranks FROM ("
    + STATES_IN.format("AND run IN {runs:Array(UUID)}")
    + ")"
)

FIELDS = """
SELECT toString(run) AS uuid, key, str FROM v_fields WHERE run IN {runs:Array(UUID)} ORDER BY key
"""

# The last value written, by the lowest rank that has the metric: the versions of two ranks do not compare.
LAST = """
SELECT toString(run) AS uuid, toString(metric) AS name, argMin(value, rank) AS value
FROM v_lasts WHERE run IN {runs:Array(UUID)} GROUP BY run, metric ORDER BY name
"""

LAST_STEP = """
SELECT count() AS points, max(step) AS step FROM (
  SELECT step FROM v_scalars WHERE run = {run:UUID} AND rank = {rank:UInt32}
  UNION ALL SELECT step FROM v_texts WHERE run = {run:UUID} AND rank = {rank:UInt32}
  UNION ALL SELECT step FROM v_histograms WHERE run = {run:UUID} AND rank = {rank:UInt32})
"""

LAST_ATTEMPT = "SELECT max(attempt) AS attempt FROM v_events WHERE run = {run:UUID}"

# --- series

# By rank first: one number a group to compare by and nothing to hash, five times less than from all points at once.
METRICS = """
SELECT toString(metric) AS name, 'scalar' AS kind, sum(n) AS points, count() AS ranks,
  min(first) AS first_step, max(final) AS last_step, argMin(newest, rank) AS last,
  ifNull(min(low), nan) AS min, ifNull(max(high), nan) AS max
FROM (
  SELECT metric, rank, count() AS n, min(step) AS first, max(step) AS final, argMax(value, version) AS newest,
    minOrNullIf(value, NOT isNaN(value)) AS low, maxOrNullIf(value, NOT isNaN(value)) AS high
  FROM v_scalars WHERE run = {run:UUID} GROUP BY metric, rank)
GROUP BY metric
UNION ALL
SELECT toString(metric), 'text', count(), uniqExact(rank), min(step), max(step), nan, nan, nan
FROM v_texts WHERE run = {run:UUID} GROUP BY metric
UNION ALL
SELECT toString(metric), 'histogram', count(), uniqExact(rank), min(step), max(step), nan, nan, nan
FROM v_histograms WHERE run = {run:UUID} GROUP BY metric
"""

# How often these runs were deleted or rewound: the points of all others are what their table holds.
CUTS = """
SELECT (SELECT count() FROM rewinds WHERE run IN {runs:Array(UUID)})
  + (SELECT count() FROM tombstones WHERE run IN {runs:Array(UUID)}) AS cuts
"""
# The same as a condition within a query of these runs' points, which then has no rows where there is any.
UNCUT = f"({CUTS.strip()}) = 0"
CUT_RUNS = """
SELECT DISTINCT toString(run) AS uuid FROM (
  SELECT run FROM rewinds WHERE run IN {runs:Array(UUID)}
  UNION ALL SELECT run FROM tombstones WHERE run IN {runs:Array(UUID)})
"""

# `{0}`: where the points are, v_scalars or, of runs without cuts, scalars.
METRIC_NAMES = "SELECT DISTINCT toString(metric) AS name FROM {0} WHERE run IN {{runs:Array(UUID)}} ORDER BY name"

# With those that are there twice. `{0}`: a condition on the metric.
POINT_COUNTS = """
SELECT toString(run) AS uuid, count() AS points FROM scalars WHERE run IN {{runs:Array(UUID)}} AND {0} GROUP BY run
"""

# Names travel as a dictionary, so that a row costs 32 bytes whatever they are, and in blocks four times as large as the
# engine's own: what comes with each block took half the time. `{run}`: "run, " where there is more than one.
POINTS = """
SELECT {columns} FROM {source} WHERE {where}
ORDER BY {run}metric, rank, step, at SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1,
  max_block_size = 262144, preferred_block_size_bytes = 16777216
"""
AFTER = "(metric, rank, step, at) > ({after_metric:String}, {after_rank:UInt32}, {after_step:Int64}, {after_at:Int64})"

TEXTS = """
SELECT rank, step, time, value FROM v_texts WHERE run = {run:UUID} AND metric = {metric:String}
ORDER BY step, rank, at
"""

HISTOGRAMS = """
SELECT rank, step, time, count, sum, sum2, min, max, nans AS `nan`, pos_inf, neg_inf, buckets, counts, edges
FROM v_histograms WHERE run = {run:UUID} AND metric = {metric:String} ORDER BY step, rank, at
"""

# --- the machine

# `{0}` is a condition on metric and device, of bound patterns.
SYSTEM = """
SELECT host, device, metric, time, value FROM v_system WHERE run = {{run:UUID}} AND {0}
ORDER BY host, device, metric, time SETTINGS output_format_arrow_low_cardinality_as_dictionary = 0
"""

SYSTEM_LAST = """
SELECT host, device, metric, max(time) AS time, argMax(value, v_system.time) AS value
FROM v_system WHERE run = {run:UUID} GROUP BY host, device, metric ORDER BY host, device, metric
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 0
"""

# --- what happened

CONSOLE = """
SELECT rank, stream, time, writer, row_seq, text FROM v_console WHERE run = {run:UUID}
ORDER BY time, writer, row_seq
"""

EVENTS = """
SELECT toString(kind) AS kind, time, rank, attempt, step, body FROM v_events WHERE run = {run:UUID}
ORDER BY time, version
"""
