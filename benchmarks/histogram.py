"""What a histogram of a million float32 costs the calling thread, beside what others make of the same array."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable

import numpy as np

from stepwell import _core

from .environments import Absent, python_with
from .figures import Figure, compared, missing
from .peers import PINS

__all__ = ["run"]

COUNT = 1_000_000
TARGET_MS = 0.5
_WANDB = """
import json, sys, time, numpy, wandb
values = numpy.random.default_rng(0).normal(0, 1, int(sys.argv[1])).astype(numpy.float32)
wandb.Histogram(values)
took = []
for _ in range(int(sys.argv[2])):
    begin = time.perf_counter_ns()
    wandb.Histogram(values)
    took.append((time.perf_counter_ns() - begin) / 1e6)
print(json.dumps(took))
"""


def run(quick: bool) -> list[Figure]:
    repeats = 5 if quick else 100
    values = np.random.default_rng(0).normal(0, 1, COUNT).astype(np.float32)
    spoilt = values.copy()
    spoilt[::1000] = np.nan
    copy = np.empty_like(values)
    codes = values.view(np.uint32)
    figures = [
        Figure("stepwell", "ms", _times(lambda: _core.histogram(values), repeats), target=TARGET_MS),
        Figure("stepwell, a NaN in each thousand", "ms", _times(lambda: _core.histogram(spoilt), repeats)),
        Figure(
            "numpy.histogram, 64 bins", "ms", _times(lambda: np.histogram(values, 64), repeats), version=np.__version__
        ),
        Figure(
            "numpy.bincount of the top 12 bits",
            "ms",
            _times(lambda: np.bincount(codes >> 20, minlength=4096), repeats),
            version=np.__version__,
        ),
        Figure("memcpy", "ms", _times(lambda: np.copyto(copy, values), repeats)),
    ]
    figures.append(_wandb(min(repeats, 20)))
    return compared(figures, "memcpy", "ms")


def _wandb(repeats: int) -> Figure:
    """In its own interpreter, of an array made the same way."""
    pin = PINS["wandb"]
    try:
        command = [python_with(pin.package, pin.version, pin.also), "-c", _WANDB, str(COUNT), str(repeats)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (Absent, subprocess.TimeoutExpired) as why:
        return missing("wandb.Histogram", str(why))
    if done.returncode:
        return missing("wandb.Histogram", f"it failed: {(done.stderr.splitlines() or ['no word'])[-1][:300]}")
    return Figure("wandb.Histogram", "ms", tuple(json.loads(done.stdout.splitlines()[-1])), version=pin.version)


def _times(call: Callable[[], object], repeats: int) -> tuple[float, ...]:
    call()
    took = []
    for _ in range(repeats):
        begin = time.perf_counter_ns()
        call()
        took.append((time.perf_counter_ns() - begin) / 1e6)
    return tuple(took)
