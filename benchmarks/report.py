"""Figures as a table for people, as JSON, and as plots."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from .figures import Figure, shown, to_json
from .measure import cpu_model

__all__ = ["draw", "machine", "markdown", "table", "write_json"]


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": _commit(),
        "load_before": None if load is None else round(load, 1),
    }


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return ""
    return done.stdout.strip()


def table(name: str, about: str, figures: Sequence[Figure]) -> Table:
    made = Table(title=f"{name}: {about}", title_justify="left", title_style="bold", header_style="dim")
    made.add_column("what", overflow="fold")
    for column in ("median", "spread", "target", "beside"):
        made.add_column(column, justify="right")
    made.add_column("")
    for figure in figures:
        made.add_row(*_cells(figure))
    return made


def _cells(figure: Figure) -> list[str | Text]:
    what = Text(figure.what)
    if figure.version:
        what.append(f" {figure.version}", "dim")
    if figure.note:
        what.append(f"\n{figure.note}", "dim")
    if not figure.values:
        return [what, "-", "", "", "", Text(figure.absent, "dim")]
    unit = figure.unit
    spread = "" if len(figure.values) < 2 else f"{shown(min(figure.values), unit)} to {shown(max(figure.values), unit)}"
    target = "" if figure.target is None else f"{'>=' if figure.at_least else '<='} {shown(figure.target, unit)}"
    beside = "" if figure.ratio is None else f"{figure.ratio:.3g}x {figure.against}"
    met = {None: Text(""), True: Text("met", "green"), False: Text("NOT MET", "bold red")}[figure.met]
    return [what, shown(figure.median, unit), spread, target, beside, met]


def markdown(about: Mapping[str, Any], results: Mapping[str, Sequence[Figure]], titles: Mapping[str, str]) -> str:
    """The same tables as docs/benchmarks.md has them."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `python -m benchmarks --docs docs/benchmarks.md`; a figure is the median of its repeats.",
        "",
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}, "
        f"Python {about['python']}, commit {about['commit'] or 'unknown'}, load {about['load_before']} when it began"
        f"{', with --quick: not figures to quote' if about.get('quick') else ''}.",
    ]
    for name, figures in results.items():
        lines += ["", f"## {name}", "", f"{titles[name][0].upper()}{titles[name][1:]}.", ""]
        lines += ["| what | median | spread | target | beside | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
        for figure in figures:
            cells = [str(cell).replace("\n", "<br>").replace("|", "\\|") for cell in _cells(figure)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write_json(
    path: Path, about: Mapping[str, Any], results: Mapping[str, Sequence[Figure]], titles: Mapping[str, str]
) -> None:
    subjects = {
        name: {"about": titles[name], "figures": [to_json(figure) for figure in figures]}
        for name, figures in results.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": dict(about), "subjects": subjects}, indent=1) + "\n")


def draw(folder: Path, results: Mapping[str, Sequence[Figure]]) -> str | None:
    """A picture a subject: each figure as a share of its target, or of what it stands beside. Why there is none."""
    try:
        from matplotlib.figure import Figure as Picture
    except ImportError:
        return "no plots: matplotlib is not installed (pip install '.[bench]')"
    folder.mkdir(parents=True, exist_ok=True)
    for name, figures in results.items():
        bars = [(f.what, share) for f in figures if (share := _share(f))]
        if not bars:
            continue
        picture = Picture(figsize=(8, 0.9 + 0.32 * len(bars)), layout="constrained")
        axes = picture.subplots()
        colours = ["#1b7f5c" if share <= 1 else "#c0392b" for _, share in bars]
        axes.barh([what for what, _ in bars], [share for _, share in bars], color=colours, height=0.6)
        axes.axvline(1, color="#444444", linewidth=1)
        axes.set_xscale("log")
        axes.invert_yaxis()
        axes.set_xlabel("cost as a share of the target (of the reference, where there is no target); left of 1 is met")
        axes.set_title(name, loc="left")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        picture.savefig(folder / f"{name}.svg")
    return None


def _share(figure: Figure) -> float:
    """0: there is nothing to draw."""
    if not figure.values or not figure.median:
        return 0
    if figure.target:
        return figure.target / figure.median if figure.at_least else figure.median / figure.target
    return figure.ratio or 0
