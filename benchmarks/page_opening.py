"""How much a browser fetches, and how long it takes one to which nothing listens to the first of 1,500 charts."""

from __future__ import annotations

import os
import time
from typing import Any

import psutil

from .bare_browser import bare_browser
from .browser import Tab, tab
from .figures import Figure
from .serving import Site

__all__ = ["METRICS", "PROJECT", "run"]

PROJECT, RUN = "wide", "r000000"
METRICS = 1_500
ROUTES = {  # the view: where it is
    "runs": f"/{PROJECT}",
    "run, charts": f"/{PROJECT}/{RUN}",
    "run, summary": f"/{PROJECT}/{RUN}?tab=summary",
    "run, config": f"/{PROJECT}/{RUN}?tab=config",
    "run, console": f"/{PROJECT}/{RUN}?tab=console",
    "run, files": f"/{PROJECT}/{RUN}?tab=files",
    "run, environment": f"/{PROJECT}/{RUN}?tab=env",
    "run, distributions": f"/{PROJECT}/{RUN}?tab=hist",
}
_LOOK_S, _CALM_MS, _CALM_LOOKS, _SETTLE_LOOKS = 0.1, 10.0, 3, 50
_FETCHED = """
performance.getEntriesByType('resource')
  .filter((one) => /\\.(js|css)$/.test(one.name)).map((one) => [one.name, one.encodedBodySize])
"""


def run(chromium: Any, site: Site, quick: bool) -> list[Figure]:
    return [*_sizes(chromium, site), *_first_charts(site, 3 if quick else 9)]


def _sizes(chromium: Any, site: Site) -> list[Figure]:
    figures = []
    with tab(chromium, site) as opened:
        opened.page.get_by_role("heading", name="Projects").wait_for()
        known = _fetched(opened)
        figures.append(Figure("initial JS and CSS, gzip", "bytes", (sum(known.values()),), target=115_000))
    for name, place in ROUTES.items():
        with tab(chromium, site) as opened:
            opened.page.goto(f"{site.url}/#{place}")
            opened.page.reload()  # another hash alone loads nothing anew
            opened.page.locator("main > *:not(.loading)").first.wait_for()
            opened.page.wait_for_load_state("networkidle") if name != "run, charts" else opened.wait("seen.firstChart")
            more = {file: size for file, size in _fetched(opened).items() if file not in known}
            figures.append(Figure(f"{name}: what it adds", "bytes", (sum(more.values()),), note=f"{len(more)} files"))
            largest = max(more.values(), default=0)
            figures.append(Figure(f"{name}: its largest file", "bytes", (largest,), target=35_000))
    return figures


def _fetched(opened: Tab) -> dict[str, float]:
    return {name: float(size) for name, size in opened.page.evaluate(_FETCHED)}


def _first_charts(site: Site, repeats: int) -> list[Figure]:
    figures = []
    with bare_browser() as chromium:
        for slower, target in ((1, 400.0), (4, 1_000.0)):
            times, tasks, bounds = [], [], []
            for _ in range(repeats):
                with chromium.tab(site) as opened:
                    opened.empty()
                    _settle(site)
                    opened.throttle(slower)
                    before = _spent_ms(site)
                    times.append(opened.first_chart(f"{site.url}/#/{PROJECT}/{RUN}"))
                    spent = _spent_ms(site)
                    bounds.append(sum(ms - before.get(pid, 0.0) for pid, ms in spent.items()) / (os.cpu_count() or 1))
                    tasks.append(1000 * opened.main_thread_s())
            named = "first chart of 1,500 metrics" + (f", CPU throttled {slower}x" if slower > 1 else "")
            figures.append(Figure(named, "ms", tuple(times), target=target, note="cold: empty cache, new tab"))
            figures.append(Figure(f"{named}: the main thread's work", "ms", tuple(tasks)))
            if slower == 1:
                note = "CPU of service and Chromium until then, over the processors"
                figures.append(Figure(f"{named}: what these processors need at least", "ms", tuple(bounds), note=note))
    return figures


def _settle(site: Site) -> None:
    """Until a new tab's own beginnings are over: a browser with its whole window starts a process for that too."""
    spent, calm = 0.0, 0
    for _ in range(_SETTLE_LOOKS):
        before, spent = spent, sum(_spent_ms(site).values())
        calm = calm + 1 if spent - before <= _CALM_MS else 0
        if calm == _CALM_LOOKS:
            return
        time.sleep(_LOOK_S)


def _spent_ms(site: Site) -> dict[int, float]:
    """CPU time so far by process, of all that an opening page keeps at work."""
    spent = {}
    for process in [psutil.Process(site.pid), *psutil.Process().children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent[process.pid] = 1000 * (times.user + times.system)
    return spent
