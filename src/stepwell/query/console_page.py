"""A run's output in pages, by a cursor: the page tails it as it grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .sources import MetricSource

__all__ = ["console_page"]

_CHUNKS_MAX = 5_000

_AFTER = "row_seq > transform(writer, {writers:Array(UInt64)}, {seqs:Array(UInt64)}, toUInt64(0))"

_COUNT = f"SELECT count() AS chunks FROM v_console WHERE run = {{run:UUID}} AND {_AFTER}"

_TAIL = f"""
SELECT toString(writer) AS writer, row_seq, rank, stream, toUnixTimestamp64Milli(time) AS ms, text FROM (
  SELECT * FROM v_console WHERE run = {{run:UUID}} AND {_AFTER}
  ORDER BY time DESC, writer DESC, row_seq DESC LIMIT {{limit:UInt64}})
ORDER BY ms, writer, row_seq
"""


def console_page(
    metrics: MetricSource, run: str, cursor: Mapping[str, int], limit: int = _CHUNKS_MAX
) -> dict[str, Any]:
    """The last `limit` chunks beyond the cursor (writer: row_seq; empty for all), how many before them were left out.

    Chunks are [rank, stream (1 out, 2 err), time in ms, text], as they were written: progress bars and colours are
    the reader's to draw.
    """
    after = {"writers": [int(writer) for writer in cursor] or [0], "seqs": list(cursor.values()) or [0]}
    [counts] = metrics.rows(_COUNT, {"run": run, **after})
    rows = metrics.rows(_TAIL, {"run": run, **after, "limit": limit})
    moved = dict(cursor)
    for row in rows:
        moved[row["writer"]] = max(moved.get(row["writer"], 0), int(row["row_seq"]))
    chunks = [[row["rank"], row["stream"], row["ms"], row["text"]] for row in rows]
    return {"chunks": chunks, "skipped": max(0, int(counts["chunks"]) - len(rows)), "cursor": moved}
