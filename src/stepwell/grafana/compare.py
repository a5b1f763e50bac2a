"""Compare: several runs of a project, a panel a metric, a line a run; and what they were given and came to."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import runs, scalars, variables
from .frame import COMPARE, framed
from .panels import lines, matrix

__all__ = ["compare"]


def compare() -> Dashboard:
    what = "Several runs: a panel for each metric that is chosen"
    board = framed(COMPARE, "Compare", what, since="now-24h", refresh="1m")
    for variable in (
        variables.project(),
        variables.find(),
        variables.runs(),
        variables.pattern(),
        variables.metrics(),
        *variables.steps(),
    ):
        board.with_variable(variable)
    return (
        board.with_row(Row("Over steps (mean over ranks)"))
        .with_panel(lines("$metric", scalars.COMPARED_STEPS, "step", by="run"))
        .with_row(Row("Over time since each run's first point (mean over ranks)"))
        .with_panel(lines("$metric", scalars.COMPARED_SECONDS, "seconds", by="run", unit="s"))
        .with_row(Row("In figures"))
        .with_panel(matrix("Last values", scalars.LASTS_COMPARED, row="name", column="run").height(12))
        .with_panel(matrix("Settings that differ", runs.CONFIG_COMPARED, row="name", column="run").height(12))
    )
