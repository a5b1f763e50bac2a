"""What this browser does with an empty page on this machine now: the yardstick beside every time of the page."""

from __future__ import annotations

from typing import Any

from .browser import LATE_MS, tab
from .figures import Figure, quantile
from .serving import Site

__all__ = ["run"]

_SORT = """
() => {
  const numbers = new Float64Array(1 << 20);
  let state = 1;
  for (let at = 0; at < numbers.length; at += 1) numbers[at] = state = (state * 16807) % 2147483647;
  const begin = performance.now();
  numbers.sort();
  return performance.now() - begin;
}
"""


def run(chromium: Any, site: Site, quick: bool) -> list[Figure]:
    with tab(chromium, site) as opened:
        opened.page.goto("about:blank")
        with opened.frames() as frames:
            opened.page.wait_for_timeout(1_000 if quick else 5_000)
        sorts = tuple(float(opened.page.evaluate(_SORT)) for _ in range(5))
    late = sum(one > LATE_MS for one in frames)
    return [
        Figure("an empty page: sorting a million numbers", "ms", sorts),
        Figure("an empty page: p95 frame", "ms", (quantile(frames, 0.95),)),
        Figure("an empty page: late frames", "of 1000", (1000 * late / max(1, len(frames)),)),
    ]
