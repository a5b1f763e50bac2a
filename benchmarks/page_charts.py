"""What charts cost to draw and to keep: one of many lines, one with bands, and 1,500 of them scrolled through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .browser import Tab, memory_of_tab, tab
from .figures import Figure
from .page_opening import METRICS, PROJECT, RUN
from .serving import Site

__all__ = ["BANDS", "LINES", "run"]

LINES, BANDS = "lines", "bands"
METRIC = "group000/metric_00"
MOUNTED_MAX = 40
MEMORY_MAX = 450e6
_MOUNTED = "document.querySelectorAll('figure.chart canvas').length"


def run(chromium: Any, site: Site, quick: bool) -> list[Figure]:
    repeats = 5 if quick else 15
    return [
        *_drawing(chromium, site, LINES, 100, "100 lines of 1,000 points", repeats),
        *_drawing(chromium, site, BANDS, 20, "20 lines of 1,024 buckets", repeats),
        *_scrolling(chromium, site),
    ]


def _drawing(chromium: Any, site: Site, project: str, runs: int, named: str, repeats: int) -> list[Figure]:
    """The work of the frames in which a chart is drawn anew, as it is when a run is no longer lit, and of those in
    which one run after the other is lit up. Eight runs are chosen, which is as many as have hues, and bands.
    """
    ids = [f"r{index:06d}" for index in range(runs)]
    with tab(chromium, site) as opened:
        opened.page.goto(f"{site.url}/#/{project}/{ids[0]}?n=all&sel={','.join(ids[1:8])}&with={','.join(ids[1:])}")
        opened.page.reload()
        opened.wait("seen.firstChart")
        opened.page.wait_for_timeout(1_000)
        swatches = opened.page.locator(".legend button.swatch-button")
        whole, lit = [], []
        for turn in range(repeats):
            swatch = swatches.nth(turn % min(runs, 8))
            lit.append(_longest(opened, swatch.focus))
            whole.append(_longest(opened, swatch.blur))
        swatches.nth(0).focus()
        opened.page.wait_for_timeout(100)
        moved = [_longest(opened, swatches.nth(1 + turn % (min(runs, 8) - 1)).focus) for turn in range(repeats)]
    return [
        Figure(f"drawing a chart: {named}", "ms", tuple(whole), target=17),
        Figure(f"the same, the first run lit up: {named}", "ms", tuple(lit)),
        Figure(f"the same, from one run to the next: {named}", "ms", tuple(moved), target=17),
    ]


def _longest(opened: Tab, act: Callable[[], Any]) -> float:
    opened.page.wait_for_timeout(100)
    opened.ask("(seen.longestDraw = 0)")
    act()
    return opened.wait("seen.longestDraw")


def _scrolling(chromium: Any, site: Site) -> list[Figure]:
    with tab(chromium, site, 1280, 800) as opened:
        opened.page.goto(f"{site.url}/#/{PROJECT}/{RUN}?q=metric")  # a search opens every group
        opened.page.reload()
        opened.wait("seen.firstChart")
        opened.page.mouse.move(800, 500)
        mounted, memory = [opened.page.evaluate(_MOUNTED)], [memory_of_tab(chromium, opened)]
        at_end = "window.scrollY + innerHeight >= document.documentElement.scrollHeight - 4"
        with opened.frames() as frames:
            for turn in range(400):
                opened.page.mouse.wheel(0, 1_200)
                opened.page.wait_for_timeout(60)
                if turn % 5 == 0:
                    mounted.append(opened.page.evaluate(_MOUNTED))
                if turn % 20 == 0:
                    memory.append(memory_of_tab(chromium, opened))
                if opened.page.evaluate(at_end):
                    break
        opened.page.wait_for_timeout(500)
        memory.append(memory_of_tab(chromium, opened))
        seen = opened.page.evaluate(_MOUNTED)
    note = f"{METRICS:,} charts scrolled through, {len(frames)} frames; {seen} mounted at the end"
    return [
        Figure("most charts mounted at once", "charts", (max(mounted),), target=MOUNTED_MAX, note=note),
        Figure("most memory of the tab while scrolling", "bytes", (max(memory),), target=MEMORY_MAX),
    ]
