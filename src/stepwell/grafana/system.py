"""SQL of what agents measured on a run's machines: one figure, a series for each device of each host."""

from __future__ import annotations

from .text import RUN, value_of

__all__ = ["MEASURES", "OVER_SECONDS", "OVER_TIME"]

POINTS = 500  # of each device; there may be many

MEASURES = f"""
SELECT {value_of("name")} AS value, name AS text
FROM (SELECT DISTINCT toString(metric) AS name FROM v_system WHERE {RUN})
ORDER BY text
"""

_CHOSEN = f"FROM v_system WHERE {RUN} AND metric = ${{measure:sqlstring}}"

# Devices share their buckets; the run begins with its first event, and a figure may have been taken before it.
OVER_SECONDS = f"""
WITH
  (SELECT min(time) FROM (SELECT time FROM v_events WHERE {RUN} UNION ALL SELECT time {_CHOSEN})) AS began,
  (SELECT dateDiff('millisecond', began, max(time)) {_CHOSEN}) AS lasted,
  intDiv(lasted, {POINTS}) + 1 AS width
SELECT bucket * width / 1000 AS seconds, place AS device, mean AS value
FROM (
  SELECT intDiv(dateDiff('millisecond', began, time), width) AS bucket, concat(host, ' ', device) AS place,
    avgOrNullIf(value, isFinite(value)) AS mean
  {_CHOSEN} GROUP BY bucket, place)
ORDER BY seconds, device
"""

OVER_TIME = f"""
SELECT t, place AS device, mean AS value
FROM (
  SELECT $__timeInterval_ms(time) AS t, concat(host, ' ', device) AS place,
    avgOrNullIf(value, isFinite(value)) AS mean
  {_CHOSEN} AND $__timeFilter_ms(time) GROUP BY t, place)
ORDER BY t, device
"""
