"""Large charts and a large table, as the service answers them: each asked again and again of a warm store.

In this process, so without HTTP: what the query room itself takes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stepwell.ids import run_uuid
from stepwell.query.run_table import TableAsked, run_table
from stepwell.query.series import SeriesAsked, encode, series
from stepwell.stores.metrics import MetricStore

from .figures import Figure, quantile
from .filling import Filling, fill_store
from .servers import metrics_of

__all__ = ["chart", "run", "table", "timed"]

METRIC = "group000/metric_00"
COLUMNS = (
    *("name", "config/lr", "config/seed", "config/model/kind", "config/model/depth"),
    *(f"metric/group000/metric_{index:02d}" for index in range(3)),
)
FILTER = 'config.lr > 1e-3 and summary["group000/metric_01"] > 0'


def run(quick: bool, store: str) -> Iterator[Figure]:
    points, runs, steps, listed = (1_000_000, 20, 10_000, 1_000) if quick else (10_000_000, 100, 100_000, 10_000)
    repeats = 5 if quick else 20
    with (
        tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder,
        metrics_of(store, Path(folder)) as (metrics, _),
    ):
        fill_store(metrics, Filling("long", metrics=1, steps=points))
        yield from timed(f"chart of one metric of {points:,} points", lambda: chart(metrics, "long", 1), 400, repeats)
        fill_store(metrics, Filling("many", runs=runs, metrics=1, steps=steps))
        what = f"chart of {runs} runs of {steps:,} points"
        yield from timed(what, lambda: chart(metrics, "many", runs), 1000, repeats)
        fill_store(metrics, Filling("listed", runs=listed, metrics=30, steps=20, config=30, ragged=True))
        yield from timed(f"table of {listed:,} runs with a filter", lambda: table(metrics), 300, repeats)


def chart(store: MetricStore, project: str, runs: int, first: int = 0, metric: str = METRIC) -> None:
    """Of so many runs from the `first` on, encoded as the page gets it."""
    ids = (f"r{index:06d}" for index in range(first, first + runs))
    encode(series(store, [SeriesAsked(str(run_uuid(project, id)), metric) for id in ids]))


def table(store: MetricStore, project: str = "listed", least_bytes: int = 10_000) -> None:
    """All rows that pass, with eight columns, as the page asks for them."""
    if len(run_table(store, TableAsked(project, FILTER, columns=COLUMNS))) < least_bytes:
        raise RuntimeError("the filter found next to no run: there is nothing to measure")


def timed(what: str, ask: Callable[[], None], target_ms: float, repeats: int) -> list[Figure]:
    """p95 with its target, the median, and what this process's threads computed: with chDB the engine's among them."""
    ask()  # the first reads from disk
    took, worked = [], []
    for _ in range(repeats):
        begin, busy = time.perf_counter(), time.process_time()
        ask()
        took.append(1000 * (time.perf_counter() - begin))
        worked.append(1000 * (time.process_time() - busy))
    return [
        Figure(f"{what}, p95", "ms", (quantile(took, 0.95),), target=target_ms),
        Figure(f"{what}, median", "ms", tuple(took)),
        Figure(f"{what}, CPU of this process", "ms", tuple(worked)),
    ]
