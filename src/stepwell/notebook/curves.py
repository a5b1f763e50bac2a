"""The data of a plot: for each metric the curves of its runs, as points or as buckets that hide no spike.

What a reader's `series` answers, in the shape that drawing wants; only one rank of several is bucketed here.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NotFound
from ..query.history import chosen
from ..query.reader import Reader
from ..query.records import RunInfo, RunKey
from ..query.series_tables import Columns, Extent, Series, SeriesAsked
from ..query.smoothing import ema
from .options import Options
from .theme import places

__all__ = ["CHARTS_MAX", "RUNS_MAX", "Chart", "Curve", "Drawing", "charts"]

BUCKETS = 512  # of one curve: a figure in a notebook is some 700 pixels wide
_POINTS = 1500  # one by one up to here, as in query.series
CHARTS_MAX = 12
RUNS_MAX = 20

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One metric of one run. low, high, smooth: None where there are none; the others are as long as x.

    x: steps, seconds since the start, the other metric's values, or (time) datetime64. place: of its hue; None: grey.
    """

    run: str
    label: str
    place: int | None
    x: npt.NDArray[Any]
    line: _Floats
    low: _Floats | None = None
    high: _Floats | None = None
    smooth: _Floats | None = None
    marks: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    """Where NaN ("nan"), +Inf ("above") and -Inf ("below") were logged."""
    points: int = 0
    bucket: str = ""
    """How much a bucket stands for; "" where every point is drawn."""
    not_finite: int = 0


@dataclass(frozen=True)
class Chart:
    metric: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Drawing:
    """All of a figure. left_out: what is not drawn, for people."""

    options: Options
    charts: tuple[Chart, ...]
    left_out: str = ""


def charts(reader: Reader, infos: Sequence[RunInfo], options: Options, *, waiting: bool = False) -> Drawing:
    """Raises NotFound where nothing was logged under these names, unless what is to come is waited for."""
    shown = list(infos[:RUNS_MAX])
    scalars = {name: None for info in shown for name in _scalars(reader, info)}
    names = [name for name in chosen(options.metrics, scalars) if name in scalars and name != options.x]
    if not names and not waiting:
        raise NotFound(_nothing(shown, options, list(scalars)))
    left = [f"{len(shown)} of {len(infos):,} runs"] if len(infos) > len(shown) else []
    left += [f"{CHARTS_MAX} of {len(names):,} metrics"] if len(names) > CHARTS_MAX else []
    hues = places([(str(info.key), info.key.id, info.value("colour")) for info in shown])
    drawn = _one_rank(reader, shown, names[:CHARTS_MAX], options) if options.rank is not None else None
    answers = drawn if drawn is not None else _answers(reader, shown, names[:CHARTS_MAX], options)
    labels = _labels(shown)
    found = []
    for name in names[:CHARTS_MAX]:
        curves = []
        for info in shown:
            answer = answers.get((str(info.key.uuid), name))
            if answer is not None and answer.extent.seen:
                curves.append(_curve(answer, info, labels[info.key], hues[str(info.key)], options))
        found.append(Chart(name, tuple(curves)))
    return Drawing(options, tuple(found), ", ".join(left))


def _scalars(reader: Reader, info: RunInfo) -> list[str]:
    return [metric.name for metric in reader.metrics(info.key) if metric.kind == "scalar"]


def _nothing(shown: Sequence[RunInfo], options: Options, there: list[str]) -> str:
    who = str(shown[0].key) if len(shown) == 1 else f"any of {len(shown)} runs"
    if not there:
        return f"no metric was logged in {who} yet"
    asked = ", ".join(map(repr, options.metrics))
    near = [match for name in options.metrics for match in difflib.get_close_matches(name, there, 3, 0.6)] or there[:8]
    return f"no scalar metric of {who} is called {asked}; there are: {', '.join(near)}"


def _labels(infos: Sequence[RunInfo]) -> dict[RunKey, str]:
    """Names, and the path behind those that several runs have."""
    names = [info.name for info in infos]
    return {info.key: info.name if names.count(info.name) == 1 else f"{info.name} ({info.key})" for info in infos}


def _answers(
    reader: Reader, infos: Sequence[RunInfo], names: Sequence[str], options: Options
) -> dict[tuple[str, str], Series]:
    x = None if options.x in ("step", "time", "relative") else options.x
    asked = [SeriesAsked(str(info.key.uuid), name, x=x) for name in names for info in infos]
    answers = reader.series(asked, buckets=BUCKETS, smoothing=options.smoothing) if asked else []
    return {(answer.asked.run, answer.asked.metric): answer for answer in answers}


