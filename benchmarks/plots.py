"""Pictures of figures as SVG, to be read on white and on black: no ground of their own, everything in middle tones."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .figures import Figure
from .running import Result

__all__ = ["LACKING", "draw"]

LACKING = "no plots: matplotlib is not installed (pip install '.[bench]')"

_INK = "#808890"
_MET, _MISSED = "#1f9d73", "#d9534f"
_LINES = ("#2f8fd0", "#e08a1e", "#1f9d73", "#b05fc4", "#d9534f", "#7f8c2d")
_UNITS = {"ns": (1e-9, "s"), "ms": (1e-3, "s")}


def draw(folder: Path, results: Mapping[str, Result]) -> dict[str, list[str]]:
    """The names of the files a subject has. Raises ImportError without matplotlib."""
    import matplotlib

    # A file is the same whenever it is drawn of the same figures.
    matplotlib.rcParams |= {
        "svg.hashsalt": "stepwell", "svg.fonttype": "none", "text.color": _INK, "axes.labelcolor": _INK,
        "axes.edgecolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.spines.top": False,
        "axes.spines.right": False, "font.size": 9, "axes.prop_cycle": matplotlib.cycler(color=_LINES),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, list[str]] = defaultdict(list)
    for key, result in results.items():
        bars = [(figure, share) for figure in result.figures if not figure.curve and (share := _share(figure))]
        if bars:
            made[key].append(_save(_bars(bars), folder / f"{key}.svg"))
        for title, family in _families(result.figures).items():
            made[key].append(_save(_curves(title, family), folder / f"{key}-{_slug(title)}.svg"))
    return dict(made)


def _share(figure: Figure) -> float:
    """Of its target, or of what it stands beside; 0: there is nothing to draw."""
    if not figure.values or not figure.median:
        return 0
    if figure.target:
        return figure.target / figure.median if figure.at_least else figure.median / figure.target
    return figure.ratio or 0


def _bars(bars: list[tuple[Figure, float]]) -> Any:
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(8, 0.9 + 0.3 * len(bars)), layout="constrained")
    axes = picture.subplots()
    colours = [_INK if figure.target is None else _MET if figure.met else _MISSED for figure, _ in bars]
    axes.barh([figure.what for figure, _ in bars], [share for _, share in bars], color=colours, height=0.6)
    axes.axvline(1, color=_INK, linewidth=1)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.set_xlabel("share of the target (grey: of what it stands beside); left of 1 is met")
    return picture


def _families(figures: tuple[Figure, ...]) -> dict[str, dict[str, list[Figure]]]:
    """Curves by what they are drawn over: `a block, by ranks` stands in the picture `by ranks`."""
    families: dict[str, dict[str, list[Figure]]] = defaultdict(lambda: defaultdict(list))
    for figure in figures:
        if figure.curve and figure.values and figure.at is not None:
            name, _, over = figure.curve.partition(", by ")
            families[over or figure.curve][name].append(figure)
    return families


def _curves(over: str, family: Mapping[str, list[Figure]]) -> Any:
    """On logarithmic scales: what grows in proportion is a line at 45 degrees, what does not grow lies flat."""
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(8, 3.6), layout="constrained")
    axes = picture.subplots()
    for name, points in family.items():
        ordered = sorted(points, key=lambda figure: figure.at or 0)
        factor, unit = _UNITS.get(ordered[0].unit, (1.0, ordered[0].unit))
        heights = [factor * figure.median for figure in ordered]
        lows = [factor * min(figure.values) for figure in ordered]
        highs = [factor * max(figure.values) for figure in ordered]
        places = [figure.at for figure in ordered]
        [line] = axes.plot(places, heights, marker="o", markersize=4, label=f"{name} ({unit})")
        axes.fill_between(places, lows, highs, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(visible=True, color=_INK, alpha=0.25, linewidth=0.5)
    axes.set_xlabel(over)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return picture


def _save(picture: Any, path: Path) -> str:
    picture.savefig(path, transparent=True, metadata={"Date": None})
    # Trailing blanks would be taken out by whatever cleans files before a commit, and come back with the next run.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
    return path.name


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
