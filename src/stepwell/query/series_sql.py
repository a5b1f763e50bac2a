"""The queries behind the page's charts. Like sql.py: through the views, every value a bound parameter.

`{0}` stands for the condition of what is in view, which series.py makes of constants and bound parameters.
"""

from __future__ import annotations

__all__ = [
    "BUCKETS",
    "CROSSED_BUCKETS",
    "CROSSED_EXTENTS",
    "CROSSED_POINTS",
    "CROSSED_WHOLE",
    "ENDS",
    "EXTENTS",
    "GROUP_BUCKETS",
    "GROUP_EXTENTS",
    "GROUP_WHOLE",
    "MEAN",
    "MEDIAN",
    "PART_BUCKETS",
    "PART_EXTENTS",
    "POINTS",
    "SEEN_ALL",
    "SEEN_PART",
    "WHOLE",
]

_FROM = "FROM v_scalars WHERE run IN {{runs:Array(UUID)}} AND metric IN {{metrics:Array(String)}}"

# {who}, {source}, {where}, {in_view} and {by} are parts of a Scope (series_scope.py). How much there is of each series,
# and how much of it in view: decides between points and buckets, and their width.
EXTENTS = """
SELECT {who}, uniqExact(rank) AS ranks, count() AS points, {seen}
FROM {source} WHERE {where} {by}
"""
# The same of each part by itself.
PART_EXTENTS = """
SELECT {who}, _part_index AS part, min(rank) AS lowest, max(rank) AS highest, min(step) AS start, max(step) AS final,
  count() AS points, {seen}
FROM scalars WHERE {where} GROUP BY {by} ORDER BY {by}
"""
SEEN_ALL = "count() AS seen, min(step) AS low, max(step) AS high"
SEEN_PART = "countIf({0}) AS seen, minIf(step, {0}) AS low, maxIf(step, {0}) AS high"

# Of the {i}-th of a few series: its first and last point in the order of the key, each found without reading what lies
# between, and how many there are, which the store's index tells.
_ONE = "FROM scalars WHERE run = {{run{i}:UUID}} AND metric = {{metric{i}:String}}"
_END = "SELECT {{i}} AS series, toUInt64(0) AS points, rank, step FROM (SELECT rank, step {0} ORDER BY {1} LIMIT 1)"
ENDS = " UNION ALL ".join(
    (
        _END.format(_ONE, "rank, step"),
        _END.format(_ONE, "rank DESC, step DESC"),
        f"SELECT {{i}}, count(), toUInt32(0), toInt64(0) {_ONE}",
    )
)

POINTS = """
SELECT {who}, step, toUnixTimestamp64Milli(time) AS ms, value
FROM {source} WHERE {where} AND {in_view} ORDER BY {by}
"""

# Of the points of one bucket. A NaN does not spoil the line of its bucket, it is counted.
_SUMMED = """count() AS points, countIf(isNaN(value)) AS nan, countIf(value = inf) AS above,
  countIf(value = -inf) AS below, countIf(value <= 0 AND isFinite(value)) AS nonpos,
  minIf(value, isFinite(value)) AS low, maxIf(value, isFinite(value)) AS high, {1} AS line,
  min(step) AS start, toUnixTimestamp64Milli(min(time)) AS ms"""

# A bucket is the steps of one power-of-two width, aligned to step 0 (the shift rounds down, below 0 too): old
# buckets never change when points are appended. line: MEAN, or MEDIAN where several ranks share the series.
BUCKETS = f"""
SELECT {{who}}, bitShiftRight(step, {{{{shift:UInt8}}}}) AS bucket, {_SUMMED.replace("{1}", "{line}")}
FROM {{source}} WHERE {{where}} AND {{in_view}} GROUP BY {{by}} ORDER BY {{by}}
"""

# Of the rows of each part by itself, whose sum stands in `line`.
PART_BUCKETS = f"""
SELECT {{who}}, bitShiftRight(step, {{{{shift:UInt8}}}}) AS bucket, _part_index AS part,
  {_SUMMED.replace("{1}", "sumIf(value, isFinite(value))")}, max(step) AS final
FROM scalars WHERE {{where}} AND {{in_view}} GROUP BY {{by}}, part ORDER BY {{by}}, start
"""

MEAN = "avgIf(value, isFinite(value))"
MEDIAN = "quantileExactInclusiveIf(0.5)(value, isFinite(value))"

# Smoothing runs over the whole series, whatever is in view. Of several ranks it runs over their median at each step.
WHOLE = """
SELECT step, if(count() = 1, any(value), quantileExactInclusive(0.5)(value)) AS value
FROM v_scalars WHERE run = {run:UUID} AND metric = {metric:String} GROUP BY step, at ORDER BY step, at
"""

