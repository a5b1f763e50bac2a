"""Run: one run's scalars, histograms, output and settings. Chosen by project and run, so that old ones show too."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import histograms, runs, scalars, system, variables
from .frame import RUN, framed
from .panels import banded_series, banded_trend, console, heat, lines, link, rows, series

__all__ = ["run"]

_ITS_TIME = (
    f"/d/{RUN}?${{project:queryparam}}&${{run:queryparam}}&${{metric:queryparam}}&${{histogram:queryparam}}"
    "&from=${__data.fields.from_ms}&to=${__data.fields.to_ms}"
)


def run() -> Dashboard:
    shown = link("Set the clock to this run's time", _ITS_TIME)
    at_its_time = {"started": [shown], "ended": [shown]}
    board = framed(RUN, "Run", "One run: a panel for each metric that is chosen", since="now-24h", refresh="30s")
    for variable in (
        variables.project(),
        variables.find(),
        variables.run(),
        variables.pattern(),
        variables.metrics(),
        variables.histogram(),
        variables.measures(),
        *variables.steps(),
    ):
        board.with_variable(variable)
    return (
        board.with_panel(rows("Run", runs.ABOUT, hidden=["from_ms", "to_ms"], links=at_its_time).span(24).height(4))
        .with_row(Row("Scalars over steps"))
        .with_panel(banded_trend("$metric", scalars.OVER_STEPS, "step"))
        .with_row(Row("Scalars over time since the start"))
        .with_panel(banded_trend("$metric", scalars.OVER_SECONDS, "seconds", unit="s"))
        .with_row(
            Row("Scalars over the clock (a link in the first table sets it to the run's time)").with_panel(
                banded_series("$metric", scalars.OVER_TIME)
            )
        )
        .with_row(Row("Metrics in figures").with_panel(rows("Chosen metrics", scalars.METRIC_TABLE).span(24)))
        .with_row(Row("Histogram"))
        .with_panel(heat("$histogram over steps", histograms.OVER_STEPS, x="step"))
        .with_panel(heat("$histogram over the clock", histograms.OVER_TIME, x=None))
        .with_row(
            Row("Machine over time since the start").with_panel(
                lines("$measure", system.OVER_SECONDS, "seconds", by="device", unit="s", repeat="measure")
            )
        )
        .with_row(
            Row("Machine over the clock").with_panel(
                series("$measure", system.OVER_TIME, by="device").repeat("measure").repeat_direction("h").max_per_row(2)
            )
        )
        .with_row(Row("Output"))
        .with_panel(console("Newest output", runs.CONSOLE))
        .with_row(Row("Settings"))
        .with_panel(rows("Config", runs.CONFIG).height(12))
        .with_panel(rows("Summary", runs.SUMMARY).height(12))
        .with_panel(rows("Environment", runs.ENVIRONMENT).span(24))
    )
