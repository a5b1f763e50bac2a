"""What a histogram of a million float32 costs the calling thread, beside what others make of the same array."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable

import numpy as np

from stepwell import _core

from .figures import Figure, compared, missing

__all__ = ["run"]

COUNT = 1_000_000
TARGET_MS = 0.5


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
    try:
        import wandb
    except ImportError:
        figures.append(missing("wandb.Histogram", "not installed"))
    else:
        figures.append(
            Figure(
                "wandb.Histogram",
                "ms",
                _times(lambda: wandb.Histogram(values), repeats),
                version=importlib.metadata.version("wandb"),
            )
        )
    return compared(figures, "memcpy", "ms")


def _times(call: Callable[[], object], repeats: int) -> tuple[float, ...]:
    call()
    took = []
    for _ in range(repeats):
        begin = time.perf_counter_ns()
        call()
        took.append((time.perf_counter_ns() - begin) / 1e6)
    return tuple(took)
