"""Forty charts while a training process appends to each of them once a second."""

from __future__ import annotations

import time
from typing import Any

from .browser import LATE_MS, tab
from .figures import Figure, quantile
from .serving import Site
from .training import training

__all__ = ["run"]

PROJECT = "live"
METRICS = 40
SIZE = (1920, 2700)  # pixels: all forty charts in view
SHARE_MAX = 4.0  # percent of the main thread


def run(chromium: Any, site: Site, quick: bool) -> list[Figure]:
    seconds = 10 if quick else 40
    with training(site.home, PROJECT, metrics=METRICS, every_s=1.0, steps=seconds + 60) as trained:
        with tab(chromium, site, *SIZE) as opened:
            opened.page.goto(f"{site.url}/#/{PROJECT}/{trained.id}?open=live")
            _wait_for_run(opened, site, trained.id)
            opened.page.wait_for_timeout(3_000)
            charts = opened.page.evaluate("document.querySelectorAll('figure.chart canvas').length")
            opened.ask("(seen.tasks = [], seen.steps = {}, seen.watching = 'live/metric_000')")
            before = opened.cost()["TaskDuration"]
            with opened.frames() as frames:
                opened.page.wait_for_timeout(1000 * seconds)
            work = opened.cost()["TaskDuration"] - before
            drawn = sorted(opened.ask("seen.tasks"))
            shown = {int(step): at / 1000 for step, at in opened.ask("seen.steps").items()}
        time.sleep(0.5)
        delays = [1000 * (at - trained.logged[step]) for step, at in shown.items() if step in trained.logged]
    late = sum(one > LATE_MS for one in frames)
    note = f"{charts} charts, 1 Hz, {len(frames)} frames; late: beyond {LATE_MS:.0f} ms"
    return [
        Figure("live: work of a frame that draws, p95", "ms", (quantile(drawn, 0.95),), target=8, note=note),
        Figure("live: p95 frame", "ms", (quantile(frames, 0.95),), target=17.5),
        Figure("live: late frames", "of 1000", (1000 * late / max(1, len(frames)),)),
        Figure("live: the main thread's work", "ms a second", (1000 * work / seconds,)),
        Figure("live: log to screen", "ms", tuple(delays), target=2000, note=f"{len(delays)} steps"),
        Figure("live: log to screen, longest", "ms", (max(delays, default=float("nan")),), target=2000),
    ]


def _wait_for_run(opened: Any, site: Site, id: str) -> None:
    """A run that has just begun is not in the store yet."""
    for _ in range(30):
        opened.page.goto(f"{site.url}/#/{PROJECT}/{id}?open=live")
        opened.page.reload()
        opened.page.wait_for_timeout(1_000)
        if opened.ask("seen.firstChart"):
            return
    raise TimeoutError(f"no chart of {PROJECT}/{id} after half a minute")
