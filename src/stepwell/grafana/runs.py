"""SQL of runs: what there is, what state each is in, what it was given, what it said."""

from __future__ import annotations

from ..query.sql import STATES_IN
from .text import LABELS, PROJECTS, RUN, RUNS, value_of

__all__ = [
    "ABOUT",
    "CONFIG",
    "CONFIG_COMPARED",
    "CONSOLE",
    "ENVIRONMENT",
    "NEWEST",
    "POINTS_PER_S",
    "RUNNING",
    "STARTED",
    "STATES",
    "SUMMARY",
]

RUNS_MAX = 500
LINES_MAX = 2000  # pieces of output; a panel of more is slow to scroll
_VALUE_MAX = 2000  # characters: a diff or a list of packages is no cell of a table

_OF_PROJECTS = f"run IN (SELECT run FROM v_runs WHERE {PROJECTS})"
_STATES = STATES_IN.format(f"AND {_OF_PROJECTS}")

# --- of the fleet

RUNNING = f"SELECT countIf(state = 'running') AS running FROM ({_STATES})"

STATES = f"SELECT state, count() AS runs FROM ({_STATES}) GROUP BY state ORDER BY runs DESC, state"

STARTED = f"""
SELECT $__timeInterval(created) AS t, project, count() AS runs FROM v_runs
WHERE {PROJECTS} AND $__timeFilter(created)
GROUP BY t, project ORDER BY t, project
"""

# Only runs that wrote since then are read: their newest points lie beside the others, in `lasts`.
POINTS_PER_S = f"""
SELECT t, project, sum(points) / $__interval_s AS points_per_s
FROM (
  SELECT $__timeInterval(time) AS t, run, count() AS points FROM v_scalars
  WHERE run IN (SELECT run FROM v_lasts WHERE time >= $__fromTime) AND {_OF_PROJECTS} AND $__timeFilter(time)
  GROUP BY t, run) AS p
INNER JOIN (SELECT run, project FROM v_runs WHERE {PROJECTS}) AS r ON p.run = r.run
GROUP BY t, project ORDER BY t, project
"""

_NEWEST = f"SELECT run FROM v_runs WHERE {PROJECTS} ORDER BY created DESC LIMIT {RUNS_MAX}"

# l: a run, s: its state, h: what was last heard of it; a run of which no start was seen has none of the last two.
# from_ms, to_ms: its time and a little more, for links to its dashboard.
_LIFE = """if(s.state = '', 'unknown', s.state) AS state, l.created AS created,
  if(s.ranks = 0, NULL, s.started) AS started, if(s.ranks = 0 OR s.state = 'running', NULL, s.ended) AS ended,
  nullIf(h.heard, toDateTime64(0, 3, 'UTC')) AS heard, h.step AS step, s.attempts AS attempts, s.ranks AS ranks,
  toString(l.run) AS uuid,
  toUnixTimestamp64Milli(if(s.ranks = 0, l.created, s.started)) - 1000 AS from_ms,
  toUnixTimestamp64Milli(if(s.state = 'running', now64(3), greatest(s.ended, l.created))) + 1000 AS to_ms"""


def _lives(of: str) -> str:
    """of: a condition on the column `run`."""
    return f"""FROM ({LABELS} WHERE r.{of}) AS l
LEFT JOIN ({STATES_IN.format(f"AND {of}")}) AS s ON l.run = s.run
LEFT JOIN (SELECT run, max(time) AS heard, max(step) AS step FROM v_lasts WHERE {of} GROUP BY run) AS h
  ON l.run = h.run"""


_NEWEST = f"run IN (SELECT run FROM v_runs WHERE {PROJECTS} ORDER BY created DESC LIMIT {RUNS_MAX})"

NEWEST = f"""
SELECT l.label AS run, l.project AS project, {_LIFE}, {value_of("l.project")} AS project_value
{_lives(_NEWEST)}
ORDER BY created DESC, run
"""

# --- of one run

ABOUT = f"""
SELECT {_LIFE}, l.id AS id
{_lives(RUN)}
"""


def _fields(root: str) -> str:
    return f"""
SELECT substring(key, {len(root) + 2}) AS name, substring(str, 1, {_VALUE_MAX}) AS value
FROM v_fields WHERE startsWith(key, '{root}/') AND {RUN}
ORDER BY name
"""


CONFIG, SUMMARY, ENVIRONMENT = _fields("config"), _fields("summary"), _fields("env")

CONSOLE = f"""
SELECT time AS timestamp, text AS body, if(stream = 2, 'stderr', 'stdout') AS stream, toString(rank) AS rank
FROM v_console WHERE {RUN}
ORDER BY timestamp DESC, writer DESC, row_seq DESC LIMIT {LINES_MAX}
"""

# --- of several: settings that are not the same in all of them

CONFIG_COMPARED = f"""
SELECT f.name AS name, l.label AS run, f.value AS value
FROM (
  SELECT run, substring(key, 8) AS name, substring(str, 1, {_VALUE_MAX}) AS value,
    uniqExact(str) OVER (PARTITION BY key) AS kinds, count() OVER (PARTITION BY key) AS given
  FROM v_fields WHERE startsWith(key, 'config/') AND {RUNS}) AS f
INNER JOIN ({LABELS} WHERE {RUNS}) AS l ON f.run = l.run
WHERE f.kinds > 1 OR f.given < (SELECT count() FROM v_runs WHERE {RUNS})
ORDER BY name, l.created, run
"""
