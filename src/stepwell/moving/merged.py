"""Whether a store that has other rows of a run too has all those of a folder, or newer ones in their place."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..stores.metrics import MetricStore
from .manifest import Entry, Table
from .parquet import read_rows
from .tables import stream_keys

__all__ = ["first_lost_row"]


def first_lost_row(metrics: MetricStore, folder: Path, entry: Entry) -> str:
    """The first row of the folder that the store has neither as it is nor in a newer version; "" where it has all.

    Both are read once, in the order of the table's key, so that memory is bounded: as the store's keys hold the
    folder's, it is enough to go on to the next one that is equal.
    """
    table = entry.table
    if not table.has_version:
        return "the store has other rows, and nothing in them says which are newer"
    with closing(_keys(stream_keys(metrics, table, entry.run), table)) as there:
        for key, version in _exported(folder, entry):
            for other, its in there:
                if other == key:
                    if its < version:
                        return f"the row {_said(table, key)} is there in an older version"
                    break
            else:
                return f"the row {_said(table, key)} is not there"
    return ""


def _exported(folder: Path, entry: Entry) -> Iterator[tuple[tuple[Any, ...], int]]:
    wanted = [*entry.table.key, "version"]
    for file in entry.files:
        yield from _keys((batch.select(wanted) for batch in read_rows(folder, file)), entry.table)


def _keys(batches: Iterator[pa.RecordBatch], table: Table) -> Generator[tuple[tuple[Any, ...], int]]:
    count = len(table.key)
    for batch in batches:
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield row[:count], row[count]


def _said(table: Table, key: tuple[Any, ...]) -> str:
    return ", ".join(f"{name}={value}" for name, value in zip(table.key, key, strict=True) if name != "run")
