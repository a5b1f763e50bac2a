"""The pieces of SQL that panels and variables share: what is chosen, and how a name travels through a variable.

`${name:sqlstring}` is filled in by Grafana, which doubles the quotes of a value and knows nothing of backslashes;
`$__...` by the datasource's backend, also inside a string. So the value of a variable is the name with its backslashes
doubled and its dollars as \\x24: what arrives in ClickHouse is the name again, whatever it holds.
"""

from __future__ import annotations

__all__ = ["LABELS", "METRIC", "METRICS", "PROJECTS", "RUN", "RUNS", "STEPS", "value_of"]


def value_of(name: str) -> str:
    """SQL: the variable's value for a String expression."""
    return rf"replaceAll(replaceAll({name}, '\\', '\\\\'), char(36), '\\x24')"


# One run, or several, by UUID; nothing chosen is no run rather than an error.
RUN = "run = toUUIDOrZero(${run:sqlstring})"
RUNS = "run IN (SELECT toUUIDOrZero(arrayJoin([${run:sqlstring}])))"

# In a repeated panel the variable is the one metric of that panel.
METRIC = "metric = ${metric:sqlstring}"
METRICS = "metric IN (${metric:sqlstring})"
PROJECTS = "project IN (${project:sqlstring})"

# Text boxes: empty is no limit.
STEPS = (
    "step >= ifNull(toInt64OrNull(${from_step:sqlstring}), toInt64('-9223372036854775808')) "
    "AND step <= ifNull(toInt64OrNull(${to_step:sqlstring}), toInt64('9223372036854775807'))"
)

# What a run is called, once in a project: names are for people and may repeat.
LABELS = """SELECT r.run AS run, r.project AS project, r.id AS id, r.created AS created,
      if(n.name = '', r.id, concat(n.name, ' (', r.id, ')')) AS label
    FROM v_runs AS r
    LEFT JOIN (SELECT run, JSONExtractString(str) AS name FROM v_fields WHERE key = 'name') AS n ON r.run = n.run"""
