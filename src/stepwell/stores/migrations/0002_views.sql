-- What every read uses: FINAL (one row a key, the highest version), without deleted runs, without rewound points.
--
-- The points are a union of two reads, so that the join with rewinds costs the runs that have one and no other: the
-- primary key cuts each branch down to its runs, and a predicate on run and metric reaches both.

CREATE OR REPLACE VIEW v_scalars AS
SELECT run, metric, rank, step, at, time, value, version
FROM scalars FINAL
WHERE run NOT IN (SELECT run FROM tombstones) AND run NOT IN (SELECT run FROM rewinds)
UNION ALL
SELECT p.run AS run, p.metric AS metric, p.rank AS rank, p.step AS step, p.at AS at, p.time AS time, p.value AS value, p.version AS version
FROM (SELECT run, metric, rank, step, at, time, value, version FROM scalars FINAL WHERE run IN (SELECT run FROM rewinds)) AS p
INNER JOIN (SELECT run, groupArray((attempt, step)) AS cuts FROM rewinds FINAL GROUP BY run) AS r ON p.run = r.run
WHERE p.run NOT IN (SELECT run FROM tombstones)
  AND NOT arrayExists(cut -> p.step > cut.2 AND bitShiftRight(p.version, 34) < cut.1, r.cuts);

CREATE OR REPLACE VIEW v_texts AS
SELECT run, metric, rank, step, at, time, value, version
FROM texts FINAL
WHERE run NOT IN (SELECT run FROM tombstones) AND run NOT IN (SELECT run FROM rewinds)
UNION ALL
SELECT p.run AS run, p.metric AS metric, p.rank AS rank, p.step AS step, p.at AS at, p.time AS time, p.value AS value, p.version AS version
FROM (SELECT run, metric, rank, step, at, time, value, version FROM texts FINAL WHERE run IN (SELECT run FROM rewinds)) AS p
INNER JOIN (SELECT run, groupArray((attempt, step)) AS cuts FROM rewinds FINAL GROUP BY run) AS r ON p.run = r.run
WHERE p.run NOT IN (SELECT run FROM tombstones)
  AND NOT arrayExists(cut -> p.step > cut.2 AND bitShiftRight(p.version, 34) < cut.1, r.cuts);

CREATE OR REPLACE VIEW v_histograms AS
SELECT run, metric, rank, step, at, time, version, count, sum, sum2, min, max, `nan`, pos_inf, neg_inf, buckets, counts, edges
FROM histograms FINAL
WHERE run NOT IN (SELECT run FROM tombstones) AND run NOT IN (SELECT run FROM rewinds)
UNION ALL
SELECT p.run AS run, p.metric AS metric, p.rank AS rank, p.step AS step, p.at AS at, p.time AS time, p.version AS version, p.count AS count, p.sum AS sum, p.sum2 AS sum2, p.min AS min, p.max AS max, p.`nan` AS `nan`, p.pos_inf AS pos_inf, p.neg_inf AS neg_inf, p.buckets AS buckets, p.counts AS counts, p.edges AS edges
FROM (SELECT run, metric, rank, step, at, time, version, count, sum, sum2, min, max, `nan`, pos_inf, neg_inf, buckets, counts, edges FROM histograms FINAL WHERE run IN (SELECT run FROM rewinds)) AS p
INNER JOIN (SELECT run, groupArray((attempt, step)) AS cuts FROM rewinds FINAL GROUP BY run) AS r ON p.run = r.run
WHERE p.run NOT IN (SELECT run FROM tombstones)
  AND NOT arrayExists(cut -> p.step > cut.2 AND bitShiftRight(p.version, 34) < cut.1, r.cuts);

CREATE OR REPLACE VIEW v_console AS
SELECT run, writer, row_seq, rank, stream, time, text, version
FROM console FINAL
WHERE run NOT IN (SELECT run FROM tombstones);

CREATE OR REPLACE VIEW v_fields AS
SELECT key, run, str, num, source, version
FROM fields FINAL
WHERE run NOT IN (SELECT run FROM tombstones) AND str != '';

CREATE OR REPLACE VIEW v_events AS
SELECT run, writer, row_seq, rank, attempt, kind, step, time, body, version
FROM events FINAL
WHERE run NOT IN (SELECT run FROM tombstones);

-- Not cut by a rewind: a checkpoint is a thing people go back to, not a point of a curve.
CREATE OR REPLACE VIEW v_artifacts AS
SELECT run, writer, row_seq, rank, step, time, kind, name, state, size, files, metadata, version
FROM artifacts FINAL
WHERE run NOT IN (SELECT run FROM tombstones);

CREATE OR REPLACE VIEW v_runs AS
SELECT run, project, id, shard, created, version
FROM runs FINAL
WHERE run NOT IN (SELECT run FROM tombstones);
