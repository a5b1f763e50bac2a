"""What a log call, a block, an insert and a chart cost as a run and its project grow, drawn as curves.

Each curve doubles one thing by tens: metrics of a run, ranks, points of a metric, runs of a project. What a curve may
do is known (a log call does not care how many metrics there are; a chart of ten times the points takes ten times as
long at most), so its steepest part is a figure with a target: beyond it lies a cliff, and the note says where.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from stepwell import _core
from stepwell.stores.metrics import MetricStore

from .end_to_end import fresh
from .figures import Figure, quantile
from .filling import Filling, fill_store
from .measure import clock_cost_ns, time_calls
from .reading import chart, table
from .servers import metrics_of

__all__ = ["run", "steepest"]

METRICS = (10, 100, 1_000, 10_000, 100_000)
RANKS = (1, 4, 16, 64)
POINTS = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
RUNS = (10, 100, 1_000, 10_000)
BLOCK_POINTS = 100_000
ROW = 100  # metrics of a row of a block
FLAT, PROPORTIONAL = 0.35, 1.15  # exponents: a cache that grows too small is not a cliff yet
_MARK = bytes([0xA5] * 16)
_ROOT = Path(__file__).resolve().parents[1]

Curve = list[tuple[int, tuple[float, ...]]]


def run(quick: bool) -> Iterator[Figure]:
    repeats = 3 if quick else 7
    sizes = {name: values[: 3 if quick else None] for name, values in _SIZES.items()}
    yield from _shown("a log call of 10", "metrics of the run", "ns", _log_calls(sizes["metrics"], quick), FLAT)
    by_metrics = _by_metrics(sizes["metrics"], repeats)
    for what, curve in by_metrics.items():
        yield from _shown(what, "metrics of the run", "ms", curve, PROPORTIONAL)
    for what, curve in _by_ranks(sizes["ranks"], repeats).items():
        yield from _shown(what, "ranks", "ms", curve, PROPORTIONAL)
    for what, curve in _by_points(sizes["points"], repeats).items():
        yield from _shown(what, "points of the metric", "ms", curve, PROPORTIONAL)
    for what, curve in _by_runs(sizes["runs"], repeats).items():
        yield from _shown(what, "runs of the project", "ms", curve, PROPORTIONAL)


_SIZES = {"metrics": METRICS, "ranks": RANKS, "points": POINTS, "runs": RUNS}


def _shown(what: str, over: str, unit: str, curve: Curve, allowed: float) -> Iterator[Figure]:
    for at, values in curve:
        yield Figure(f"{what}, {over}: {at:,}", unit, values, curve=f"{what}, by {over}", at=float(at))
    exponent, place = steepest([(at, quantile(values, 0.5)) for at, values in curve])
    note = f"from {place[0]:,} to {place[1]:,} {over}; 1 is in proportion"
    yield Figure(f"{what}, by {over}: steepest", "", (exponent,), target=allowed, note=note)


def steepest(curve: Sequence[tuple[int, float]]) -> tuple[float, tuple[int, int]]:
    """The largest exponent between neighbours (1: in proportion, 0: flat), and where it is. Two points at least."""
    slopes = [
        (math.log(high / low) / math.log(after / before), (before, after))
        for (before, low), (after, high) in pairwise(curve)
    ]
    return max(slopes)


# --- in the training process


def _log_calls(sizes: Sequence[int], quick: bool) -> Curve:
    curve = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
            environment = {**os.environ, "STEPWELL_HOME": f"{folder}/home", "STEPWELL_AGENT_LINGER_S": "1"}
            command = [sys.executable, "-m", "benchmarks.growth", str(size), *(["--quick"] if quick else [])]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=environment, timeout=120, cwd=_ROOT
            )
        if done.returncode:
            raise RuntimeError(f"a log call with {size:,} metrics: {done.stderr.strip()[-1000:]}")
        curve.append((size, tuple(json.loads(done.stdout.splitlines()[-1]))))
    return curve


def _log_call(size: int, quick: bool) -> list[float]:
    """p50 of three rounds over all metrics of a run, ten a call, once each has been seen."""
    import stepwell

    source = random.Random(0)
    names = [f"group{i // 10:05d}/metric_{i % 10}" for i in range(size)]
    rows = [{name: source.random() for name in names[start : start + 10]} for start in range(0, size, 10)]
    clock_ns = clock_cost_ns()
    with stepwell.init(project="benchmark", settings={"quiet": True, "console": False, "capture": False}) as recorder:
        calls = max(len(rows), 2_000 if quick else 20_000)
        time_calls(recorder.log, rows, 2 * len(rows), 500, 0.02)
        return [quantile(time_calls(recorder.log, rows, calls, 500, 0.02), 0.5) - clock_ns for _ in range(3)]


# --- in the agent and the service


def _by_metrics(sizes: Sequence[int], repeats: int) -> dict[str, Curve]:
    made: dict[str, Curve] = {"a block encoded": [], "a block decoded": [], "an insert": [], "a chart": []}
    for size in sizes:
        built = [_builder(size, 0) for _ in range(repeats)]
        block = built[0].encode()[1]
        built[0] = _builder(size, 0)
        made["a block encoded"].append((size, _times(lambda built=built: built.pop().encode(), repeats)))
        made["a block decoded"].append((size, _times(partial(_decoded, [block]), repeats)))
        native = _decoded([block])
        with _store() as store:
            insert = _times(lambda store=store, native=native: store.insert_native("scalars", fresh(native)), repeats)
            made["an insert"].append((size, insert))
            fill_store(store, Filling("grown", metrics=size, steps=20))
            middle = f"group{size // 20:03d}/metric_00"
            ask = partial(chart, store, "grown", 1, metric=middle)
            made["a chart"].append((size, _times(ask, repeats)))
    return made


def _builder(metrics: int, rank: int, points: int = BLOCK_POINTS) -> Any:
    """Rows of ROW metrics (all, of fewer), one group of metrics after the other."""
    source = random.Random(0)
    width = min(ROW, metrics)
    groups = [
        [(f"group{i // 10:05d}/metric_{i % 10}", source.gauss(0, 1)) for i in range(start, start + width)]
        for start in range(0, metrics, width)
    ]
    block = _core.BlockBuilder(
        project="benchmark", id="growth", run=_MARK, rank=rank, attempt=1, writer=1, created_ms=1_700_000_000_000
    )
    for row in range(points // width):
        block.add_row(groups[row % len(groups)], row + 1, row // len(groups), 1_700_000_000_000 + row)
    return block


def _decoded(blocks: Sequence[bytes]) -> bytes:
    batch = _core.NativeBatch()
    for block in blocks:
        batch.add(block)
    return batch.build("scalars")


def _by_ranks(sizes: Sequence[int], repeats: int) -> dict[str, Curve]:
    """As many points in all, of more and more ranks."""
    made: dict[str, Curve] = {"blocks decoded": [], "an insert": [], "a chart": []}
    for size in sizes:
        blocks = [_builder(ROW, rank, 5 * BLOCK_POINTS // size).encode()[1] for rank in range(size)]
        made["blocks decoded"].append((size, _times(partial(_decoded, blocks), repeats)))
        native = _decoded(blocks)
        with _store() as store:
            insert = _times(lambda store=store, native=native: store.insert_native("scalars", fresh(native)), repeats)
            made["an insert"].append((size, insert))
            fill_store(store, Filling("ranks", metrics=1, ranks=size, steps=5 * BLOCK_POINTS // size))
            made["a chart"].append((size, _times(partial(chart, store, "ranks", 1), repeats)))
    return made


# --- in the store


def _by_points(sizes: Sequence[int], repeats: int) -> dict[str, Curve]:
    """One run that grows; what is added stays."""
    made: dict[str, Curve] = {"a chart": [], "an insert of 100,000 rows": []}
    native = _decoded([_builder(10, 0).encode()[1]])
    with _store() as store:
        filled = 0
        for size in sizes:
            fill_store(store, Filling("grown", metrics=1, steps=size - filled, begin=filled))
            filled = size
            few = repeats if size <= 10_000_000 else 3
            made["a chart"].append((size, _times(partial(chart, store, "grown", 1), few)))
            insert = _times(lambda: store.insert_native("scalars", fresh(native)), few)
            made["an insert of 100,000 rows"].append((size, insert))
    return made


def _by_runs(sizes: Sequence[int], repeats: int) -> dict[str, Curve]:
    made: dict[str, Curve] = {"a table with a filter": [], "a chart of 10 runs": []}
    for size in sizes:
        with _store() as store:
            fill_store(store, Filling("listed", runs=size, metrics=30, steps=20, config=30))
            made["a table with a filter"].append((size, _times(partial(table, store, least_bytes=1), repeats)))
            made["a chart of 10 runs"].append((size, _times(partial(chart, store, "listed", 10), repeats)))
    return made


@contextmanager
def _store() -> Iterator[MetricStore]:
    with (
        tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder,
        metrics_of("embedded", Path(folder)) as (store, _),
    ):
        yield store


def _times(call: Callable[[], object], repeats: int) -> tuple[float, ...]:
    """Milliseconds of each."""
    took = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        took.append(1000 * (time.perf_counter() - begin))
    return tuple(took)


if __name__ == "__main__":
    print(json.dumps(_log_call(int(sys.argv[1]), "--quick" in sys.argv)), flush=True)
