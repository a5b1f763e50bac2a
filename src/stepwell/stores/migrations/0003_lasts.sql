-- The last value of each metric, written beside the points (csrc/native/lasts.cc): of the rows of one key the
-- highest version is the last value written, so a repeat or a late spool changes nothing. A table of ten thousand
-- runs reads these and no point. Ordered by metric first: a column of that table is one metric of many runs.
CREATE TABLE IF NOT EXISTS lasts
(
    metric  LowCardinality(String) CODEC(ZSTD(1)),
    run     UUID CODEC(ZSTD(1)),
    rank    UInt32 CODEC(Delta(4), ZSTD(1)),
    step    Int64 CODEC(ZSTD(1)),
    time    DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    value   Float64 CODEC(ZSTD(1)),
    version UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (metric, run, rank)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What was recorded before this table was there.
INSERT INTO lasts SELECT metric, run, rank, argMax(step, version), argMax(time, version), argMax(value, version), max(version) AS newest
FROM scalars GROUP BY metric, run, rank;

-- A rewind hides points, so the last of such a run is looked for among those that it left.
CREATE OR REPLACE VIEW v_lasts AS
SELECT metric, run, rank, step, time, value, version
FROM lasts FINAL
WHERE run NOT IN (SELECT run FROM tombstones) AND run NOT IN (SELECT run FROM rewinds)
UNION ALL
SELECT metric, run, rank, argMax(p.step, p.version) AS step, argMax(p.time, p.version) AS time, argMax(p.value, p.version) AS value, max(p.version) AS version
FROM v_scalars AS p WHERE run IN (SELECT run FROM rewinds) GROUP BY metric, run, rank;
