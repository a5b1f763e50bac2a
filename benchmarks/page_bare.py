"""What this browser does with an empty page on this machine now: the yardstick beside every time of the page."""

from __future__ import annotations

from typing import Any

from .browser import LATE_MS, TURNS, TURNS_QUICK, tab
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

_LINES = """
(lines) => {
  document.body.append(...Array.from({ length: lines }, (_, at) => {
    const line = document.createElement('p');
    line.textContent = `line ${at}`;
    return line;
  }));
}
"""
_LINES_SCROLLED = 3_000  # of text and nothing else: more than the wheel goes over


def run(chromium: Any, site: Site, quick: bool) -> list[Figure]:
    with tab(chromium, site) as opened:
        opened.page.goto("about:blank")
        with opened.frames() as frames:
            opened.page.wait_for_timeout(1_000 if quick else 5_000)
        opened.page.evaluate(_LINES, _LINES_SCROLLED)
        scrolled = opened.scroll(200, 200, TURNS_QUICK if quick else TURNS)
        sorts = tuple(float(opened.page.evaluate(_SORT)) for _ in range(5))
    return [
        Figure("an empty page: sorting a million numbers", "ms", sorts),
        Figure("an empty page: p95 frame", "ms", (quantile(frames, 0.95),)),
        Figure("an empty page: late frames", "of 1000", (_late(frames),)),
        Figure("a page of plain lines, wheel scroll: late frames", "of 1000", (_late(scrolled),)),
    ]


def _late(frames: list[float]) -> float:
    return 1000 * sum(one > LATE_MS for one in frames) / max(1, len(frames))
