"""A table of ten thousand runs and sixty columns: wheel scrolling, and a click on a heading."""

from __future__ import annotations

import math
from typing import Any

from .browser import LATE_MS, TURNS, TURNS_QUICK, tab
from .figures import Figure, quantile
from .serving import Site

__all__ = ["PROJECT", "run"]

PROJECT = "sweep"
COLUMNS = [
    "name",
    "config/lr",
    "config/model/kind",
    "config/model/depth",
    "config/augment",
    "config/seed",
    *(f"config/extra/k{index}" for index in range(5, 30)),
    *(f"metric/group{index // 10:03d}/metric_{index % 10:02d}" for index in range(30)),
]
SORTED = 3  # headings clicked, twice each
_SORT = """
async (place) => {
  const button = document.querySelectorAll('[role=columnheader] button.sort')[place];
  const first = () => document.getElementById('line-0')?.textContent;
  const before = first();
  const start = performance.now();
  button.click();
  for (let turn = 0; turn < 600; turn += 1) {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
    if (first() !== before) return performance.now() - start;
  }
  return NaN;
}
"""


def run(chromium: Any, site: Site, quick: bool) -> list[Figure]:
    with tab(chromium, site) as opened:
        opened.page.goto(f"{site.url}/#/{PROJECT}?cols={','.join(COLUMNS)}")
        opened.page.locator("a.run-name").first.wait_for()
        opened.page.wait_for_timeout(3_000)  # the metrics' last values come after the runs
        box = opened.page.locator("a.run-name").first.bounding_box()
        before = opened.cost()["TaskDuration"]
        frames = opened.scroll(box["x"] + 5, box["y"] + 200, TURNS_QUICK if quick else TURNS)
        work = 1000 * (opened.cost()["TaskDuration"] - before) / max(1, len(frames))
        opened.page.evaluate("document.querySelector('[role=grid]').scrollTop = 0")
        opened.page.locator("#line-0").wait_for()
        # The first heading is the name's; a second click turns the order round.
        sorts = [float(opened.page.evaluate(_SORT, 1 + place)) for place in range(SORTED) for _ in range(2)]
        sorts = [took for took in sorts if not math.isnan(took)]
    late = sum(one > LATE_MS for one in frames)
    note = f"{len(frames)} frames; late: beyond {LATE_MS:.0f} ms"
    return [
        Figure(
            "table of 10,000 x 60, wheel scroll: late frames",
            "of 1000",
            (1000 * late / max(1, len(frames)),),
            target=0,
            note=note,
        ),
        Figure("table of 10,000 x 60, wheel scroll: p95 frame", "ms", (quantile(frames, 0.95),), target=17.5),
        Figure("table of 10,000 x 60, wheel scroll: main thread's work a frame", "ms", (work,), target=8),
        Figure("table of 10,000 x 60, sort to the screen", "ms", tuple(sorts), target=60),
    ]
