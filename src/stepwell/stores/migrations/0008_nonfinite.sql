-- Which granules of `scalars` hold a value that is not finite: some fifty bytes a million rows, so that those of a whole
-- table of runs are counted without a look at the others (query/nonfinite.py). Nothing else gets slower or larger by it.
-- A part that it has not been made for yet is read whole, so a count is right from the first moment on.
ALTER TABLE scalars
ADD INDEX IF NOT EXISTS nonfinite isFinite(value) TYPE minmax GRANULARITY 1;

-- For the parts that were there before: in the background, of one column.
ALTER TABLE scalars
MATERIALIZE INDEX nonfinite;
