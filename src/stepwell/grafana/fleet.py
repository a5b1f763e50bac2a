"""Fleet: what runs now, how much it writes, what became of the others."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from . import runs, variables
from .frame import FLEET, RUN, framed
from .panels import link, number, rows, series

__all__ = ["fleet"]

_TO_RUN = (
    f"/d/{RUN}?var-project=${{__data.fields.project_value:percentencode}}&var-run=${{__data.fields.uuid}}"
    "&from=${__data.fields.from_ms}&to=${__data.fields.to_ms}"
)


def fleet() -> Dashboard:
    opened = link("Open this run at its time", _TO_RUN)
    hidden = ["uuid", "project_value", "from_ms", "to_ms"]
    return (
        framed(FLEET, "Fleet", "Runs of all projects", since="now-6h", refresh="30s")
        .with_variable(variables.projects())
        .with_panel(number("Running now", runs.RUNNING))
        .with_panel(rows("States", runs.STATES).span(8))
        .with_panel(series("Runs begun", runs.STARTED, by="project", bars=True))
        .with_panel(series("Points a second", runs.POINTS_PER_S, by="project").span(24))
        .with_panel(rows("Newest runs", runs.NEWEST, hidden=hidden, links={"run": [opened]}).span(24).height(14))
    )
