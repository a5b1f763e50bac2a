"""Curves as a matplotlib figure, and that figure as SVG in the notebook's own colours.

No pyplot: nothing global is touched, no window opened, no backend chosen.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import StepwellError
from .curves import Chart, Curve, Drawing
from .html import clean
from .theme import CONTEXT, LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["as_png", "as_svg", "figure"]

_INK = "#0b0c0d"  # as no curve is coloured: it becomes the notebook's own text colour
_STYLE = {
    "font.size": 9, "font.family": "sans-serif", "axes.edgecolor": _INK, "axes.labelcolor": _INK, "text.color": _INK,
    "xtick.color": _INK, "ytick.color": _INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.labelsize": 8,
    "ytick.labelsize": 8, "axes.formatter.limits": (-4, 6), "axes.formatter.useoffset": False,
    "svg.fonttype": "none", "path.simplify": False, "axes.xmargin": 0.01,
}  # fmt: skip
_AXIS = {"step": "step", "time": "time (UTC)", "relative": "since the start"}
_UNITS = ((48 * 3600, 86400, "days"), (2 * 3600, 3600, "hours"), (120, 60, "minutes"), (0, 1, "seconds"))
_LEFT, _RIGHT, _TOP, _BOTTOM, _LEGEND = 0.58, 0.18, 0.52, 0.44, 0.3  # inches
_SPARSE = 60  # points, below which each has a dot
_MARKS_MAX = 80  # across a chart; denser ones stand for each other


def figure(drawing: Drawing) -> Figure:
    """One set of axes a metric. Raises StepwellError with the pip line where matplotlib is missing."""
    _needs_matplotlib()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    count = max(1, len(drawing.charts))
    columns = 1 if count == 1 else 2 if count in (2, 4) else 3
    rows = -(-count // columns)
    width, each = (7.6, 3.4) if columns == 1 else (9.6, 2.6)
    with rc_context(_STYLE):  # type: ignore[arg-type]
        legend = _LEGEND if len({curve.run for chart in drawing.charts for curve in chart.curves}) > 1 else 0.0
        height = rows * each + legend
        drawn = Figure(figsize=(width, height))
        for place in range(count):
            row, column = divmod(place, columns)
            # Laid out by hand: measuring every label to do so would take longer than drawing them.
            left, bottom = column * width / columns + _LEFT, height - (row + 1) * each + _BOTTOM
            across, up = width / columns - _LEFT - _RIGHT, each - _BOTTOM - _TOP
            ax = drawn.add_axes((left / width, bottom / height, across / width, up / height))
            if drawing.charts:
                _draw(ax, drawing.charts[place], drawing, 8 if columns == 1 else 5)
            else:
                ax.text(0.5, 0.5, "nothing logged yet", ha="center", va="center", alpha=0.6)
                ax.set_axis_off()
        if legend:
            _legend(drawn, drawing, width)
        if drawing.left_out:
            drawn.text(0.995, 1 - 0.12 / height, f"{drawing.left_out} shown", ha="right", fontsize=8, alpha=0.7)
    return drawn


def as_svg(drawn: Figure) -> str:
    """To stand in HTML: no prolog, text as text, the notebook's text colour and the hues of `theme.style`."""
    whole = _saved(
        drawn, "svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    svg = whole.decode()[whole.decode().index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg style="stroke-linejoin:round;stroke-linecap:butt" ', 1).replace(
        _INK, "currentColor"
    )
    svg = re.sub(r"font: (\S+) [^;\"]*", r"font: \1 inherit;font-family:inherit", svg)
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]).replace("\n", ""), svg)
    for place, hue in enumerate(LIGHT):
        svg = svg.replace(hue, f"var(--sw{place},{hue})")
    return svg


def as_png(drawn: Figure, dpi: int = 110) -> bytes:
    return _saved(drawn, "png", dpi=dpi, facecolor="white")


def _saved(drawn: Figure, kind: str, **options: Any) -> bytes:
    from matplotlib import rc_context

    out = io.BytesIO()
    with rc_context(_STYLE), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.simplefilter("ignore", UserWarning)  # of letters that a font lacks
        drawn.savefig(out, format=kind, **options)
    return out.getvalue()


def _needs_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise StepwellError(
            "plot draws with matplotlib, which is not installed here: pip install 'stepwell[plot]'. The numbers are "
            "at hand without it: run.history(...).to_pandas()"
        ) from None


