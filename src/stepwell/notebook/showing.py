"""From `plot` of a run or of several to what is shown: a picture, or a view that goes on.

Light: matplotlib and what draws with it are loaded when something is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InvalidValue
from ..home import Home

if TYPE_CHECKING:
    from ..query.reader import Reader
    from ..query.records import RunInfo
    from .options import Options
    from .plot import Plot

__all__ = ["plotted"]


def plotted(reader: Reader, infos: Sequence[RunInfo], options: Options, *, live: bool) -> Plot:
    """Raises NotFound, InvalidValue, StepwellError."""
    if not infos:
        raise InvalidValue("there are no runs to plot: the filter matches none")
    if not live:
        from .plot import plot_runs

        return plot_runs(reader, infos, options)
    from .curves import RUNS_MAX
    from .live import live_view

    source = reader.source
    # An embedded store that is open here can be read by nobody else.
    mine = reader if "url" not in source else None
    return live_view(source, mine, [str(info.key) for info in infos[:RUNS_MAX]], options, Home())
