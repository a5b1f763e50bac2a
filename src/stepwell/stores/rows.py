"""Inserts the odd single row through the driver, without what the driver loads to look at it.

At its first insert the driver imports pandas where that is installed, to see whether it was handed a DataFrame: 0.4 s
of CPU at the start of every service and every command that writes. Meanwhile it is told that there is none.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from clickhouse_connect.driver import options
from clickhouse_connect.driver.client import Client

__all__ = ["insert_rows"]

_lock = threading.Lock()
_inserting = 0


def insert_rows(
    client: Client,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Plain values in the order of `columns`. Raises what the driver raises."""
    with _no_frames():
        client.insert(table, rows, column_names=list(columns), settings=dict(settings or {}))


@contextmanager
def _no_frames() -> Iterator[None]:
    """As long as one insert is under way. Where somebody has imported pandas, it costs nothing and nothing changes."""
    global _inserting  # noqa: PLW0603 - the driver's own answer is one of the process
    with _lock:
        mine = _inserting > 0 or not ("pd" in vars(options) or "pandas" in sys.modules)
        if mine:
            _inserting += 1
            options.pd = None
    try:
        yield
    finally:
        if mine:
            with _lock:
                _inserting -= 1
                if not _inserting:
                    del options.pd
