"""What `plot` returns: curves that a notebook shows, that matplotlib can change, and that can be saved."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidValue
from .curves import Drawing, charts
from .figure import as_png, as_svg, figure
from .html import framed
from .options import Options

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..query.reader import Reader
    from ..query.records import RunInfo

__all__ = ["Plot", "plot_runs"]


class Plot:
    """Curves of some metrics of some runs, as they were when it was asked for.

    A notebook draws it in its own colours; a saved notebook shows it with nothing running. Everywhere else `save` it,
    or take its `figure`.
    """

    def __init__(self, draw: Callable[[], Drawing]) -> None:
        self._draw = draw

    @cached_property
    def _drawing(self) -> Drawing:
        return self._draw()

    @cached_property
    def figure(self) -> Figure:
        """matplotlib's figure, with axes for each metric; what is changed in it is shown and saved."""
        return figure(self._drawing)

    def save(self, path: str | os.PathLike[str], dpi: int = 150) -> Path:
        """Writes a picture.

        Args:
            path: Its ending says as what: .png, .svg, .pdf, .jpg.
            dpi: Dots an inch, of formats that have dots.

        Raises:
            InvalidValue: An ending that matplotlib does not know.
        """
        target = Path(path)
        kinds = self.figure.canvas.get_supported_filetypes()
        if target.suffix[1:].lower() not in kinds:
            raise InvalidValue(f"{target} needs an ending that names a picture: {', '.join(sorted(kinds))}")
        self.figure.savefig(target, dpi=dpi, facecolor="white")
        return target

    def _repr_html_(self) -> str:
        return framed(f'<div class="fig">{as_svg(self.figure)}</div>')

    def _repr_png_(self) -> bytes:
        """For what shows no HTML: an exported PDF, a terminal with pictures."""
        return as_png(self.figure)

    def __repr__(self) -> str:
        names = ", ".join(chart.metric for chart in self._drawing.charts[:4])
        more = ", ..." if len(self._drawing.charts) > 4 else ""
        runs = {curve.run for chart in self._drawing.charts for curve in chart.curves}
        return f"<plot of {names}{more} of {next(iter(runs)) if len(runs) == 1 else f'{len(runs)} runs'}>"


def plot_runs(reader: Reader, infos: Sequence[RunInfo], options: Options) -> Plot:
    """Draws now, so that a bad name is refused where it was given. Raises NotFound, StepwellError."""
    drawing = charts(reader, infos, options)
    plot = Plot(lambda: drawing)
    plot.figure  # noqa: B018 - drawn here: a missing matplotlib is said at once
    return plot
