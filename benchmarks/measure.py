"""Timing one call at a time in the calling thread, and the figures made of it."""

from __future__ import annotations

import gc
import platform
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

__all__ = ["Timing", "clock_cost_ns", "cpu_model", "in_turn", "middle", "summarise", "time_calls"]

Row = dict[str, float]
Call = Callable[[Row], object]


@dataclass(frozen=True)
class Timing:
    """Of single calls, in nanoseconds, the clock's own cost taken off."""

    calls: int
    p50_ns: float
    p99_ns: float
    p999_ns: float
    mean_ns: float
    max_ns: float


def time_calls(call: Call, rows: Sequence[Row], calls: int, burst: int, rest_s: float) -> array[int]:
    """Durations of `calls` calls in bursts with rests between, as a training loop has its own work to do.

    A recorder with a queue behind it is thus measured while it keeps up, not while it is flooded.
    """
    durations = array("q")
    source = cycle(rows)
    with _without_collector():
        for start in range(0, calls, burst):
            durations.extend(_turn(call, list(islice(source, min(burst, calls - start)))))
            time.sleep(rest_s)
    return durations


def in_turn(
    called: Sequence[Call | None], rows: Sequence[Row], calls: int, burst: int, rest_s: float
) -> Iterator[list[array[int]]]:
    """The same of several, that take turns of at most a pass over the rows: durations of each, turn by turn.

    A virtual machine's speed may change by a half from one hundredth of a second to the next; a turn and the one beside
    it meet the same. None: what reading the clock takes. How long the turns are matters for what takes no time: of ten
    floats a log call was 2.1 dict copies in turns of 64, 2.4 in turns of 500 or 2,000 (2.6 in a slow phase), as a copy
    is cheaper after many of its kind.
    """
    with _without_collector():
        for start in range(0, calls, burst):
            for first in range(start, min(start + burst, calls), len(rows)):
                turn = rows[: min(len(rows), start + burst - first, calls - first)]
                yield [_turn(call, turn) if call else _nothing(len(turn)) for call in called]
            time.sleep(rest_s)


def _turn(call: Call, rows: Sequence[Row]) -> array[int]:
    clock = time.perf_counter_ns
    durations = array("q", bytes(8 * len(rows)))
    for i, row in enumerate(rows):
        before = clock()
        call(row)
        durations[i] = clock() - before
    return durations


def _nothing(samples: int) -> array[int]:
    clock = time.perf_counter_ns
    durations = array("q", bytes(8 * samples))
    for i in range(samples):
        before = clock()
        durations[i] = clock() - before
    return durations


@contextmanager
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def clock_cost_ns(samples: int = 20_000) -> int:
    """What the two clock reads around a call cost, so that it can be taken off."""
    return sorted(_nothing(samples))[samples // 2]


def middle(durations: Sequence[int]) -> float:
    """The mean of the middle half: finer than the steps of the clock, and untouched by what interrupts a call."""
    ordered = sorted(durations)
    half = ordered[len(ordered) // 4 : len(ordered) - len(ordered) // 4]
    return sum(half) / len(half)


def summarise(durations: Sequence[int], clock_ns: float) -> Timing:
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
