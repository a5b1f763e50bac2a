"""Grafana over a store: dashboards as code, and the provisioning that brings them to a server.

Owns the SQL of the panels, which reads the views alone; asks no store and no service itself. Called by `stepwell
grafana`. The SDK that writes dashboards is the extra `grafana`, and is imported with `dashboards` only.
"""

from .datasources import ClickHouseSource, PrometheusSource, source_of
from .provisioning import write_provisioning

__all__ = ["ClickHouseSource", "PrometheusSource", "source_of", "write_provisioning"]