def _draw(ax: Axes, chart: Chart, drawing: Drawing, ticks: int) -> None:
    options = drawing.options
    unit, axis = 1.0, _AXIS.get(options.x, clean(options.x, 60))
    if options.x == "relative":
        longest = max((float(curve.x[-1]) for curve in chart.curves if len(curve.x)), default=0.0)
        unit, name = next((unit, name) for least, unit, name in _UNITS if longest >= least or least == 0)
        axis = f"{axis}, {name}"
    hidden = 0
    for curve in chart.curves:
        hidden += _draw_curve(ax, curve, curve.x / unit if unit != 1.0 else curve.x, options.log_y)
    if options.log_y and any(np.nanmax(curve.line, initial=0.0) > 0 for curve in chart.curves):
        ax.set_yscale("log", nonpositive="mask")
    ax.set_xlabel(axis, parse_math=False, fontsize=8, alpha=0.7)
    ax.grid(True, alpha=0.13, linewidth=0.6, color=_INK)
    ax.set_title(clean(chart.metric, 48), loc="left", fontsize=9.5, parse_math=False, pad=16)
    ax.text(0, 1.025, _told(chart, options.smoothing, hidden), transform=ax.transAxes, fontsize=7.5, alpha=0.65,
            parse_math=False)  # fmt: skip
    _set_ticks(ax, options.x, ticks)
    for curve in chart.curves:  # when the limits are known: marks at the edges
        _draw_marks(ax, curve, curve.x / unit if unit != 1.0 else curve.x)


def _set_ticks(ax: Axes, x: str, ticks: int) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator

    if x == "time":
        locator = AutoDateLocator(maxticks=ticks)  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=ticks, integer=x == "step"))


def _draw_curve(ax: Axes, curve: Curve, x: npt.NDArray[Any], log_y: bool) -> int:
    """How many values a logarithmic axis cannot show."""
    colour = CONTEXT if curve.place is None else LIGHT[curve.place]
    faint = curve.smooth is not None
    if curve.low is not None and curve.high is not None:
        ax.fill_between(x, curve.low, curve.high, color=colour, alpha=0.2 if not faint else 0.14, linewidth=0.7)
    dotted = "o" if len(x) <= _SPARSE and not faint else ""
    ax.plot(x, curve.line, color=colour, linewidth=0.8 if faint else 1.25, alpha=0.38 if faint else 1.0,
            marker=dotted, markersize=2.6)  # fmt: skip
    alone = _alone(curve.line)
    if not dotted and alone.any():  # a line needs two points: one between gaps would not be seen
        ax.plot(x[alone], curve.line[alone], color=colour, linestyle="", marker="o", markersize=2.2)
    if curve.smooth is not None:
        ax.plot(x, curve.smooth, color=colour, linewidth=1.5)
    if not log_y:
        return 0
    return int(np.sum((curve.low if curve.low is not None else curve.line) <= 0))


def _alone(line: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    gap = ~np.isfinite(line)
    before, after = np.concatenate([[True], gap[:-1]]), np.concatenate([gap[1:], [True]])
    return np.asarray(~gap & before & after)


def _draw_marks(ax: Axes, curve: Curve, x: npt.NDArray[Any]) -> None:
    """NaN at the last good value, +Inf at the upper edge, -Inf at the lower."""
    colour = CONTEXT if curve.place is None else LIGHT[curve.place]
    edges = ax.get_xaxis_transform()
    for name, marker in (("nan", "x"), ("above", "^"), ("below", "v")):
        where = curve.marks.get(name)
        if where is None:
            continue
        at = np.flatnonzero(where)
        at = at[np.unique(np.linspace(0, len(at) - 1, min(len(at), _MARKS_MAX)).astype(int))]
        if name == "nan":
            y = _last_good(curve.line)[at]
            lost = ~np.isfinite(y)
            ax.plot(x[at][~lost], y[~lost], color=colour, linestyle="", marker=marker, markersize=5, clip_on=False)
            ax.plot(x[at][lost], np.zeros(lost.sum()), color=colour, linestyle="", marker=marker, markersize=5,
                    clip_on=False, transform=edges)  # fmt: skip
        else:
            y = np.full(len(at), 0.985 if name == "above" else 0.015)
            ax.plot(x[at], y, color=colour, linestyle="", marker=marker, markersize=5, clip_on=False, transform=edges)


def _last_good(line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    good = np.isfinite(line)
    place = np.maximum.accumulate(np.where(good, np.arange(len(line)), -1))
    return np.where(place >= 0, line[place], np.nan)


def _told(chart: Chart, smoothing: float, hidden: int) -> str:
    """How much the chart stands for."""
    parts = [f"{sum(curve.points for curve in chart.curves):,} points"]
    parts += list(dict.fromkeys(curve.bucket for curve in chart.curves if curve.bucket))[:2]
    parts += [f"EMA {smoothing:g}"] if smoothing else []
    lost = sum(curve.not_finite for curve in chart.curves)
    parts += [f"{lost:,} not finite"] if lost else []
    parts += [f"{hidden:,} at or below 0 not on a log axis"] if hidden else []
    return clean(", ".join(parts), 90)


def _legend(drawn: Figure, drawing: Drawing, width: float) -> None:
    from matplotlib.lines import Line2D

    curves = {curve.run: curve for chart in drawing.charts for curve in chart.curves}
    lines = [Line2D([], [], color=CONTEXT if one.place is None else LIGHT[one.place]) for one in curves.values()]
    columns = int(width // 2.4)
    legend = drawn.legend(lines, ["."] * len(lines), loc="lower left", ncols=columns, frameon=False, fontsize=8)
    for label, curve in zip(legend.get_texts(), curves.values(), strict=True):
        label.set_parse_math(False)
        label.set_text(clean(curve.label, 34))