def _one_rank(
    reader: Reader, infos: Sequence[RunInfo], names: Sequence[str], options: Options
) -> dict[tuple[str, str], Series]:
    """From the exact points: charts on the page show ranks as a median, and so do the stores."""
    found = {}
    for info in infos:
        table = reader.history([info.key], list(names), long=True).read_all()
        keep = table.column("rank").to_numpy() == options.rank
        metric = np.asarray(table.column("metric").to_pylist(), object)
        steps = table.column("step").to_numpy()
        times = table.column("time").to_numpy().astype("datetime64[ms]").astype(np.int64)
        values = table.column("value").to_numpy()
        for name in names:
            mine = np.flatnonzero(keep & (metric == name))
            mine = mine[np.argsort(steps[mine], kind="stable")]
            if len(mine):
                columns, shift = _bucketed(steps[mine], times[mine], values[mine], options.smoothing)
                extent = Extent(1, len(mine), len(mine), float(steps[mine][0]), float(steps[mine][-1]))
                asked = SeriesAsked(str(info.key.uuid), name)
                found[asked.run, name] = Series(asked, extent, shift, None, columns)
    return found


def _bucketed(
    steps: npt.NDArray[np.int64], times: npt.NDArray[np.int64], values: _Floats, smoothing: float
) -> tuple[Columns, int | None]:
    """As query.series buckets: widths of a power of two, aligned to step 0."""
    smooth = ema(values, smoothing) if smoothing else None
    if len(values) <= _POINTS:
        columns: Columns = {"step": steps.astype(np.float64), "time": times.astype(np.float64), "value": values}
        return columns | ({"smooth": smooth} if smooth is not None else {}), None
    shift = 0
    while (int(steps[-1]) >> shift) - (int(steps[0]) >> shift) >= BUCKETS:
        shift += 1
    starts = np.flatnonzero(np.diff(steps >> shift, prepend=(int(steps[0]) >> shift) - 1))
    good = np.isfinite(values)
    counts = np.add.reduceat(good.astype(np.int64), starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = {
            "step": steps[starts].astype(np.float64),
            "time": times[starts].astype(np.float64),
            "line": np.add.reduceat(np.where(good, values, 0.0), starts) / counts,
            "low": np.where(counts > 0, np.minimum.reduceat(np.where(good, values, np.inf), starts), np.nan),
            "high": np.where(counts > 0, np.maximum.reduceat(np.where(good, values, -np.inf), starts), np.nan),
            "nan": np.add.reduceat(np.isnan(values).astype(np.int64), starts),
            "above": np.add.reduceat((values == np.inf).astype(np.int64), starts),
            "below": np.add.reduceat((values == -np.inf).astype(np.int64), starts),
        }
        if smooth is not None:
            columns["smooth"] = np.add.reduceat(np.where(good, smooth, 0.0), starts) / counts
    return columns, shift


def _curve(answer: Series, info: RunInfo, label: str, place: int | None, options: Options) -> Curve:
    columns = answer.columns
    if "line" in columns:
        line, low, high = columns["line"], columns["low"], columns["high"]
        counts = {name: columns[name] for name in ("nan", "above", "below") if name in columns}
    else:
        line, low, high = columns["value"], None, None
        counts = {"nan": np.isnan(line), "above": line == np.inf, "below": line == -np.inf}
    marks: dict[str, npt.NDArray[np.bool_]] = {name: count > 0 for name, count in counts.items() if count.any()}
    bucket = ""
    if answer.width is not None:
        bucket = f"{answer.width:g} of {options.x} a bucket"
    elif answer.shift:
        bucket = f"{1 << answer.shift:,} steps a bucket"
    if answer.extent.ranks > 1:
        bucket = ", ".join(part for part in (f"median of {answer.extent.ranks} ranks", bucket) if part)
    return Curve(
        run=str(info.key),
        label=label,
        place=place,
        x=_abscissa(answer, info, options.x),
        line=np.where(np.isfinite(line), line, np.nan),
        low=low,
        high=high,
        smooth=columns.get("smooth"),
        marks=marks,
        points=answer.extent.seen,
        bucket=bucket,
        not_finite=int(sum(count.sum() for count in counts.values())),
    )


def _abscissa(answer: Series, info: RunInfo, x: str) -> npt.NDArray[Any]:
    columns = answer.columns
    if x == "step":
        return columns["step"]
    if x == "time":
        return columns["time"].astype(np.int64).astype("datetime64[ms]")
    if x == "relative":
        start = (info.started or info.created).timestamp()
        return columns["time"] / 1000 - start
    return columns["x"]
