"""The queries behind the page's charts. Like sql.py: through the views, every value a bound parameter.

`{0}` stands for the condition of what is in view, which series.py makes of constants and bound parameters.
"""

from __future__ import annotations

__all__ = ["BUCKETS", "EXTENTS", "MEAN", "MEDIAN", "POINTS", "WHOLE"]

_FROM = "FROM v_scalars WHERE run IN {{runs:Array(UUID)}} AND metric IN {{metrics:Array(String)}}"

# How much there is of each series, and how much of it in view: decides between points and buckets, and their width.
EXTENTS = f"""
SELECT toString(run) AS uuid, toString(metric) AS name, uniqExact(rank) AS ranks, count() AS points,
  countIf({{0}}) AS seen, minIf(step, {{0}}) AS low, maxIf(step, {{0}}) AS high
{_FROM} GROUP BY run, metric
"""

POINTS = f"""
SELECT toString(run) AS uuid, toString(metric) AS name, step, toUnixTimestamp64Milli(time) AS ms, value
{_FROM} AND {{0}} ORDER BY run, metric, step, at
"""

# A bucket is the steps of one power-of-two width, aligned to step 0 (the shift rounds down, below 0 too): old
# buckets never change when points are appended. A NaN does not spoil the line of its bucket, it is counted.
# {1} is MEAN, or MEDIAN where several ranks share the series.
BUCKETS = f"""
SELECT toString(run) AS uuid, toString(metric) AS name, bitShiftRight(step, {{{{shift:UInt8}}}}) AS bucket,
  count() AS points, countIf(isNaN(value)) AS nan, countIf(value = inf) AS above, countIf(value = -inf) AS below,
  argMinIf(value, (step, at), isFinite(value)) AS first, argMaxIf(value, (step, at), isFinite(value)) AS last,
  minIf(value, isFinite(value)) AS low, maxIf(value, isFinite(value)) AS high, {{1}} AS line,
  min(step) AS start, toUnixTimestamp64Milli(min(time)) AS ms
{_FROM} AND {{0}} GROUP BY run, metric, bucket ORDER BY run, metric, bucket
"""

MEAN = "avgIf(value, isFinite(value))"
MEDIAN = "quantileExactIf(0.5)(value, isFinite(value))"

# Smoothing runs over the whole series, whatever is in view. Of several ranks it runs over their median at each step.
WHOLE = """
SELECT step, if(count() = 1, any(value), quantileExact(0.5)(value)) AS value
FROM v_scalars WHERE run = {run:UUID} AND metric = {metric:String} GROUP BY step, at ORDER BY step, at
"""
