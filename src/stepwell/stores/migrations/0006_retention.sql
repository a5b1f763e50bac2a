-- What people and rules took away: of a run's rows the one of the highest version counts.
-- trashed: hidden, whole. restored: as if nothing had been. purged: its rows are gone; what attempts up to `attempt`
-- (seconds since 2024) still send is discarded. renewed: purged, and begun anew by an attempt after that one.
CREATE TABLE IF NOT EXISTS removals
(
    run     UUID,
    state   LowCardinality(String),
    attempt UInt32,
    time    DateTime64(3, 'UTC'),
    who     String,
    reason  String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The runs that no view shows. Until now a table, in which nothing was written; the views that name it stay as they are.
CREATE OR REPLACE VIEW tombstones AS
SELECT run, time, who, reason FROM removals FINAL WHERE state IN ('trashed', 'purged');

-- Until when a run must not be removed, by whoever; `until` in the past: released.
CREATE TABLE IF NOT EXISTS holds
(
    run     UUID,
    until   DateTime64(3, 'UTC'),
    time    DateTime64(3, 'UTC'),
    who     String,
    reason  String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- A project's rules for `stepwell gc`. 0: no such rule; trash_s -1: the default. keep_best: a JSON list of METRIC:min|max:COUNT.
CREATE TABLE IF NOT EXISTS retention
(
    project   String,
    keep_last UInt32,
    keep_best String,
    max_age_s UInt64,
    trash_s   Int64,
    time      DateTime64(3, 'UTC'),
    who       String,
    version   UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Who these tables are, as the blob stores know it whose blobs they name: the row that was first counts.
CREATE TABLE IF NOT EXISTS identity
(
    id   UUID,
    time DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (time, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
