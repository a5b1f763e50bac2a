"""Every point of a run as Arrow, long and wide, through the reader that `Api` and the service use."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stepwell.query.local import LocalReader
from stepwell.query.records import RunKey
from stepwell.stores.blobs import open_blobs

from .figures import Figure
from .filling import Filling, fill_store
from .servers import metrics_of

__all__ = ["run"]

METRICS = 50
TARGET = 4e6  # points a second


def run(quick: bool, store: str) -> Iterator[Figure]:
    steps = 10_000 if quick else 200_000
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with metrics_of(store, folder) as (metrics, _):
            fill_store(metrics, Filling("export", metrics=METRICS, steps=steps))
            blobs = open_blobs(f"file://{folder / 'blobs'}")  # an export of points reads none
            reader = LocalReader(metrics, blobs, where="the benchmark's store")
            for long in (True, False):
                yield _rate(reader, steps, long=long)


def _rate(reader: LocalReader, steps: int, *, long: bool) -> Figure:
    rates = []
    for _ in range(3):
        begin = time.perf_counter()
        rows = sum(batch.num_rows for batch in reader.history([RunKey("export", "r000000")], (), long=long))
        rates.append(steps * METRICS / (time.perf_counter() - begin))
        if rows != steps * (METRICS if long else 1):
            raise RuntimeError(f"the export had {rows:,} rows: points are missing, so its speed means nothing")
    shape = "long" if long else "wide"
    note = f"{steps * METRICS:,} points"
    return Figure(f"export, {shape}", "points/s", tuple(rates), target=TARGET, at_least=True, note=note)
