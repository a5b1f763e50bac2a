"""Large charts and a large table, as the service answers them: each asked again and again of a warm embedded store.

In this process, so without HTTP: what the query room itself takes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from stepwell.home import Home
from stepwell.ids import run_uuid
from stepwell.query.run_table import TableAsked, run_table
from stepwell.query.series import SeriesAsked, encode, series
from stepwell.stores.local import LocalStores
from stepwell.stores.metrics import MetricStore

from .figures import Figure, quantile
from .filling import Filling, fill

__all__ = ["run"]

METRIC = "group000/metric_00"
COLUMNS = (
    *("name", "config/lr", "config/seed", "config/model/kind", "config/model/depth"),
    *(f"metric/group000/metric_{index:02d}" for index in range(3)),
)
FILTER = 'config.lr > 1e-3 and summary["group000/metric_01"] > 0'


def run(quick: bool) -> list[Figure]:
    points, runs, steps, listed = (1_000_000, 20, 10_000, 1_000) if quick else (10_000_000, 100, 100_000, 10_000)
    repeats = 5 if quick else 20
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        fill(home, Filling("long", metrics=1, steps=points))
        fill(home, Filling("many", runs=runs, metrics=1, steps=steps))
        fill(home, Filling("listed", runs=listed, metrics=30, steps=20, config=30, ragged=True))
        with LocalStores(Home(home)) as stores:
            store = stores.metrics
            return [
                *_timed(f"chart of one metric of {points:,} points", lambda: _chart(store, "long", 1), 400, repeats),
                *_timed(
                    f"chart of {runs} runs of {steps:,} points", lambda: _chart(store, "many", runs), 1000, repeats
                ),
                *_timed(f"table of {listed:,} runs with a filter", lambda: _table(store), 300, repeats),
            ]


def _chart(store: MetricStore, project: str, runs: int) -> None:
    encode(series(store, [SeriesAsked(str(run_uuid(project, f"r{index:06d}")), METRIC) for index in range(runs)]))


def _table(store: MetricStore) -> None:
    """All rows that pass, with eight columns, as the page asks for them."""
    if len(run_table(store, TableAsked("listed", FILTER, columns=COLUMNS))) < 10_000:
        raise RuntimeError("the filter found next to no run: there is nothing to measure")


def _timed(what: str, ask: Callable[[], None], target_ms: float, repeats: int) -> list[Figure]:
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
        Figure(f"{what}, CPU of all threads", "ms", tuple(worked)),
    ]
