"""SQL of a heatmap: the histograms of one metric as bins of equal width, the same at every step.

Stored are log-linear buckets, or bins as their writer gave them (csrc/histogram). Each is cut to [min, max] and its
count shared, by overlap, among BINS bins between the least and the greatest value in view; all ranks are added.
"""

from __future__ import annotations

from .text import RUN, STEPS

__all__ = ["OVER_STEPS", "OVER_TIME"]

BINS = 64
COLUMNS = 256  # at most so many over steps

_CHOSEN = f"FROM v_histograms WHERE {RUN} AND metric = ${{histogram:sqlstring}} AND {STEPS}"

# The edges of a bucket nearer to zero and farther from it are float32s: the code is the top bits of their pattern.
_EDGE = "toFloat64(reinterpretAsFloat32(bitShiftLeft(toUInt32({0}), 20)))"
_NEAR, _FAR = _EDGE.format("bitAnd(code, 2047)"), _EDGE.format("least(bitAnd(code, 2047) + 1, 2039)")
_LOW, _HIGH = f"if(code < 2048, {_NEAR}, -{_FAR})", f"if(code < 2048, {_FAR}, -{_NEAR})"

# digits: as many as tell one bin from the next.
_EXTENT = f"""
  (SELECT (minIf(min, isFinite(min)), maxIf(max, isFinite(max)), min(step), max(step), uniqExact(step))
   {_CHOSEN}) AS extent,
  assumeNotNull(extent.1) AS least_, assumeNotNull(extent.2) AS greatest_,
  if(greatest_ > least_, least_, least_ - 0.5) AS floor_,
  if(greatest_ > least_, (greatest_ - least_) / {BINS}, 1 / {BINS}) AS size,
  arrayMap(i -> floor_ + i * size, range({BINS})) AS floors,
  toUInt8(greatest(0, least(15, 2 - floor(log10(size))))) AS digits,
  arrayMap(edge -> toString(round(edge, digits)), floors) AS labels"""

# What a histogram has in each bin: a share by overlap, or all of a bucket without width.
_SHARES = f"""
  if(empty(edges), arrayMap(code -> greatest(least({_LOW}, max), min), buckets), arrayPopBack(edges)) AS lows,
  if(empty(edges), arrayMap(code -> least(greatest({_HIGH}, min), max), buckets), arrayPopFront(edges)) AS highs,
  arrayMap(bin -> arraySum((low, high, n) -> if(high > low,
      n * greatest(0., least(high, bin + size) - greatest(low, bin)) / (high - low),
      toFloat64(n * (low >= bin AND (low < bin + size OR bin = floors[{BINS}])))),
    lows, highs, counts), floors) AS shares"""

# Steps between two histograms are empty columns: the panel takes its columns' width from the first two.
OVER_STEPS = f"""
WITH {_EXTENT},
  toInt64(ceil((extent.4 - extent.3 + 1) / least({COLUMNS}, greatest(1, extent.5)))) AS width
SELECT extent.3 + column * width AS step, le, count
FROM (
  SELECT intDiv(at_step - extent.3, width) AS column, sumForEach(shares) AS total
  FROM (SELECT step AS at_step, {_SHARES} {_CHOSEN})
  GROUP BY column ORDER BY column WITH FILL STEP 1)
ARRAY JOIN arrayResize(total, {BINS}) AS count, labels AS le, range({BINS}) AS i
ORDER BY column, i
"""

OVER_TIME = f"""
WITH {_EXTENT}
SELECT t, le, count
FROM (
  SELECT $__timeInterval_ms(time) AS t, sumForEach(shares) AS total
  FROM (SELECT time, {_SHARES} {_CHOSEN} AND $__timeFilter_ms(time))
  GROUP BY t)
ARRAY JOIN total AS count, labels AS le, range({BINS}) AS i
ORDER BY t, i
"""
