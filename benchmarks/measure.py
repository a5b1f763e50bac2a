"""Timing one call at a time in the calling thread, and the figures made of it."""

from __future__ import annotations

import gc
import platform
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Timing", "clock_cost_ns", "cpu_model", "summarise", "time_calls"]


@dataclass(frozen=True)
class Timing:
    """Of single calls, in nanoseconds, the clock's own cost taken off."""

    calls: int
    p50_ns: float
    p99_ns: float
    p999_ns: float
    mean_ns: float
    max_ns: float


def time_calls(
    call: Callable[[dict[str, float]], object],
    rows: Sequence[dict[str, float]],
    calls: int,
    burst: int,
    rest_s: float,
) -> array[int]:
    """Durations of `calls` calls in bursts with rests between, as a training loop has its own work to do.

    A recorder with a queue behind it is thus measured while it keeps up, not while it is flooded.
    """
    clock = time.perf_counter_ns
    durations = array("q", bytes(8 * calls))
    count = len(rows)
    gc.collect()
    gc.disable()
    try:
        for start in range(0, calls, burst):
            for i in range(start, min(start + burst, calls)):
                row = rows[i % count]
                before = clock()
                call(row)
                durations[i] = clock() - before
            time.sleep(rest_s)
    finally:
        gc.enable()
    return durations


def clock_cost_ns(samples: int = 20_000) -> int:
    """What the two clock reads around a call cost, so that it can be taken off."""
    clock = time.perf_counter_ns
    costs = array("q", bytes(8 * samples))
    for i in range(samples):
        before = clock()
        costs[i] = clock() - before
    return sorted(costs)[samples // 2]


def summarise(durations: Sequence[int], clock_ns: int) -> Timing:
    ordered = sorted(durations)
    last = len(ordered) - 1

    def at(share: float) -> float:
        return max(0, ordered[min(last, int(share * len(ordered)))] - clock_ns)

    mean = sum(ordered) / len(ordered) - clock_ns
    return Timing(len(ordered), at(0.5), at(0.99), at(0.999), max(0.0, mean), max(0, ordered[-1] - clock_ns))


def cpu_model() -> str:
    """The processor's name, as the operating system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return platform.processor()
    return platform.processor() or platform.machine()
