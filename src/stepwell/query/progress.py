"""A bar for a download, where there is somebody to see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_of"]

_SHOWN_FROM_BYTES = 8 << 20  # less is there before a bar could be read


@contextmanager
def progress_of(what: str, size: int, shown: bool | None) -> Iterator[Callable[[int], None]]:
    """Gives what is to be told of bytes that have come. shown: default: on a terminal, from 8 MiB on."""
    if not (sys.stderr.isatty() and size >= _SHOWN_FROM_BYTES if shown is None else shown):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what.replace("[", "\\["), total=size)
        yield lambda count: bar.advance(task, count)
