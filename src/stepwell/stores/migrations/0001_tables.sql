-- The tables. Every row's key is made by its writer, so that a repeated insert is the same row, and of the rows
-- of one key the highest version (attempt << 34 | row_seq) is the one seen. Nothing is partitioned by time: a step
-- written again over the border would be seen twice. fsync_*: an ack means durable, and both are off by default.

-- One point of a metric. at: 0, or the caller's time where a writer's steps repeat (then both points are kept).
CREATE TABLE IF NOT EXISTS scalars
(
    run     UUID CODEC(ZSTD(1)),
    metric  LowCardinality(String) CODEC(ZSTD(1)),
    rank    UInt32 CODEC(Delta(4), ZSTD(1)),
    step    Int64 CODEC(DoubleDelta, ZSTD(1)),
    at      Int64 CODEC(DoubleDelta, ZSTD(1)),
    time    DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    value   Float64 CODEC(ZSTD(1)),
    version UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run, metric, rank, step, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS texts
(
    run     UUID CODEC(ZSTD(1)),
    metric  LowCardinality(String) CODEC(ZSTD(1)),
    rank    UInt32 CODEC(Delta(4), ZSTD(1)),
    step    Int64 CODEC(DoubleDelta, ZSTD(1)),
    at      Int64 CODEC(DoubleDelta, ZSTD(1)),
    time    DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    value   String CODEC(ZSTD(3)),
    version UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run, metric, rank, step, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- buckets, counts: log-linear and sparse; edges is filled where a histogram is kept as it was given.
CREATE TABLE IF NOT EXISTS histograms
(
    run     UUID CODEC(ZSTD(1)),
    metric  LowCardinality(String) CODEC(ZSTD(1)),
    rank    UInt32 CODEC(Delta(4), ZSTD(1)),
    step    Int64 CODEC(DoubleDelta, ZSTD(1)),
    at      Int64 CODEC(DoubleDelta, ZSTD(1)),
    time    DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    version UInt64 CODEC(DoubleDelta, ZSTD(1)),
    count   UInt64 CODEC(ZSTD(1)),
    sum     Float64 CODEC(ZSTD(1)),
    sum2    Float64 CODEC(ZSTD(1)),
    min     Float64 CODEC(ZSTD(1)),
    max     Float64 CODEC(ZSTD(1)),
    nan     UInt64 CODEC(ZSTD(1)),
    pos_inf UInt64 CODEC(ZSTD(1)),
    neg_inf UInt64 CODEC(ZSTD(1)),
    buckets Array(UInt16) CODEC(ZSTD(1)),
    counts  Array(UInt64) CODEC(ZSTD(1)),
    edges   Array(Float64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run, metric, rank, step, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS console
(
    run     UUID CODEC(ZSTD(1)),
    writer  UInt64 CODEC(Delta(8), ZSTD(1)),
    row_seq UInt64 CODEC(DoubleDelta, ZSTD(1)),
    rank    UInt32 CODEC(Delta(4), ZSTD(1)),
    stream  UInt8,
    time    DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    text    String CODEC(ZSTD(3)),
    version UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run, writer, row_seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- config/..., summary/..., env/..., name, tags, notes: one value a key, str its JSON ('' = deleted), num its number or NaN.
CREATE TABLE IF NOT EXISTS fields
(
    key     String CODEC(ZSTD(1)),
    run     UUID CODEC(ZSTD(1)),
    str     String CODEC(ZSTD(1)),
    num     Float64 CODEC(ZSTD(1)),
    source  LowCardinality(String),
    version UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (key, run)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS events
(
    run     UUID CODEC(ZSTD(1)),
    writer  UInt64 CODEC(Delta(8), ZSTD(1)),
    row_seq UInt64 CODEC(DoubleDelta, ZSTD(1)),
    rank    UInt32 CODEC(Delta(4), ZSTD(1)),
    attempt UInt32 CODEC(ZSTD(1)),
    kind    LowCardinality(String),
    step    Int64 CODEC(DoubleDelta, ZSTD(1)),
    time    DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    body    String CODEC(ZSTD(1)),
    version UInt64 CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run, writer, row_seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- staged by the record in the ring, complete by the service once every blob of it is there (version's top bit set).
CREATE TABLE IF NOT EXISTS artifacts
(
    run      UUID CODEC(ZSTD(1)),
    writer   UInt64 CODEC(Delta(8), ZSTD(1)),
    row_seq  UInt64 CODEC(DoubleDelta, ZSTD(1)),
    rank     UInt32 CODEC(Delta(4), ZSTD(1)),
    step     Int64 CODEC(DoubleDelta, ZSTD(1)),
    time     DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    kind     LowCardinality(String),
    name     String CODEC(ZSTD(1)),
    state    LowCardinality(String),
    size     UInt64 CODEC(ZSTD(1)),
    files    String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1)),
    version  UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run, writer, row_seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- version = 2^63 - created in ms: the earliest creation wins.
CREATE TABLE IF NOT EXISTS runs
(
    run     UUID CODEC(ZSTD(1)),
    project String CODEC(ZSTD(1)),
    id      String CODEC(ZSTD(1)),
    shard   UInt32,
    created DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- A rewind to `step` opened `attempt`: points beyond the step by earlier attempts are hidden, and stay.
CREATE TABLE IF NOT EXISTS rewinds
(
    run     UUID,
    attempt UInt32,
    step    Int64,
    time    DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run, attempt)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The events are what writers send; the rewinds among them are kept apart, so that no read has to look for them.
CREATE MATERIALIZED VIEW IF NOT EXISTS events_to_rewinds TO rewinds AS
SELECT run, attempt, step, time, version FROM events WHERE kind = 'rewind';

-- A deleted run: a late spool does not bring it back.
CREATE TABLE IF NOT EXISTS tombstones
(
    run     UUID,
    time    DateTime64(3, 'UTC'),
    reason  String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
