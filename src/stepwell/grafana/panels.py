"""The kinds of panel that the dashboards are made of, each over one query in the shape that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import common as made
from grafana_foundation_sdk.builders import heatmap, logs, stat, table, timeseries, trend
from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    HeatmapCellLayout,
    LegendDisplayMode,
    LegendPlacement,
    LogsSortOrder,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode

from .target import Format, Target, source

__all__ = ["banded_series", "banded_trend", "console", "heat", "lines", "link", "matrix", "number", "rows", "series"]

HEIGHT = 8
_PER_ROW = 3  # repeated panels side by side


def _legend(calcs: Sequence[str] = ()) -> made.VizLegendOptions:
    mode = LegendDisplayMode.TABLE if calcs else LegendDisplayMode.LIST
    return (
        made.VizLegendOptions()
        .display_mode(mode)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(list(calcs))
    )


def _tooltip() -> made.VizTooltipOptions:
    return made.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)


def _config(**values: object) -> list[DynamicConfigValue]:
    """Properties of a field's override; `custom_` in a name stands for `custom.`."""
    return [
        DynamicConfigValue(id_val=name.replace("custom_", "custom."), value=value) for name, value in values.items()
    ]


# The mean is the line; what lies between least and greatest is shaded, without lines of its own.
_EDGE = _config(custom_lineWidth=0, custom_hideFrom={"legend": True, "tooltip": False, "viz": False})
_BAND = [*_EDGE, *_config(custom_fillBelowTo="least")]
_COLOUR = _config(color={"mode": "fixed", "fixedColor": "semi-dark-blue"})


