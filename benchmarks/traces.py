"""Columns of values as runs record them, from the hardest to the smoothest: what the codec is measured on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Trace", "demo_traces", "traces"]

Values = npt.NDArray[np.float64] | npt.NDArray[np.int64]


@dataclass(frozen=True)
class Trace:
    """`float32`: each value is one, as most losses are, and a peer that knows float32 is given it as such."""

    name: str
    values: Values
    float32: bool = False

    @property
    def as_recorded(self) -> npt.NDArray[Any]:
        return self.values.astype(np.float32) if self.float32 else self.values


def traces(count: int) -> list[Trace]:
    random = np.random.default_rng(0)
    i = np.arange(count)

    def narrowed(values: npt.NDArray[np.float64]) -> Values:
        return values.astype(np.float32).astype(np.float64)

    share = 0.5 + 0.45 * (1 - np.exp(-3 * i / count))
    hiccup = (random.random(count) < 0.01) * random.exponential(60, count)
    jitter = random.normal(0, 200_000, count).astype(np.int64)
    return [
        Trace("float32 noise", narrowed(random.normal(0, 1, count)), float32=True),
        Trace("float32 loss", narrowed(2.3 * np.exp(-i / count) + random.normal(0, 0.1, count)), float32=True),
        Trace("float64 noise", random.normal(0, 1, count)),
        Trace("cosine learning rate", np.array([5e-4 * (1 + math.cos(math.pi * k / count)) for k in range(count)])),
        Trace("k/256 accuracy", random.binomial(256, share) / 256),
        Trace("3-decimal milliseconds", np.round(48 + random.gamma(4, 0.5, count) + hiccup, 3)),
        Trace("jittered ns timestamps", 1_790_000_000_000_000_000 + np.cumsum(50_000_000 + jitter)),
    ]


def demo_traces(steps: int) -> list[Trace]:
    """What `stepwell demo` records of a training run: values as they come, not made for this purpose."""
    from stepwell.demo.train import CONFIG, Network, train

    taken = list(train(Network.fresh(CONFIG["model"]["layers"], CONFIG["seed"]), steps))
    return [
        Trace(f"demo {name}", np.array([getattr(step, name) for step in taken]))
        for name in ("loss", "accuracy", "lr", "step_ms")
    ]
