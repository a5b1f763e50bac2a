"""Lists that show themselves as tables: metrics, artifacts, histograms; and the wide table of a history."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .html import Cell, ago, bars, clean, framed, number, size, sparkline, table, text

if TYPE_CHECKING:
    import pyarrow as pa

    from ..query import Artifact, HistogramPoint, MetricInfo
    from ..query.logged import Logged

__all__ = [
    "MARK", "Listing", "artifact_list", "histogram_card", "histogram_list", "media_list", "metric_list",
    "show_tables",
]  # fmt: skip

MARK = {"stepwell": "history"}
"""Metadata of a table that `show_tables` draws: other tables of Arrow are not ours."""
_ROWS = 5
_COLUMNS = 12
_LISTED = 60
_Item = TypeVar("_Item")


class Listing(list[_Item]):
    """A list in every way, with HTML for a notebook."""

    def __init__(self, items: Iterable[_Item], draw: Callable[[Sequence[_Item]], Cell]) -> None:
        super().__init__(items)
        self._draw = draw

    def _repr_html_(self) -> str:
        return self._draw(self)


def metric_list(infos: Sequence[MetricInfo]) -> Cell:
    columns = (
        ("metric", False),
        ("kind", False),
        ("points", True),
        ("steps", False),
        ("last", True),
        ("min", True),
        ("max", True),
    )
    rows = [
        [text(info.name), text(info.kind), f"{info.points:,}", f"{info.first_step} to {info.last_step}"]
        + [number("" if value is None else value) for value in (info.last, info.min, info.max)]
        for info in infos[:_LISTED]
    ]
    return framed(table(columns, rows, _note(rows, infos, "metrics")))


def artifact_list(found: Sequence[Artifact]) -> Cell:
    columns = (
        ("name", False),
        ("type", False),
        ("version", False),
        ("step", True),
        ("size", True),
        ("made (UTC)", False),
        ("state", False),
        ("metadata", False),
    )
    rows = []
    for one in found[:_LISTED]:
        version = "" if one.version is None else ", ".join((f"v{one.version}", *one.aliases))
        told = text(_flat(one.metadata), 60)
        told_of = [text(one.name), text(one.type), text(version), f"{one.step:,}", size(one.size), ago(one.time)]
        rows.append([*told_of, _whereabouts(one), told])
    return framed(table(columns, rows, _note(rows, found, "artifacts")))


def media_list(found: Sequence[Logged]) -> Cell:
    """Images, tables or tensors of a run, by what they are."""
    columns = (
        ("name", False),
        ("step", True),
        ("rank", True),
        ("size", True),
        ("logged (UTC)", False),
        ("state", False),
    )
    rows = []
    for one in found[:_LISTED]:
        told_of = [text(one.name), f"{one.step:,}", str(one.rank), size(one.artifact.size), ago(one.time)]
        rows.append([*told_of, _whereabouts(one.artifact)])
    return framed(table(columns, rows, _note(rows, found, "media")))


def _whereabouts(one: Artifact) -> Cell:
    if one.complete:
        return "stored"
    told = f"{one.parts_in} of {one.parts} parts" if one.state == "partial" else "waiting on its host"
    return f'<span class="m">{told}</span>' if one.state != "deleted" else "deleted"


def histogram_card(point: HistogramPoint) -> Cell:
    counts, edges = point.bins(48)
    ends = f'<div class="m">{edges[0]:.4g} … {edges[-1]:.4g}</div>'
    return framed(
        f"<div><b>step {point.step:,}</b>, {_described(point)}</div>", bars(counts, 320, 72), ends
    )  # fmt: skip


def histogram_list(points: Sequence[HistogramPoint]) -> Cell:
    """Evenly spread over the steps where there are many."""
    columns = (("step", True), ("rank", True), ("min", True), ("", False), ("max", True), ("values", False))
    places = np.unique(np.linspace(0, len(points) - 1, min(len(points), 12)).astype(int)) if points else ()
    rows = []
    for point in (points[place] for place in places):
        counts, edges = point.bins(40)
        ends = (number(float(edges[0])), bars(counts, 160, 20), number(float(edges[-1])))
        rows.append([f"{point.step:,}", str(point.rank), *ends, _described(point)])
    return framed(table(columns, rows, _note(rows, points, "histograms")))


def show_tables() -> None:
    """Has IPython, where it is at work, show a history as HTML; any other Arrow table stays as it was."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    shell = get_ipython()
    if shell is not None:
        shell.display_formatter.formatters["text/html"].for_type_by_name("pyarrow.lib", "Table", _history)


def _history(history: pa.Table) -> str | None:
    metadata = history.schema.metadata or {}
    if metadata.get(b"stepwell") != MARK["stepwell"].encode():
        return None
    names = history.column_names[:_COLUMNS]
    shown = history.select(names)
    rows = shown.num_rows
    ends = [*range(min(_ROWS, rows)), *range(max(_ROWS, rows - _ROWS), rows)]
    columns = [(name, name not in ("run", "metric", "time")) for name in names]
    body = [[_spark(shown, name) for name in names]] if rows > 1 else []
    for place in ends:
        if place == rows - _ROWS and rows > 2 * _ROWS:
            body.append(["⋮"] * len(names))
        body.append([_value(value) for value in shown.slice(place, 1).to_pylist()[0].values()])
    more = f", {len(names)} of them shown" if len(names) < history.num_columns else ""
    return framed(table(columns, body, f"{rows:,} rows, {history.num_columns:,} columns{more}; every point, exact"))


def _spark(shown: pa.Table, name: str) -> Cell:
    if name in ("run", "metric", "time", "step", "rank") or str(shown.schema.field(name).type) != "double":
        return ""
    values = shown[name].to_numpy()
    parts = np.array_split(values, min(96, len(values)))
    finite = [part[np.isfinite(part)] for part in parts]
    low = np.array([part.min() if len(part) else np.nan for part in finite])
    high = np.array([part.max() if len(part) else np.nan for part in finite])
    return sparkline(low[~np.isnan(low)], high[~np.isnan(high)])


def _value(value: Any) -> Cell:
    return '<span class="m">·</span>' if value is None else number(value)


def _described(point: HistogramPoint) -> Cell:
    others = [
        f"{count:,} {name}"
        for count, name in ((point.nan, "NaN"), (point.pos_inf, "+Inf"), (point.neg_inf, "-Inf"))
        if count
    ]
    return ", ".join([f"{point.count:,} values, mean {point.mean:.4g}, std {point.std:.4g}", *others])


def _note(rows: Sequence[object], every: Sequence[object], what: str) -> Cell:
    return f"{len(rows)} of {len(every):,} {what} shown" if len(rows) < len(every) else ""


def _flat(metadata: Any) -> str:
    return clean(", ".join(f"{name}={value}" for name, value in dict(metadata).items()))