def banded_trend(title: str, sql: str, x: str, *, repeat: str = "metric", unit: str = "") -> trend.Panel:
    """One metric over a number: columns x, mean, least, greatest, ascending by x. unit: of x."""
    panel = (
        trend.Panel()
        .title(title)
        .datasource(source())
        .with_target(Target(sql, Format.TABLE))
        .x_field(x)
        .legend(_legend())
        .tooltip(_tooltip())
        .span_nulls(True)
        .override_by_regexp("/^(mean|least|greatest)$/", _COLOUR)
        .override_by_name("least", _EDGE)
        .override_by_name("greatest", _BAND)
        .override_by_name(x, _config(unit=unit or "none", decimals=0))
        .height(HEIGHT)
        .span(24 // _PER_ROW)
    )
    return panel.repeat(repeat).repeat_direction("h").max_per_row(_PER_ROW)


def banded_series(title: str, sql: str, *, repeat: str = "metric") -> timeseries.Panel:
    """The same over the clock: a DateTime, mean, least, greatest."""
    panel = (
        timeseries.Panel()
        .title(title)
        .datasource(source())
        .with_target(Target(sql, Format.TIME_SERIES))
        .legend(_legend())
        .tooltip(_tooltip())
        .override_by_regexp("/^(mean|least|greatest)$/", _COLOUR)
        .override_by_name("least", _EDGE)
        .override_by_name("greatest", _BAND)
        .height(HEIGHT)
        .span(24 // _PER_ROW)
    )
    return panel.repeat(repeat).repeat_direction("h").max_per_row(_PER_ROW)


def lines(title: str, sql: str, x: str, *, by: str, unit: str = "", repeat: str = "metric") -> trend.Panel:
    """A line for each value of column `by`, over the number x: rows of x, `by`, value, ascending by x.

    The backend makes columns of labels over a time only, so the panel does it; its row field comes out as text.
    """
    return (
        trend.Panel()
        .title(title)
        .datasource(source())
        .with_target(Target(sql, Format.TABLE))
        .with_transformation(_to_matrix(x, by))
        .with_transformation(_to_number(f"{x}\\{by}"))
        .x_field(f"{x}\\{by}")
        .legend(_legend(["lastNotNull"]))
        .tooltip(_tooltip())
        .span_nulls(True)
        .override_by_name(f"{x}\\{by}", _config(unit=unit or "none", decimals=0))
        .height(HEIGHT + 2)
        .span(12)
        .repeat(repeat)
        .repeat_direction("h")
        .max_per_row(2)
    )


def _to_matrix(row: str, column: str, empty: str = "null") -> DataTransformerConfig:
    """A row for each value of `row`, in the query's order, and a column for each of `column`."""
    options = {"columnField": column, "rowField": row, "valueField": "value", "emptyValue": empty}
    return DataTransformerConfig(id_val="groupingToMatrix", options=options)


def _to_number(field: str) -> DataTransformerConfig:
    options = {"fields": {}, "conversions": [{"targetField": field, "destinationType": "number"}]}
    return DataTransformerConfig(id_val="convertFieldType", options=options)


def heat(title: str, sql: str, *, x: str | None) -> heatmap.Panel:
    """Rows of x, le (the lower edge of a bin), count; every bin at every x. x: a number's name, None for a DateTime."""
    panel = (
        heatmap.Panel()
        .title(title)
        .datasource(source())
        .with_target(Target(sql, Format.TIME_SERIES if x is None else Format.TABLE))
        .calculate(False)
        .rows_frame(heatmap.RowsHeatmapOptions().value("count").layout(HeatmapCellLayout.GE))
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Turbo").exponent(0.5).steps(64))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .tooltip(heatmap.HeatmapTooltip().mode(TooltipDisplayMode.SINGLE).y_histogram(True))
        .height(HEIGHT + 4)
        .span(12)
    )
    if x is None:
        return panel.display_name("${__field.labels.le}")
    matrix = DataTransformerConfig(
        id_val="groupingToMatrix", options={"columnField": "le", "rowField": x, "valueField": "count"}
    )
    return panel.with_transformation(matrix).with_transformation(_to_number(f"{x}\\le"))


def series(title: str, sql: str, *, by: str, unit: str = "short", bars: bool = False) -> timeseries.Panel:
    """Over the clock, a line for each value of column `by`: a DateTime, `by`, a number."""
    panel = (
        timeseries.Panel()
        .title(title)
        .datasource(source())
        .with_target(Target(sql, Format.TIME_SERIES))
        .unit(unit)
        .display_name(f"${{__field.labels.{by}}}")
        .legend(_legend())
        .tooltip(_tooltip())
        .show_points(VisibilityMode.AUTO)
        .height(HEIGHT)
        .span(12)
    )
    if bars:
        stacked = made.StackingConfig().mode(StackingMode.NORMAL)
        panel.draw_style(GraphDrawStyle.BARS).fill_opacity(60).stacking(stacked)
    return panel


def number(title: str, sql: str) -> stat.Panel:
    """One number, as it is now."""
    return (
        stat.Panel()
        .title(title)
        .datasource(source())
        .with_target(Target(sql, Format.TABLE))
        .reduce_options(made.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .color_mode(BigValueColorMode.NONE)
        .graph_mode(BigValueGraphMode.NONE)
        .height(HEIGHT)
        .span(4)
    )


def rows(
    title: str,
    sql: str,
    *,
    hidden: Sequence[str] = (),
    links: Mapping[str, Sequence[DashboardLink]] | None = None,
) -> table.Panel:
    """Columns as the query names them; `links` by column; `hidden` are there for the links alone."""
    panel = (
        table.Panel()
        .title(title)
        .datasource(source())
        .with_target(Target(sql, Format.TABLE))
        .filterable(True)
        .height(HEIGHT)
        .span(12)
    )
    for name in hidden:
        panel.override_by_name(name, _config(custom_hidden=True))
    for name, its in (links or {}).items():
        panel.override_by_name(name, _config(links=[one.build() for one in its]))
    return panel


def matrix(title: str, sql: str, *, row: str, column: str) -> table.Panel:
    """A row for each value of `row`, a column for each of `column`: rows of both, and value."""
    return rows(title, sql).with_transformation(_to_matrix(row, column, "empty"))


def console(title: str, sql: str) -> logs.Panel:
    """timestamp, body, and what else is said of a line."""
    return (
        logs.Panel()
        .title(title)
        .datasource(source())
        .with_target(Target(sql, Format.LOGS))
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(LogsSortOrder.DESCENDING)
        .height(HEIGHT + 6)
        .span(24)
    )


def link(title: str, url: str) -> DashboardLink:
    """Of a cell: `${__data.fields.NAME}` stands for the cell of that column in its row."""
    return DashboardLink(title).url(url).target_blank(False)
