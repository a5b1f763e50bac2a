"""Which points a chart's query looks at, said in the way that is cheapest for the store.

Grouping ten million points by a run and a metric that are all the same costs more than reading them, and the view's
second branch (the points that rewinds left) is read for nothing where no run has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .points import is_cut
from .series_tables import SeriesAsked
from .sources import MetricSource

__all__ = ["MERGED", "UNMERGED", "Scope", "View", "scope", "source_of"]

MERGED = "scalars FINAL"
UNMERGED = "scalars"
"""The table as its parts have it: a point that was written again is there twice, at the same step."""


@dataclass(frozen=True)
class View:
    """What is in view, in steps or (by_time) in ms since 1970; None: no bound."""

    low: int | None
    high: int | None
    by_time: bool

    @property
    def whole(self) -> bool:
        return self.low is None and self.high is None


@dataclass(frozen=True)
class Scope:
    """Parts of a query: where the points are, which of them, which are in view, whose they are (`uuid`, `name`), and
    what tells them apart.
    """

    source: str
    where: str
    in_view: str
    who: str
    keys: tuple[str, ...]
    parameters: dict[str, Any]

    def by(self, *more: str) -> str:
        """A list for GROUP BY or ORDER BY; empty where there is nothing to tell apart."""
        return ", ".join((*self.keys, *more))


def source_of(metrics: MetricSource, asked: Iterable[SeriesAsked]) -> str:
    """The view, or what it reads first where none of these runs has been deleted or rewound."""
    return "v_scalars" if is_cut(metrics, sorted({one.run for one in asked})) else MERGED


def scope(source: str, members: Iterable[SeriesAsked], view: View) -> Scope:
    """Of these series (every run with every metric: who asks takes what it asked for)."""
    members = list(members)
    runs, names = sorted({one.run for one in members}), sorted({one.metric for one in members})
    where, who, keys = [], [], []
    parameters: dict[str, Any] = {}
    if len(runs) == 1:
        where.append("run = {run:UUID}")
        who.append("toString({run:UUID}) AS uuid")
        parameters["run"] = runs[0]
    else:
        where.append("run IN {runs:Array(UUID)}")
        who.append("toString(run) AS uuid")
        keys.append("run")
        parameters["runs"] = runs
    if len(names) == 1:
        where.append("metric = {metric:String}")
        who.append("{metric:String} AS name")
        parameters["metric"] = names[0]
    else:
        where.append("metric IN {metrics:Array(String)}")
        who.append("toString(metric) AS name")
        keys.append("metric")
        parameters["metrics"] = names
    column = "toUnixTimestamp64Milli(time)" if view.by_time else "step"
    bounds = []
    for name, sign, value in (("low", ">=", view.low), ("high", "<=", view.high)):
        if value is not None:
            bounds.append(f"{column} {sign} {{{name}:Int64}}")
            parameters[name] = value
    return Scope(
        source=source,
        where=" AND ".join(where),
        in_view=" AND ".join(bounds) or "1",
        who=", ".join(who),
        keys=tuple(keys),
        parameters=parameters,
    )