# --- another metric on the x axis

# The x of a step is that of its lowest rank that has one; what has none, or one that is not finite, has no place.
_ABSCISSA = """SELECT run, step, argMin(value, (rank, -at)) AS x, toUInt8(1) AS placed FROM v_scalars
  WHERE run IN {{runs:Array(UUID)}} AND metric = {{x:String}} AND isFinite(value) GROUP BY run, step"""

_CROSSED = f"""FROM (
  SELECT p.run AS run, p.metric AS metric, p.rank AS rank, p.step AS step, p.at AS at, p.time AS time,
    p.value AS value, c.x AS x, c.placed AS placed
  FROM (SELECT run, metric, rank, step, at, time, value {_FROM}) AS p
  LEFT JOIN ({_ABSCISSA}) AS c ON p.run = c.run AND p.step = c.step)"""

_IN_VIEW = "placed = 1 AND x BETWEEN {{low:Float64}} AND {{high:Float64}}"

CROSSED_EXTENTS = f"""
SELECT toString(run) AS uuid, toString(metric) AS name, uniqExact(rank) AS ranks, count() AS points,
  countIf(placed = 0) AS unplaced, countIf({_IN_VIEW}) AS seen,
  minIf(x, {_IN_VIEW}) AS low, maxIf(x, {_IN_VIEW}) AS high
{_CROSSED} GROUP BY run, metric
""".format()

CROSSED_POINTS = f"""
SELECT toString(run) AS uuid, toString(metric) AS name, step, toUnixTimestamp64Milli(time) AS ms, value, x
{_CROSSED} WHERE {_IN_VIEW} ORDER BY run, metric, step, at
""".format()

# Buckets of one power-of-two width of x, aligned to 0.
CROSSED_BUCKETS = f"""
SELECT toString(run) AS uuid, toString(metric) AS name, floor(x / {{{{width:Float64}}}}) AS bucket,
  {_SUMMED}, min(x) AS abscissa
{_CROSSED} WHERE {_IN_VIEW} GROUP BY run, metric, bucket ORDER BY run, metric, bucket
"""

CROSSED_WHOLE = """
SELECT w.step AS step, w.value AS value, c.x AS x, c.placed AS placed FROM (
  SELECT step, at, if(count() = 1, any(value), quantileExactInclusive(0.5)(value)) AS value
  FROM v_scalars WHERE run = {run:UUID} AND metric = {metric:String} GROUP BY step, at) AS w
LEFT JOIN (SELECT step, argMin(value, (rank, -at)) AS x, toUInt8(1) AS placed FROM v_scalars
  WHERE run = {run:UUID} AND metric = {x:String} AND isFinite(value) GROUP BY step) AS c ON w.step = c.step
ORDER BY w.step, w.at
"""

# --- several runs as one line

_LABEL = "transform(toString(run), {{members:Array(String)}}, {{labels:Array(String)}}, '')"

GROUP_EXTENTS = f"""
SELECT {_LABEL} AS uuid, toString(metric) AS name, uniqExact(run) AS ranks, count() AS points,
  countIf({{0}}) AS seen, minIf(step, {{0}}) AS low, maxIf(step, {{0}}) AS high
{_FROM} GROUP BY uuid, metric
"""

# Each run counts once in a bucket, however many points it has there; runs that have none are not made up.
GROUP_BUCKETS = f"""
SELECT uuid, name, bucket, sum(of.points) AS points, sum(of.nan) AS nan, sum(of.above) AS above, sum(of.below) AS below,
  sum(of.nonpos) AS nonpos, {{2}} AS line, minIf(of.low, isFinite(of.line)) AS low,
  maxIf(of.high, isFinite(of.line)) AS high,
  countIf(isFinite(of.line)) AS runs, min(of.start) AS start, min(of.ms) AS ms
FROM (
  SELECT {_LABEL} AS uuid, toString(metric) AS name, bitShiftRight(step, {{{{shift:UInt8}}}}) AS bucket, {_SUMMED}
  {_FROM} AND {{0}} GROUP BY run, metric, bucket) AS of
GROUP BY uuid, name, bucket ORDER BY uuid, name, bucket
"""

GROUP_WHOLE = """
SELECT step, {0} AS value FROM (
  SELECT run, step, avg(value) AS line FROM v_scalars
  WHERE run IN {{runs:Array(UUID)}} AND metric = {{metric:String}} AND isFinite(value) GROUP BY run, step) AS of
GROUP BY step ORDER BY step
"""
