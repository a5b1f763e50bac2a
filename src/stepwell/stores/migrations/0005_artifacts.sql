-- Artifacts of every kind, with versions that nobody has to hand out. The service stamps `committed` as it completes a
-- manifest; the completed ones of one (project, type, name), in that order, are v0, v1, ... (query/versions.py), and equal
-- content (`digest`, over paths, digests and sizes) after itself is no new version. A row that is deleted stays, in the
-- state "deleted", so that the others keep their numbers. part of parts: one rank's share; 0 or 1 part: it is whole.
--
-- Of the rows of one (run, writer, row_seq): staged < complete, of which the earliest stamp wins < what is said of
-- it later, of which the last wins (stores/artifacts.py).
ALTER TABLE artifacts
ADD COLUMN IF NOT EXISTS project String CODEC(ZSTD(1)),
ADD COLUMN IF NOT EXISTS type LowCardinality(String),
ADD COLUMN IF NOT EXISTS digest String CODEC(ZSTD(1)),
ADD COLUMN IF NOT EXISTS committed DateTime64(6, 'UTC') CODEC(ZSTD(1)),
ADD COLUMN IF NOT EXISTS part UInt32 CODEC(ZSTD(1)),
ADD COLUMN IF NOT EXISTS parts UInt32 CODEC(ZSTD(1));

-- A record in the ring has no columns for what came with this migration: its `files` is an object that holds them.
CREATE OR REPLACE VIEW v_artifacts AS
SELECT a.run AS run, a.writer AS writer, a.row_seq AS row_seq, a.rank AS rank, a.step AS step, a.time AS time, toString(a.kind) AS kind, multiIf(a.type != '', toString(a.type), startsWith(a.files, '{'), JSONExtractString(a.files, 'type'), toString(a.kind)) AS type, a.name AS name, toString(a.state) AS state, a.size AS size, if(startsWith(a.files, '{'), JSONExtractRaw(a.files, 'files'), a.files) AS files, a.metadata AS metadata, a.project AS project, a.digest AS digest, a.committed AS committed, if(startsWith(a.files, '{'), toUInt32(JSONExtractUInt(a.files, 'part')), a.part) AS part, if(startsWith(a.files, '{'), toUInt32(JSONExtractUInt(a.files, 'parts')), a.parts) AS parts, a.version AS version
FROM artifacts AS a FINAL
WHERE a.run NOT IN (SELECT run FROM tombstones);

-- What versions are counted of: also what was deleted, and what its run's deletion took with it.
CREATE OR REPLACE VIEW v_versions AS
SELECT a.run AS run, a.writer AS writer, a.row_seq AS row_seq, a.rank AS rank, a.step AS step, a.time AS time, toString(a.kind) AS kind, toString(a.type) AS type, a.name AS name, if(a.run IN (SELECT run FROM tombstones), 'deleted', toString(a.state)) AS state, a.size AS size, a.metadata AS metadata, a.project AS project, a.digest AS digest, a.committed AS committed, a.part AS part, a.parts AS parts, a.version AS version
FROM artifacts AS a FINAL
WHERE a.state != 'staged';

-- Names that move from version to version. (run, writer, row_seq): a row of the artifact that it points to; writer 0: it was
-- taken away. version: when, in microseconds by the service's clock. On a cluster a row lies on the shard of its
-- run, so readers take the highest version themselves.
CREATE TABLE IF NOT EXISTS aliases
(
    project String CODEC(ZSTD(1)),
    type    LowCardinality(String),
    name    String CODEC(ZSTD(1)),
    alias   String CODEC(ZSTD(1)),
    run     UUID,
    writer  UInt64,
    row_seq UInt64,
    by      String CODEC(ZSTD(1)),
    time    DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project, type, name, alias)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW v_aliases AS
SELECT project, toString(type) AS type, name, alias, run, writer, row_seq, by, time, version
FROM aliases FINAL;

-- Which run has used which artifact, in order: made of the events by which runs say so. source_*: the row of the artifact.
CREATE TABLE IF NOT EXISTS uses
(
    project        String CODEC(ZSTD(1)),
    type           LowCardinality(String),
    name           String CODEC(ZSTD(1)),
    run            UUID,
    writer         UInt64,
    row_seq        UInt64,
    source_run     UUID,
    source_writer  UInt64,
    source_row_seq UInt64,
    used_as        String CODEC(ZSTD(1)),
    time           DateTime64(3, 'UTC'),
    version        UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project, type, name, run, writer, row_seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS events_to_uses TO uses AS
SELECT JSONExtractString(body, 'project') AS project, JSONExtractString(body, 'type') AS type, JSONExtractString(body, 'name') AS name, run, writer, row_seq, toUUIDOrZero(JSONExtractString(body, 'run')) AS source_run, JSONExtractUInt(body, 'writer') AS source_writer, JSONExtractUInt(body, 'row_seq') AS source_row_seq, JSONExtractString(body, 'as') AS used_as, time, version
FROM events WHERE kind = 'use_artifact';

CREATE OR REPLACE VIEW v_uses AS
SELECT project, toString(type) AS type, name, run, writer, row_seq, source_run, source_writer, source_row_seq, used_as, time, version
FROM uses FINAL
WHERE run NOT IN (SELECT run FROM tombstones);
