"""`plot` of the run that this process records: read back from where it is stored, as anybody would."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import StepwellError
from ..home import Home
from .options import Options

if TYPE_CHECKING:
    from .plot import Plot

__all__ = ["LiveRun", "plot_live_run"]

_DRAIN_WAIT_S = 2.0  # the agent takes a quarter of a second


class LiveRun(Protocol):
    """What is shown of a run.Run, which knows this room and is not known by it."""

    @property
    def path(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> str | None: ...
    @property
    def mode(self) -> str: ...
    @property
    def url(self) -> str | None: ...
    @property
    def dir(self) -> Path | None: ...
    @property
    def server(self) -> str: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def summary(self) -> Mapping[str, Any]: ...
    @property
    def finished(self) -> bool: ...
    @property
    def drained(self) -> bool: ...


def plot_live_run(run: LiveRun, asked: tuple[Any, ...], *, live: bool) -> Plot:
    """asked: the fields of Options. Raises StepwellError."""
    options = Options(*asked)
    if run.dir is None:
        raise StepwellError(f"{run.path} records nothing (mode {run.mode}), so there is nothing to plot")
    home = Home(run.dir)
    source = {"url": run.server} if run.server else {"path": str(run.dir)}
    if live:
        from .live import live_view

        # What is recorded offline no service sees before `stepwell sync`.
        serve = not run.server and run.mode == "online"
        return live_view(source, None, [run.path], options, home, serve=serve)
    from ..query import Api

    end = time.monotonic() + _DRAIN_WAIT_S
    while not run.drained and time.monotonic() < end:
        time.sleep(0.01)
    with Api(**source) as api:
        return api.run(run.path).plot(*options.metrics, x=options.x, smoothing=options.smoothing,
                                      log_y=options.log_y, rank=options.rank)  # fmt: skip
