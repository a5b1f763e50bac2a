"""The page's budgets in real Chromium against a live service: sizes, first chart, frames while live, tables, memory.

Frames and times are of a browser that draws in software; the CPU figures beside them (`of the main thread`) move less
with what else the machine does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from . import page_bare, page_charts, page_live, page_opening, page_table
from .browser import browser, lacking
from .figures import Figure, missing
from .filling import Filling, fill
from .serving import home_of, serving

__all__ = ["run"]


def run(quick: bool) -> list[Figure]:
    lacks = lacking()
    if lacks:
        return [missing("the page", lacks)]
    from playwright.sync_api import Error

    with (
        tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder,
        home_of(Path(folder) / "home") as home,
    ):
        _fill(home, quick)
        with serving(home) as site, browser() as chromium:
            figures = []
            for part in (page_bare, page_opening, page_charts, page_table, page_live):
                try:
                    figures += part.run(chromium, site, quick)
                except Error as error:  # one view that does not come must not cost the figures of the others
                    figures.append(missing(part.__name__.rpartition(".")[2], str(error).splitlines()[0]))
    return figures


def _fill(home: Path, quick: bool) -> None:
    fill(home, Filling(page_opening.PROJECT, metrics=page_opening.METRICS, steps=200 if quick else 2_000))
    fill(home, Filling(page_charts.LINES, runs=100, metrics=1, steps=1_000))
    fill(home, Filling(page_charts.BANDS, runs=20, metrics=1, steps=10_000 if quick else 100_000))
    fill(
        home, Filling(page_table.PROJECT, runs=1_000 if quick else 10_000, metrics=30, steps=20, config=30, ragged=True)
    )
