-- A view's text is written back by ClickHouse without the quotes around `nan`, and read at its next start as the
-- number: then the view fails. So the views call the column `nans`, and name it by its table where they read it.
CREATE OR REPLACE VIEW v_histograms AS
SELECT h.run AS run, h.metric AS metric, h.rank AS rank, h.step AS step, h.at AS at, h.time AS time, h.version AS version, h.count AS count, h.sum AS sum, h.sum2 AS sum2, h.min AS min, h.max AS max, h.nan AS nans, h.pos_inf AS pos_inf, h.neg_inf AS neg_inf, h.buckets AS buckets, h.counts AS counts, h.edges AS edges
FROM histograms AS h FINAL
WHERE h.run NOT IN (SELECT run FROM tombstones) AND h.run NOT IN (SELECT run FROM rewinds)
UNION ALL
SELECT p.run AS run, p.metric AS metric, p.rank AS rank, p.step AS step, p.at AS at, p.time AS time, p.version AS version, p.count AS count, p.sum AS sum, p.sum2 AS sum2, p.min AS min, p.max AS max, p.nans AS nans, p.pos_inf AS pos_inf, p.neg_inf AS neg_inf, p.buckets AS buckets, p.counts AS counts, p.edges AS edges
FROM (SELECT h.run AS run, h.metric AS metric, h.rank AS rank, h.step AS step, h.at AS at, h.time AS time, h.version AS version, h.count AS count, h.sum AS sum, h.sum2 AS sum2, h.min AS min, h.max AS max, h.nan AS nans, h.pos_inf AS pos_inf, h.neg_inf AS neg_inf, h.buckets AS buckets, h.counts AS counts, h.edges AS edges FROM histograms AS h FINAL WHERE h.run IN (SELECT run FROM rewinds)) AS p
INNER JOIN (SELECT run, groupArray((attempt, step)) AS cuts FROM rewinds FINAL GROUP BY run) AS r ON p.run = r.run
WHERE p.run NOT IN (SELECT run FROM tombstones)
  AND NOT arrayExists(cut -> p.step > cut.2 AND bitShiftRight(p.version, 34) < cut.1, r.cuts);
