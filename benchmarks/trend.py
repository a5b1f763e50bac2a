"""The suite's own history: each run recorded with stepwell, and set beside the newest earlier one of the same machine.

A run is a point at the step that is its commit's number, so that the page's chart of any figure over the project's runs
is its trend over commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from .figures import Figure, shown
from .report import verdict
from .running import Result

__all__ = ["PROJECT", "compare", "earlier", "flat", "record"]

PROJECT = "stepwell-benchmarks"
_MACHINE = ("cpu", "cores", "memory_gb", "quick")
_NOISE = 0.05  # less than this is not worth a colour


def record(about: Mapping[str, Any], results: Mapping[str, Result]) -> str:
    """The path of the run."""
    import stepwell

    versions = {
        figure.what: figure.version for result in results.values() for figure in result.figures if figure.version
    }
    failed = {key: result.failed for key, result in results.items() if result.failed}
    settings = {"quiet": True, "console": False}
    config = {**about, "versions": versions}
    with stepwell.init(project=PROJECT, name=str(about["commit"]) or None, config=config, settings=settings) as run:
        run.log({name: figure.median for name, figure in flat(results).items()}, step=int(about["commits"]))
        run.summary.update({**verdict(results), "failed": failed})
        return run.path


def flat(results: Mapping[str, Result]) -> dict[str, Figure]:
    """`SUBJECT/what` of what was measured."""
    return {f"{key}/{one.what}": one for key, result in results.items() for one in result.figures if one.values}


def earlier(about: Mapping[str, Any], but: str = "") -> tuple[str, dict[str, float]]:
    """Name and figures of the newest recorded run of this machine, that of the path `but` left out; none: ("", {})."""
    import stepwell

    with stepwell.Api() as api:
        runs = sorted(api.runs(PROJECT), key=lambda run: run.created, reverse=True)
        for run in runs:
            if run.path != but and all(run.config.get(name) == about[name] for name in _MACHINE):
                return f"{run.name} of {run.created:%Y-%m-%d}", {one.name: one.last for one in run.metrics}
    return "", {}


def compare(results: Mapping[str, Result], name: str, before: Mapping[str, float]) -> Table:
    """Figures that both have, largest change for the worse first; which way is worse is known by targets and units."""
    made = Table(title=f"beside {name}", title_justify="left", title_style="bold", header_style="dim")
    made.add_column("what", overflow="fold")
    for column in ("before", "now", "change"):
        made.add_column(column, justify="right")
    rows = []
    for what, figure in flat(results).items():
        if before.get(what):
            change = figure.median / before[what] - 1
            rows.append((change if _less_is_better(figure) else -change, what, figure, change))
    for worse, what, figure, change in sorted(rows, key=lambda row: -row[0]):
        colour = "red" if worse > _NOISE else "green" if worse < -_NOISE else "dim"
        cells = [shown(before[what], figure.unit), shown(figure.median, figure.unit)]
        made.add_row(what, *cells, Text(f"{100 * change:+.1f} %", colour))
    return made


def _less_is_better(figure: Figure) -> bool:
    return not (figure.at_least or figure.unit.endswith("/s"))
