"""A log call as it grows: metrics a call, numpy's scalars, eight threads at once, sets of metrics taking turns."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
from array import array
from collections.abc import Callable
from typing import Any

from .figures import Figure, quantile
from .measure import clock_cost_ns, time_calls

__all__ = ["run"]

SIZES = (1, 10, 100, 1_000)
NS_A_METRIC = 30.0
THREADS = 8
SETS = 64  # of metrics, one a call: a model's layers, each logged by itself
REST_S = 0.02
ROUNDS = 9  # of all shapes in turn: one alone may meet the machine in a bad moment


def run(quick: bool) -> list[Figure]:
    """In a process of its own, so that its agent and ring are."""
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, "STEPWELL_HOME": f"{folder}/home", "STEPWELL_AGENT_LINGER_S": "1"}
        command = [sys.executable, "-m", "benchmarks.shapes", *(["--quick"] if quick else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=900)
    if done.returncode:
        raise RuntimeError(f"the benchmark of log calls' shapes failed:\n{done.stderr[-3000:]}")
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])

    def slope(few: str, many: str) -> tuple[float, ...]:
        return tuple((high - low) / 990 for low, high in zip(found[few], found[many], strict=True))

    def each(what: str) -> tuple[float, ...]:
        return tuple(one / 10 for one in found[what])

    return [
        *(Figure(what, "ns", tuple(values)) for what, values in found.items()),
        Figure(
            "each further metric, from 10 to 1,000",
            "ns",
            slope("10 metrics a call, p50", "1000 metrics a call, p50"),
            target=NS_A_METRIC,
        ),
        Figure("dict copy, each further metric", "ns", slope("dict copy of 10, p50", "dict copy of 1000, p50")),
        Figure("each of 10 numpy scalars", "ns", each("10 numpy scalars a call, p50"), target=NS_A_METRIC),
        Figure(
            f"each of 10 metrics, from {THREADS} threads",
            "ns",
            each(f"10 metrics a call from {THREADS} threads, p50"),
            target=NS_A_METRIC,
        ),
        Figure(
            f"each of 10 metrics, {SETS} sets taking turns",
            "ns",
            each(f"10 metrics a call, {SETS} sets taking turns, p50"),
            target=NS_A_METRIC,
        ),
        Figure("each of 10 metrics, from one thread", "ns", each("10 metrics a call from one thread, p50")),
        Figure("dict copy, each of 10", "ns", each("dict copy of 10, p50")),
    ]


def _measure(quick: bool) -> dict[str, list[float]]:
    import numpy as np

    import stepwell

    source = random.Random(0)

    def rows(names: list[str], number: Callable[[float], Any] = float) -> list[dict[str, Any]]:
        return [{name: number(source.random()) for name in names} for _ in range(16)]

    names = {size: [f"group/metric_{i}" for i in range(size)] for size in SIZES}
    calls = 700 if quick else 7_000
    found: dict[str, list[float]] = {}
    with stepwell.init(project="benchmark", settings={"quiet": True, "console": False, "capture": False}) as run:
        shapes: dict[str, tuple[Callable[[Any], object], list[dict[str, Any]], int]] = {}
        for size in SIZES:
            some = max(200, 10 * calls // size)
            shapes[f"{size} metrics a call, p50"] = (run.log, rows(names[size]), some)
            shapes[f"dict copy of {size}, p50"] = (dict.copy, rows(names[size]), some)
        shapes["10 numpy scalars a call, p50"] = (run.log, rows(names[10], np.float32), calls)
        sets = [{"epoch": 1.0} | {f"layer_{k}/{i}": source.random() for i in range(9)} for k in range(SETS)]
        shapes[f"10 metrics a call, {SETS} sets taking turns, p50"] = (run.log, sets, calls)
        plain = rows(names[10])
        for _ in range(ROUNDS):
            clock_ns = clock_cost_ns()
            for what, (call, logged, some) in shapes.items():
                found.setdefault(what, []).append(_p50(call, logged, some, clock_ns))
            for threads, what in ((1, "one thread"), (THREADS, f"{THREADS} threads")):
                taken = _threads(run.log, plain, threads, calls // threads, clock_ns)
                found.setdefault(f"10 metrics a call from {what}, p50", []).append(taken)
    return found


def _p50(log: Callable[[Any], object], rows: list[dict[str, Any]], calls: int, clock_ns: int) -> float:
    return quantile(time_calls(log, rows, calls, max(20, min(2_000, calls // 10)), REST_S), 0.5) - clock_ns


def _threads(
    log: Callable[[Any], object], rows: list[dict[str, Any]], threads: int, calls: int, clock_ns: int
) -> float:
    """Of all threads' calls. What a call waits for the interpreter's lock is in the upper quantiles, not here."""
    taken: list[array[int]] = []
    workers = [
        threading.Thread(target=lambda: taken.append(time_calls(log, rows, calls, 500, REST_S))) for _ in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return quantile([one for part in taken for one in part], 0.5) - clock_ns


if __name__ == "__main__":
    print(json.dumps(_measure("--quick" in sys.argv)), flush=True)
