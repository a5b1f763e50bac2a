"""What lies behind a chart as CSV: every point of its runs, exact, however few of them the screen showed."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyarrow import csv

from .sources import MetricSource

__all__ = ["chart_csv"]

# A cell that begins like a formula would be one in a spreadsheet.
_ROWS = """
SELECT if(match(r.path, '^[=+@-]'), concat('''', r.path), r.path) AS run,
  if(match(p.metric, '^[=+@-]'), concat('''', p.metric), toString(p.metric)) AS metric,
  p.rank AS rank, p.step AS step, p.time AS time, p.value AS value
FROM (SELECT run, metric, rank, step, at, time, value FROM v_scalars
      WHERE run IN {runs:Array(UUID)} AND metric IN {metrics:Array(String)}) AS p
INNER JOIN (SELECT run, concat(project, '/', id) AS path FROM v_runs WHERE run IN {runs:Array(UUID)}) AS r
  ON p.run = r.run
ORDER BY r.path, p.metric, p.rank, p.step, p.at
"""
_COLUMNS = ("run", "metric", "rank", "step", "time", "value")


def chart_csv(metrics: MetricSource, runs: Sequence[str], names: Sequence[str]) -> Iterator[bytes]:
    """A head and then rows by run, metric, rank and step, a batch at a time."""
    yield (",".join(_COLUMNS) + "\n").encode()
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    for batch in metrics.stream_arrow(_ROWS, {"runs": list(runs), "metrics": list(names)}):
        sink = io.BytesIO()
        csv.write_csv(_text(pa.Table.from_batches([batch])), sink, options)
        yield sink.getvalue()


def _text(table: pa.Table) -> pa.Table:
    """Strings may come as binary, which CSV has no way to write."""
    for place, field in enumerate(table.schema):
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table
