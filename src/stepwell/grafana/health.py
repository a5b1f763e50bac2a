"""Service health: the figures that a service gives at /metrics (service/figures.py), by way of Prometheus."""

from __future__ import annotations

from grafana_foundation_sdk.builders import prometheus, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.models.common import DataSourceRef

from .datasources import PROMETHEUS
from .frame import HEALTH, framed

__all__ = ["health"]

_SOURCE = DataSourceRef(type_val="prometheus", uid=PROMETHEUS)
_RATE = "rate({0}[$__rate_interval])"


def _panel(title: str, unit: str, *queries: tuple[str, str]) -> timeseries.Panel:
    """queries: (PromQL, legend)."""
    panel = timeseries.Panel().title(title).datasource(_SOURCE).unit(unit).min(0).height(8).span(12)
    for letter, (expression, legend) in zip("ABCDEF", queries, strict=False):
        panel.with_target(
            prometheus.Dataquery().datasource(_SOURCE).expr(expression).legend_format(legend).ref_id(letter).range()
        )
    return panel


def _of_flush(share: float) -> str:
    return f"histogram_quantile({share}, sum by (le) ({_RATE.format('stepwell_flush_seconds_bucket')}))"


def health() -> Dashboard:
    return (
        framed(
            HEALTH, "Service health", "What the services of stepwell say of themselves", since="now-6h", refresh="30s"
        )
        .with_row(Row("Taken in"))
        .with_panel(_panel("Rows a second", "short", (_RATE.format("stepwell_rows_total"), "{{instance}}")))
        .with_panel(
            _panel(
                "Blocks a second",
                "short",
                (f"sum by (outcome) ({_RATE.format('stepwell_blocks_total')})", "{{outcome}}"),
            )
        )
        .with_panel(
            _panel(
                "Bytes a second",
                "Bps",
                (f"sum({_RATE.format('stepwell_block_bytes_total')})", "blocks, compressed"),
                (f"sum({_RATE.format('stepwell_blob_bytes_total')})", "blobs"),
            )
        )
        .with_panel(_panel("Open streams of agents", "short", ("stepwell_streams", "{{instance}}")))
        .with_row(Row("Kept up"))
        .with_panel(_panel("Waiting to be written", "bytes", ("stepwell_queue_bytes", "{{instance}}")))
        .with_panel(
            _panel(
                "Decode and insert",
                "s",
                (_of_flush(0.5), "half"),
                (_of_flush(0.95), "95 %"),
                (_of_flush(0.99), "99 %"),
            )
        )
        .with_panel(
            _panel(
                "Cores at work, by stage of ingestion",
                "short",
                (f"sum by (stage) ({_RATE.format('stepwell_stage_cpu_seconds_total')})", "{{stage}}"),
            )
        )
        .with_panel(_panel("Services that answer", "short", ('up{job="stepwell"}', "{{instance}}")))
    )
