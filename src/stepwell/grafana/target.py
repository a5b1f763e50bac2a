"""A query of the official ClickHouse datasource as a panel saves it. The SDK knows the queries of others only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from grafana_foundation_sdk.cog import runtime
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from .datasources import CLICKHOUSE, PLUGIN, PLUGIN_VERSION

__all__ = ["Format", "Target", "register", "source"]


class Format(IntEnum):
    """What the backend makes of the rows."""

    TIME_SERIES = 0
    """A DateTime first; String columns become labels of one wide frame."""
    TABLE = 1
    LOGS = 2


_QUERY_TYPES = {Format.TIME_SERIES: "timeseries", Format.TABLE: "table", Format.LOGS: "logs"}


def source() -> DataSourceRef:
    return DataSourceRef(type_val=PLUGIN, uid=CLICKHOUSE)


@dataclass
class Target(Dataquery, Builder["Target"]):
    """Its own builder: there is nothing to build step by step."""

    sql: str
    format: Format
    ref_id: str = "A"

    def build(self) -> Target:
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "datasource": source(),
            "editorType": "sql",
            "format": int(self.format),
            "pluginVersion": PLUGIN_VERSION,
            "queryType": _QUERY_TYPES[self.format],
            "rawSql": self.sql.strip(),
            "refId": self.ref_id,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Target:
        return cls(data["rawSql"], Format(data["format"]), data["refId"])


def register() -> None:
    """Lets the SDK read dashboards that hold such queries."""
    runtime.register_dataquery_variant(runtime.DataqueryConfig(PLUGIN, Target.from_json))
