"""The schema under reading: a ClickHouse server with many runs beside each other, and one very long one.

Five experiments of 300 runs with 300 metrics and 200 steps (90 million points), a metric of ten million points, and a
table of ten thousand runs. Each question is asked again and again as the page asks it; beside its time stands what the
server read for it, which does not depend on how busy the machine is.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stepwell.ids import run_uuid
from stepwell.query.local import LocalReader
from stepwell.query.opening import opening
from stepwell.query.records import RunKey
from stepwell.query.run_table import column_names
from stepwell.query.series import SeriesAsked, encode, series
from stepwell.stores.blobs import open_blobs
from stepwell.stores.metrics import MetricStore

from .figures import Figure
from .filling import Filling, fill_store
from .reading import METRIC, chart, table, timed
from .servers import metrics_of

__all__ = ["FULL", "QUICK", "Size", "run"]

CHART_MS, COMPARE_MS, TABLE_MS = 400.0, 1000.0, 300.0
EXPORT = 4e6  # points a second
COMPARED = 100
CARDS = 24  # charts in view at once
LATE = "group020/metric_05"  # one that lies in the middle of its run's


@dataclass(frozen=True)
class Size:
    experiments: int
    runs: int
    metrics: int
    steps: int
    long: int
    listed: int

    @property
    def points(self) -> int:
        return self.experiments * self.runs * self.metrics * self.steps


FULL = Size(experiments=5, runs=300, metrics=300, steps=200, long=10_000_000, listed=10_000)
QUICK = Size(experiments=5, runs=100, metrics=210, steps=10, long=500_000, listed=500)


def run(quick: bool, size: Size | None = None) -> Iterator[Figure]:
    size = size or (QUICK if quick else FULL)
    repeats = 5 if quick else 20
    with (
        tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as name,
        metrics_of("server", Path(name)) as (store, _),
    ):
        begin = time.perf_counter()
        for number in range(size.experiments):
            filling = Filling(
                f"experiment{number}", runs=size.runs, metrics=size.metrics, steps=size.steps, seed=number
            )
            fill_store(store, filling)
        rate = size.points / (time.perf_counter() - begin)
        yield Figure("filled", "points/s", (rate,), note=f"{size.points:,} points, made and inserted")
        fill_store(store, Filling("long", metrics=1, steps=size.long))
        fill_store(store, Filling("listed", runs=size.listed, metrics=30, steps=20, config=30, ragged=True))
        for what, ask, target_ms in _questions(store, size):
            for figure in timed(what, ask, target_ms, repeats):
                if figure.target is None:
                    yield figure
                else:
                    yield replace(figure, note=_read(store, ask))
        yield from _exports(store, size, Path(name))


def _questions(store: MetricStore, size: Size) -> Iterator[tuple[str, Callable[[], None], float]]:
    first = "experiment0"
    yield f"a chart of {size.long:,} points", lambda: chart(store, "long", 1), CHART_MS
    compared = min(COMPARED, size.runs)
    yield f"a chart of {compared} runs", lambda: chart(store, first, compared, metric=LATE), COMPARE_MS
    yield f"{CARDS} charts of a run", lambda: _cards(store, 1), CHART_MS
    yield f"{CARDS} charts of 10 runs", lambda: _cards(store, 10), COMPARE_MS
    yield f"a table of {size.listed:,} runs with a filter", lambda: table(store), TABLE_MS
    yield f"what a project of {size.runs} runs opens with", lambda: _open(store), TABLE_MS
    yield f"the names of a project of {size.runs} runs", lambda: _names(store), TABLE_MS


def _cards(store: MetricStore, runs: int) -> None:
    asked = [
        SeriesAsked(str(run_uuid("experiment0", f"r{index:06d}")), f"group{card // 10:03d}/metric_{card % 10:02d}")
        for index in range(runs)
        for card in range(CARDS)
    ]
    encode(series(store, asked))


def _open(store: MetricStore) -> None:
    opening(store, "experiment0", ["r000000"])


def _names(store: MetricStore) -> None:
    column_names(store, "experiment0")


def _exports(store: MetricStore, size: Size, folder: Path) -> Iterator[Figure]:
    reader = LocalReader(store, open_blobs(f"file://{folder / 'blobs'}"), where="the benchmark's store")
    runs = [RunKey("experiment0", f"r{index:06d}") for index in range(min(50, size.runs))]
    whole = len(runs) * size.metrics * size.steps
    for what, keys, metrics, points in (
        (f"export of {len(runs)} whole runs", runs, (), whole),
        (f"export of a metric of {size.long:,} points", [RunKey("long", "r000000")], (METRIC,), size.long),
    ):
        rates = []
        for _ in range(3):
            begin = time.perf_counter()
            rows = sum(batch.num_rows for batch in reader.history(keys, metrics, long=True))
            rates.append(points / (time.perf_counter() - begin))
            if rows != points:
                raise RuntimeError(f"{what} had {rows:,} rows instead of {points:,}")
        yield Figure(what, "points/s", tuple(rates), target=EXPORT, at_least=True, note=f"{points:,} points, long")


def _read(store: MetricStore, ask: Callable[[], None]) -> str:
    """What the server read for it and computed, of its own count."""
    before = _events(store)
    ask()
    spent = {name: count - before.get(name, 0) for name, count in _events(store).items()}
    return (
        f"reads {spent.get('SelectedRows', 0):,} rows, {spent.get('SelectedBytes', 0) / 1e6:,.0f} MB; "
        f"{spent.get('OSCPUVirtualTimeMicroseconds', 0) / 1e3:,.0f} ms of the server's CPU"
    )


def _events(store: MetricStore) -> dict[str, int]:
    rows = store.rows(
        "SELECT event, value FROM system.events "
        "WHERE event IN ('SelectedRows', 'SelectedBytes', 'OSCPUVirtualTimeMicroseconds')"
    )
    return {str(row["event"]): int(row["value"]) for row in rows}
