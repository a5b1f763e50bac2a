"""Runs that show what charts can do: resumed, of many ranks, spiky, at and under zero, a sweep to group."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from typing import Any

import numpy as np

from support import wait_for

RANKS = 4
SWEEP = 52  # more than are drawn one by one
ATTEMPTS = ((0, 40), (40, 80), (80, 120))  # the steps of the resumed run
PAUSE_S = 0.05  # after the first step of an attempt, which would last a millisecond or none without it
_RANK = """
import math, os, sys, stepwell
rank = int(os.environ["RANK"])
with stepwell.init(project="charted", id="ranks", name="four ranks") as run:
    for step in range(400):
        run.log({"loss": math.exp(-step / 100) * (1 + rank / 4), "step_s": 0.1 + (rank == 3) * 0.2}, step=step)
"""
_PART = """
import sys, time, stepwell
first, last, pause_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
with stepwell.init(project="charted", id="resumed", name="resumed twice", resume="allow") as run:
    for step in range(first, last):
        run.log({"loss": 1 / (step + 1)}, step=step)
        if step == first:
            time.sleep(pause_s)
"""


def record_charted() -> dict[str, str]:
    """Ids by what they show; all in the project `charted`, as what `record_odd` records."""
    _resumed()
    _ranks()
    _sweep()
    return {"resumed": "resumed", "ranks": "ranks"}


def record_odd() -> dict[str, str]:
    """Spikes, values at and under zero, an x that goes back, histograms and texts."""
    import stepwell

    with stepwell.init(project="charted", id="odd", name="odd values") as run:
        rng = np.random.default_rng(0)
        for step in range(1200):
            spike = 1e4 if step in (100, 700) else 0.0
            run.log(
                {
                    "spiky": 1 + 0.1 * rng.random() + spike,
                    "signed": math.cos(step / 40),
                    "tokens": step * 512.0,
                    "back": abs(600.0 - step),
                },
                step=step,
            )
            if step % 10 == 0:
                run.log({"val/loss": math.exp(-step / 300), "train/loss": math.exp(-step / 250)}, step=step)
            if step % 200 == 0:
                weights = stepwell.Histogram(rng.normal(size=400) * math.exp(-step / 900))
                run.log({"grad/w": weights, "note": f"text of step {step}"}, step=step)
    return {"odd": "odd"}


def _resumed() -> None:
    for first, last in ATTEMPTS:
        subprocess.run([sys.executable, "-c", _PART, str(first), str(last), str(PAUSE_S)], check=True)


def _ranks() -> None:
    ranks = [
        subprocess.Popen([sys.executable, "-c", _RANK], env={**os.environ, "RANK": str(rank), "WORLD_SIZE": str(RANKS)})
        for rank in range(RANKS)
    ]
    assert [process.wait(120) for process in ranks] == [0] * RANKS


def sweep_ids(count: int = SWEEP) -> list[str]:
    return [f"s{index:03d}" for index in range(count)]


def _sweep() -> None:
    import stepwell

    rng = np.random.default_rng(7)
    for index, name in enumerate(sweep_ids()):
        config: dict[str, Any] = {"seed": index}
        if index % 4:
            config["lr"] = 0.001 * 10 ** (index % 4 - 1)
        run = stepwell.init(project="charted", id=name, name=f"sweep-{name}", config=config)
        for step in range(0, 60, 1 + index % 2):
            run.log({"loss": math.exp(-step / (20 + 10 * (index % 4))) + 0.05 * rng.random()}, step=step)
        run.finish(timeout=0)  # all are waited for together, which takes a fifth of the time
    ended = stepwell.Api().runs("charted", "name ~ '^sweep-' and state == 'finished'")
    wait_for(lambda: len(ended) == SWEEP, what="every run of the sweep to be stored")
