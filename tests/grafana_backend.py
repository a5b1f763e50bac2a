"""What becomes of a dashboard's query on its way to a panel: Grafana fills in variables, the ClickHouse datasource
expands macros and runs it, turns rows into a frame, and the panel's transformations shape that.

Written after the datasource's documentation and what its backend (4.14) was seen to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Clock", "Frame", "expanded", "panels_of", "shaped", "sql_targets"]

Value = str | Sequence[str]
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)|\[\[(\w+)\]\]")
_MACRO = re.compile(r"\$__(\w+)(?:\(([^()]*)\))?")


@dataclass(frozen=True)
class Clock:
    """The dashboard's time range and the interval that fits its width, in milliseconds."""

    start: int
    end: int
    interval: int


@dataclass
class Frame:
    names: list[str]
    types: list[str]
    rows: list[list[Any]]

    def column(self, name: str) -> list[Any]:
        place = self.names.index(name)
        return [row[place] for row in self.rows]

    def type_of(self, name: str) -> str:
        return self.types[self.names.index(name)]


def panels_of(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All but the rows, those folded into one included."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def sql_targets(dashboard: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(panel, target) of the ClickHouse datasource."""
    for panel in panels_of(dashboard):
        for target in panel["targets"]:
            if "rawSql" in target:
                yield panel, target


def expanded(sql: str, variables: Mapping[str, Value], clock: Clock) -> str:
    """The statement that reaches ClickHouse. Raises KeyError for a variable or macro that nobody knows."""
    return _macros_expanded(_variables_filled_in(sql, variables), clock)


def _variables_filled_in(sql: str, variables: Mapping[str, Value]) -> str:
    def value(match: re.Match[str]) -> str:
        name, form = match[1] or match[3] or match[4], match[2]
        if name.startswith("__"):
            return match[0]
        found = variables[name]
        several = [found] if isinstance(found, str) else list(found)
        if form == "sqlstring":
            return ",".join("'" + one.replace("'", "''") + "'" for one in several)
        raise AssertionError(f"{match[0]} goes into SQL without quotes around it")

    return _VARIABLE.sub(value, sql)


def _macros_expanded(sql: str, clock: Clock) -> str:
    seconds, milliseconds = (lambda ms: f"toDateTime({ms // 1000})"), (lambda ms: f"fromUnixTimestamp64Milli({ms})")
    known: dict[str, Callable[[str], str]] = {
        "fromTime": lambda _: seconds(clock.start),
        "toTime": lambda _: seconds(clock.end),
        "timeFilter": lambda of: f"{of} >= {seconds(clock.start)} AND {of} <= {seconds(clock.end)}",
        "timeFilter_ms": lambda of: f"{of} >= {milliseconds(clock.start)} AND {of} <= {milliseconds(clock.end)}",
        "interval_s": lambda _: str(max(1, clock.interval // 1000)),
        "timeInterval": lambda of: (
            f"toStartOfInterval(toDateTime({of}), INTERVAL {max(1, clock.interval // 1000)} second)"
        ),
        "timeInterval_ms": lambda of: (
            f"toStartOfInterval(toDateTime64({of}, 3), INTERVAL {max(1, clock.interval)} millisecond)"
        ),
    }
    return _MACRO.sub(lambda match: known[match[1]](match[2] or ""), sql)


def shaped(frame: Frame, panel: Mapping[str, Any], target: Mapping[str, Any]) -> Frame:
    """What the panel is handed."""
    if target["format"] == 0:
        frame = _wide(frame)
    for step in panel.get("transformations", []):
        frame = _TRANSFORMATIONS[step["id"]](frame, step["options"])
    return frame


def _wide(frame: Frame) -> Frame:
    """One frame over time: a column for each set of labels and number; rows have to come ordered by time."""
    assert frame.types[0].startswith("DateTime"), f"the first column is no time but {frame.types[0]}"
    times = frame.column(frame.names[0])
    assert times == sorted(times), "rows are not ordered by time"
    labels = [name for name, kind in zip(frame.names, frame.types, strict=True) if "String" in kind]
    numbers = [name for name in frame.names[1:] if name not in labels]
    if not labels:
        return frame
    cells: dict[str, dict[str, Any]] = {}
    for values in frame.rows:
        row = dict(zip(frame.names, values, strict=True))
        of_labels = ", ".join(str(row[label]) for label in labels)
        for name in numbers:
            series = cells.setdefault(f"{name} {of_labels}", {})
            assert values[0] not in series, "two values of one series at one time"
            series[values[0]] = row[name]
    rows = [[moment, *(series.get(moment) for series in cells.values())] for moment in dict.fromkeys(times)]
    return Frame([frame.names[0], *cells], [frame.types[0], *["Float64"] * len(cells)], rows)


def _matrix(frame: Frame, options: Mapping[str, str]) -> Frame:
    row, column, value = options["rowField"], options["columnField"], options["valueField"]
    cells = dict(zip(zip(frame.column(row), frame.column(column), strict=True), frame.column(value), strict=True))
    assert len(cells) == len(frame.rows), "two values in one cell"
    columns, rows = list(dict.fromkeys(frame.column(column))), list(dict.fromkeys(frame.column(row)))
    empty = {"null": None}.get(options.get("emptyValue", "empty"), "")
    made = [[str(one), *(cells.get((one, other), empty) for other in columns)] for one in rows]
    kinds = ["String", *[frame.type_of(value)] * len(columns)]
    return Frame([f"{row}\\{column}", *map(str, columns)], kinds, made)


def _converted(frame: Frame, options: Mapping[str, Any]) -> Frame:
    for one in options["conversions"]:
        assert one["destinationType"] == "number"
        place = frame.names.index(one["targetField"])
        frame.types[place] = "Float64"
        for row in frame.rows:
            row[place] = float(row[place])
    return frame


_TRANSFORMATIONS: dict[str, Callable[[Frame, Any], Frame]] = {
    "groupingToMatrix": _matrix,
    "convertFieldType": _converted,
}


def frame_of(answer: str) -> Frame:
    """Of ClickHouse's JSONCompact."""
    read = json.loads(answer)
    return Frame([one["name"] for one in read["meta"]], [one["type"] for one in read["meta"]], read["data"])
