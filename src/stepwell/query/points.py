"""The points of runs, exact and in order: a large run's as they stream, those of many small ones by one query.

What a query costs before its first row is more than a small run's points do. Merging what was written twice costs as
much as all the rest, and mostly there is nothing: so the points are read as they are stored, and merged only from where
one is there twice, or where a run was deleted or rewound.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from . import sql
from .history import Key, Repeated, once, widen
from .records import RunKey
from .sources import MetricSource

__all__ = ["HELD_POINTS", "Asked", "RunPoints", "is_cut", "points_of"]

HELD_POINTS = 500_000
"""Runs are read together up to so many points, which are held until they can be given in order: some 25 MB."""
_COUNTED_RUNS = 1_000  # by one query

_OF_RUN = "run = {run:UUID}"

Batches = Generator[pa.RecordBatch, None, None]


@dataclass(frozen=True)
class Asked:
    """metrics: their names, None for all. times: with the column `time`."""

    metrics: Sequence[str] | None = None
    times: bool = False

    @property
    def columns(self) -> str:
        return "metric, rank, step, at, time, value" if self.times else "metric, rank, step, at, value"

    @property
    def condition(self) -> str:
        return "1" if self.metrics is None else "metric IN {metrics:Array(String)}"

    @property
    def parameters(self) -> dict[str, Any]:
        return {} if self.metrics is None else {"metrics": list(self.metrics)}


@dataclass(frozen=True)
class RunPoints:
    """Of one run, ordered by metric, rank, step, at: the columns of Asked.

    stored: as they are in the table. merged: those after a key (None: all), each once, asked for when they are needed.
    """

    stored: Iterable[pa.RecordBatch]
    merged: Callable[[Key | None], Batches]

    def once(self) -> Iterator[pa.RecordBatch]:
        return once(self.stored, self.merged)

    def wide(self, names: Sequence[str]) -> pa.Table:
        try:
            return widen(self.stored, names)
        except Repeated:
            return widen(self.merged(None), names)


def points_of(metrics: MetricSource, keys: Sequence[RunKey], asked: Asked) -> Iterator[RunPoints]:
    """One for each key, in their order. Each has to be read before the next is asked for."""
    reading = _Reading(metrics, asked)
    if len(keys) == 1:
        yield reading.alone(keys[0])
        return
    for start in range(0, len(keys), _COUNTED_RUNS):
        for group in reading.groups(keys[start : start + _COUNTED_RUNS]):
            yield from reading.together(group) if len(group) > 1 else map(reading.alone, group)


def is_cut(metrics: MetricSource, runs: Sequence[str]) -> bool:
    """Whether any of these runs was deleted or rewound: the views leave out what their tables still hold of it."""
    [told] = metrics.rows(sql.CUTS, {"runs": list(runs)})
    return bool(told["cuts"])


class _Reading:
    def __init__(self, metrics: MetricSource, asked: Asked) -> None:
        self._metrics = metrics
        self._asked = asked

    def groups(self, keys: Sequence[RunKey]) -> Iterator[list[RunKey]]:
        """Cut runs and large ones are alone."""
        runs = {"runs": [str(key.uuid) for key in keys]}
        counted = self._metrics.rows(sql.POINT_COUNTS.format(self._asked.condition), runs | self._asked.parameters)
        points = {row["uuid"]: int(row["points"]) for row in counted}
        cut = {row["uuid"] for row in self._metrics.rows(sql.CUT_RUNS, runs)}
        group, held = list[RunKey](), 0
        for key in keys:
            uuid = str(key.uuid)
            own = HELD_POINTS if uuid in cut else points.get(uuid, 0)
            if group and held + own > HELD_POINTS:
                yield group
                group, held = [], 0
            if own >= HELD_POINTS:
                yield [key]
            else:
                group.append(key)
                held += own
        if group:
            yield group

    def together(self, keys: Sequence[RunKey]) -> Iterator[RunPoints]:
        found: dict[bytes, list[pa.RecordBatch]] = {}
        runs = {"runs": [str(key.uuid) for key in keys]}
        for batch in self._stream("run, ", "scalars", "run IN {runs:Array(UUID)}", sql.UNCUT, runs):
            for run, part in _by_run(batch):
                found.setdefault(run, []).append(part)
        for key in keys:  # where there is nothing at all, one of them was cut in the meantime
            yield RunPoints(found.get(key.uuid.bytes, []), self._merged_of(key)) if found else self.alone(key)

    def alone(self, key: RunKey) -> RunPoints:
        merged = self._merged_of(key)
        stored = self._stream("", "scalars", _OF_RUN, sql.UNCUT, _only(key))

        def whole() -> Iterator[pa.RecordBatch]:
            first = next(stored, None)
            yield from merged(None) if first is None else chain((first,), stored)

        def merged_after(before: Key | None) -> Batches:
            stored.close()
            return merged(before)

        return RunPoints(whole(), merged_after)

    def _merged_of(self, key: RunKey) -> Callable[[Key | None], Batches]:
        def merged(before: Key | None) -> Batches:
            if before is None:
                return self._stream("", "v_scalars", _OF_RUN, "1", _only(key))
            after = dict(zip(("after_metric", "after_rank", "after_step", "after_at"), before, strict=True))
            return self._stream("", "v_scalars", _OF_RUN, sql.AFTER, _only(key) | after)

        return merged

    def _stream(self, run: str, source: str, of: str, condition: str, parameters: dict[str, Any]) -> Batches:
        where = f"{of} AND {self._asked.condition} AND {condition}"
        query = sql.POINTS.format(columns=run + self._asked.columns, source=source, where=where, run=run)
        yield from self._metrics.stream_arrow(query, parameters | self._asked.parameters)


def _only(key: RunKey) -> dict[str, Any]:
    return {"run": str(key.uuid), "runs": [str(key.uuid)]}


def _by_run(batch: pa.RecordBatch) -> Iterator[tuple[bytes, pa.RecordBatch]]:
    """(16 bytes, its rows without their run) for each run of an ordered batch."""
    if not batch.num_rows:
        return
    uuids = _halves(batch.column("run"))
    points = batch.drop_columns("run")
    high, low = uuids[:, 0], uuids[:, 1]
    cuts = np.flatnonzero((high[1:] != high[:-1]) | (low[1:] != low[:-1])) + 1
    for start, end in pairwise([0, *cuts.tolist(), batch.num_rows]):
        yield uuids[start].tobytes(), points.slice(start, end - start)


def _halves(column: pa.Array) -> npt.NDArray[np.uint64]:
    """Of shape (rows, 2)."""
    stored = column.storage if isinstance(column, pa.ExtensionArray) else column
    _, data = stored.buffers()
    return np.frombuffer(data, np.uint64).reshape(-1, 2)[stored.offset : stored.offset + len(stored)]
