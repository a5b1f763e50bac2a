"""The variables of the dashboards, each chosen among what the ones before it leave: project, run, metric.

The query of a variable gives its value first and the text that is shown second.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import QueryVariable, TextBoxVariable
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from . import system
from .target import source
from .text import LABELS, PROJECTS, RUNS, value_of

__all__ = ["find", "histogram", "measures", "metrics", "pattern", "project", "projects", "run", "runs", "steps"]

RUNS_MAX = 1000  # of a list to choose from; `find` reaches the others
METRICS_MAX = 500  # likewise: a run may have 100,000 names

_PROJECT = f"""
SELECT {value_of("project")} AS value, project AS text
FROM (SELECT project, max(created) AS newest FROM v_runs GROUP BY project) ORDER BY newest DESC, project
"""

_RUN = f"""
SELECT toString(run) AS value, label AS text
FROM ({LABELS} WHERE {PROJECTS}) AS l
WHERE positionCaseInsensitiveUTF8(label, ${{find:sqlstring}}) > 0 OR id = ${{find:sqlstring}}
ORDER BY created DESC, text LIMIT {RUNS_MAX}
"""

# `lasts` has a row a metric, run and rank: no point is read for the names.
_METRIC = f"""
SELECT {value_of("name")} AS value, name AS text
FROM (SELECT DISTINCT toString(metric) AS name FROM v_lasts WHERE {RUNS})
WHERE match(name, ${{pattern:sqlstring}}) ORDER BY text LIMIT {METRICS_MAX}
"""

_HISTOGRAM = f"""
SELECT {value_of("name")} AS value, name AS text
FROM (SELECT DISTINCT toString(metric) AS name FROM v_histograms WHERE {RUNS})
ORDER BY text LIMIT {METRICS_MAX}
"""


def _query(name: str, label: str, sql: str, *, multi: bool = False) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(source())
        .query(sql.strip())
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.DISABLED)  # the query's own order
        .multi(multi)
        .include_all(False)
    )


def project() -> QueryVariable:
    return _query("project", "Project", _PROJECT)


def projects() -> QueryVariable:
    """Any number of them; at first all."""
    everything = VariableOption(selected=True, text="All", value="$__all")
    return _query("project", "Project", _PROJECT, multi=True).include_all(True).current(everything)


def run() -> QueryVariable:
    return _query("run", "Run", _RUN)


def runs() -> QueryVariable:
    return _query("run", "Runs", _RUN, multi=True)


def metrics() -> QueryVariable:
    """Panels are repeated for what is chosen; never all by itself, for there may be thousands."""
    return _query("metric", "Metrics", _METRIC, multi=True)


def histogram() -> QueryVariable:
    return _query("histogram", "Histogram", _HISTOGRAM)


def measures() -> QueryVariable:
    """Of a machine: a few dozen at most, so at first all."""
    everything = VariableOption(selected=True, text="All", value="$__all")
    return _query("measure", "Machine", system.MEASURES, multi=True).include_all(True).current(everything)


def find() -> TextBoxVariable:
    return _text("find", "Find run", "")


def pattern() -> TextBoxVariable:
    """A regular expression (RE2) that narrows the metrics to choose from."""
    return _text("pattern", "Metrics like", ".*")


def steps() -> tuple[TextBoxVariable, TextBoxVariable]:
    return _text("from_step", "From step", ""), _text("to_step", "To step", "")


def _text(name: str, label: str, value: str) -> TextBoxVariable:
    held = VariableOption(selected=True, text=value, value=value)
    return TextBoxVariable(name).label(label).default_value(value).current(held).options([held])
