"""Figures as tables for people, as JSON, and as the machine that they are of."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from .figures import Figure, from_json, shown, to_json
from .measure import cpu_model
from .rows import ROWS, Beside, Line, lines
from .running import Result

__all__ = ["cells", "line_cells", "machine", "read_json", "summary", "table", "verdict", "write_json"]

_MET = {None: Text(""), True: Text("met", "green"), False: Text("NOT MET", "bold red")}


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": _git("describe", "--always", "--dirty"),
        "commits": int(_git("rev-list", "--count", "HEAD") or 0),
        "load_before": None if load is None else round(load, 1),
    }


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def table(result: Result) -> Table:
    title = f"{result.key}: {result.about} ({result.seconds:.0f} s)"
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    made.add_column("what", overflow="fold")
    for column in ("median", "spread", "target", "beside"):
        made.add_column(column, justify="right")
    made.add_column("")
    for figure in result.figures:
        made.add_row(*cells(figure))
    if result.failed:
        made.add_row(Text(f"failed: {result.failed}", "bold red"))
    return made


def cells(figure: Figure) -> list[str | Text]:
    what = Text(figure.what)
    if figure.version:
        what.append(f" {figure.version}", "dim")
    if figure.note:
        what.append(f"\n{figure.note}", "dim")
    if not figure.values:
        return [what, "-", "", "", "", Text(f"missing: {figure.absent}", "dim")]
    unit = figure.unit
    spread = "" if len(figure.values) < 2 else f"{shown(min(figure.values), unit)} to {shown(max(figure.values), unit)}"
    beside = "" if figure.ratio is None else f"{figure.ratio:.3g}x {figure.against}"
    return [what, shown(figure.median, unit), spread, _target(figure), beside, _MET[figure.met]]


def _target(figure: Figure) -> str:
    return "" if figure.target is None else f"{'>=' if figure.at_least else '<='} {shown(figure.target, figure.unit)}"


def summary(results: Mapping[str, Result]) -> Table:
    """Every row, whether it was measured or not."""
    made = Table(title="all rows", title_justify="left", title_style="bold", header_style="dim")
    made.add_column("row", justify="right")
    for column in ("what", "target", "figure"):
        made.add_column(column, overflow="fold")
    made.add_column("beside: figure, times ours", overflow="fold")
    made.add_column("")
    known = lines(results)
    for place, line in enumerate(known):
        first = place == 0 or known[place - 1].row != line.row
        last = place + 1 == len(known) or known[place + 1].row != line.row
        made.add_row(*line_cells(line, first=first), end_section=last)
    return made


def line_cells(line: Line, *, first: bool) -> list[str | Text]:
    title = next(row.what for row in ROWS if row.number == line.row) if first else ""
    what = Text(title, "bold")
    what.append(f"{chr(10) if first else ''}{line.what}", "none")
    number = str(line.row) if first else ""
    if line.figure is None:
        return [number, what, "", "-", "", Text(line.why, "dim")]
    figure = line.figure
    ours = shown(figure.median, figure.unit)
    return [number, what, _target(figure), ours, "\n".join(map(_peer, line.beside)), _MET[figure.met]]


def _peer(beside: Beside) -> str:
    figure = beside.figure
    name = f"{beside.what} {figure.version}".strip()
    if not figure.values:
        return f"{name}: missing ({figure.absent})"
    times = "" if beside.ratio is None else f" ({beside.ratio:.3g}x)"
    return f"{name}: {shown(figure.median, figure.unit)}{times}"


def verdict(results: Mapping[str, Result]) -> dict[str, int]:
    """How many of what is asked are met, not met, and not measured."""
    found = [None if line.figure is None else line.figure.met for line in lines(results)]
    missing = sum(line.figure is None for line in lines(results))
    return {"met": found.count(True), "not_met": found.count(False), "missing": missing}


def write_json(path: Path, about: Mapping[str, Any], results: Mapping[str, Result]) -> None:
    subjects = {
        key: {
            "about": result.about,
            "seconds": result.seconds,
            "failed": result.failed,
            "figures": [to_json(figure) for figure in result.figures],
        }
        for key, result in results.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}")
    aside.write_text(json.dumps({"machine": dict(about), "subjects": subjects}, indent=1) + "\n")
    aside.replace(path)


def read_json(path: Path) -> tuple[dict[str, Any], dict[str, Result]]:
    """What `write_json` wrote."""
    known = json.loads(path.read_text())
    results = {
        key: Result(key, one["about"], one["seconds"], tuple(map(from_json, one["figures"])), one["failed"])
        for key, one in known["subjects"].items()
    }
    return known["machine"], results
