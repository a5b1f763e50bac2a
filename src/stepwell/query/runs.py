"""`Runs`: the runs that a question found, fetched a page at a time and shown as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

from rich.table import Table
from rich.text import Text

from ..errors import StepwellError
from ..notebook.options import Options
from ..notebook.showing import plotted
from .reader import PAGE, Reader
from .records import RunInfo
from .view import Run

if TYPE_CHECKING:
    import pandas as pd

    from ..notebook.plot import Plot

__all__ = ["STATE_STYLES", "Runs", "runs_table", "took"]

STATE_STYLES = {"running": "cyan", "finished": "green", "failed": "yellow", "crashed": "red", "unknown": "dim"}
_SHOWN = 20


class Runs(Sequence[Run]):
    """Newest first. A list for reading: loop over it, index it, `len` it, `to_pandas` it."""

    def __init__(self, reader: Reader, *, project: str | None = None, filters: str | None = None) -> None:
        self._reader = reader
        self._asked: dict[str, Any] = {"project": project, "filters": filters}
        self._found = self._fetch(last=False)

    def _fetch(self, *, last: bool) -> list[RunInfo]:
        found: dict[Any, RunInfo] = {}
        offset = 0
        while True:
            page = self._reader.runs(**self._asked, limit=PAGE, offset=offset, last=last)
            found.update({info.key: info for info in page})  # a run begun meanwhile moves others to the next page
            offset += len(page)
            if len(page) < PAGE:
                return list(found.values())

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Run]:
        return (Run(self._reader, info, has_last=False) for info in self._found)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> list[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | list[Run]:
        if isinstance(index, slice):
            return [Run(self._reader, info, has_last=False) for info in self._found[index]]
        return Run(self._reader, self._found[index], has_last=False)

    @property
    def reader(self) -> Reader:
        """What is asked."""
        return self._reader

    def newest(self, count: int) -> list[RunInfo]:
        """These runs as they stand now, with their last values.

        Args:
            count: At most so many, the newest.
        """
        there = {info.key for info in self._found}
        now = self._reader.runs(**self._asked, limit=count + len(self._found) // 10 + 10, last=True)
        return [info for info in now if info.key in there][:count]

    def plot(
        self,
        *metrics: str,
        x: str = "step",
        smoothing: float = 0.0,
        log_y: bool = False,
        rank: int | None = None,
        live: bool = False,
    ) -> Plot:
        """The runs' curves over each other, a chart a metric; the newest 20 runs. Needs matplotlib.

        Args:
            metrics: Names or patterns (`train/*`). Default: all; the first 12 are drawn.
            x: "step", "time", "relative" (since the start), or the name of another metric.
            smoothing: Weight of a moving average over the whole series, 0 (none) to below 1.
            log_y: A logarithmic axis.
            rank: Of one process. Default: the median of all, with their band.
            live: Show it now, and go on until the runs end (notebooks only).
        """
        return plotted(self._reader, self._found, Options(metrics, x, smoothing, log_y, rank), live=live)

    def _repr_html_(self) -> str:
        from ..notebook.cards import runs_card

        return runs_card(self)

    def to_pandas(self) -> pd.DataFrame:
        """A row a run: project, id, name, state, created, ..., then `config.*` and `summary.*` columns."""
        try:
            import pandas as pd
        except ImportError:
            raise StepwellError("to_pandas needs pandas: pip install pandas") from None
        return pd.DataFrame([_row(info) for info in self._fetch(last=True)])

    def __repr__(self) -> str:
        from rich.console import Console

        console = Console(width=110, color_system=None)
        with console.capture() as capture:
            console.print(self)
        return capture.get().rstrip()

    def __rich__(self) -> Table:
        return runs_table(self._found[:_SHOWN], len(self._found))


def runs_table(infos: Sequence[RunInfo], total: int | None = None) -> Table:
    """run, name, state, created, duration, tags; the caption says what is not shown."""
    total = len(infos) if total is None else total
    more = f"{len(infos)} of {total} runs shown" if total > len(infos) else f"{total} run{'' if total == 1 else 's'}"
    table = Table(caption=more, caption_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in ("run", "name", "state", "created (UTC)", "took", "tags"):
        table.add_column(name, overflow="fold" if name == "run" else "ellipsis", no_wrap=name != "run")
    for info in infos:
        table.add_row(
            Text(str(info.key)),
            Text(info.name),
            Text(info.state, style=STATE_STYLES.get(info.state, "")),
            f"{info.created:%Y-%m-%d %H:%M:%S}",
            took(info.started, info.ended),
            Text(", ".join(info.tags)),
        )
    return table


def took(started: datetime | None, ended: datetime | None) -> str:
    """How long it was: "1h 02m", "3m 05s", "4.2s"; "" while it runs."""
    if started is None or ended is None:
        return ""
    seconds = max(0.0, (ended - started).total_seconds())
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}h {minutes % 60:02d}m" if minutes >= 60 else f"{minutes}m {seconds:02d}s"


def _row(info: RunInfo) -> dict[str, Any]:
    row: dict[str, Any] = {
        "run": str(info.key),
        "project": info.key.project,
        "id": info.key.id,
        "name": info.name,
        "state": info.state,
        "created": info.created,
        "started": info.started,
        "ended": info.ended,
        "tags": list(info.tags),
    }
    for name in ("group", "job_type", "experiment", "notes"):
        row[name] = info.value(name)
    for root, tree in (("config", info.config), ("summary", info.summary)):
        row |= {f"{root}.{name}": value for name, value in _leaves(tree, "")}
    return row


def _leaves(tree: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
