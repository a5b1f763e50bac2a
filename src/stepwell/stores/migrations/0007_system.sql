-- What agents measure on their machines while a run is live there: one figure of one device at one time. A device is
-- `host`, `processes` (those of the run), a disk, an interface or an accelerator. Wall time and no step: a rewind hides
-- nothing of it.
CREATE TABLE IF NOT EXISTS system
(
    run     UUID CODEC(ZSTD(1)),
    host    LowCardinality(String) CODEC(ZSTD(1)),
    device  LowCardinality(String) CODEC(ZSTD(1)),
    metric  LowCardinality(String) CODEC(ZSTD(1)),
    time    DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    value   Float64 CODEC(ZSTD(1)),
    version UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run, host, device, metric, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW v_system AS
SELECT run, host, device, metric, time, value, version
FROM system FINAL
WHERE run NOT IN (SELECT run FROM tombstones);
