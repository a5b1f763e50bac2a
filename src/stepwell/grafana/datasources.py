"""The two data sources of a store's dashboards: the official ClickHouse one, and Prometheus over a service's /metrics.

No password is ever written: Grafana reads it from its own environment when it provisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import StoreError
from ..stores.server_address import PASSWORD_VARIABLE, ServerAddress

__all__ = ["CLICKHOUSE", "PLUGIN_VERSION", "PROMETHEUS", "ClickHouseSource", "PrometheusSource", "source_of"]

CLICKHOUSE, PROMETHEUS = "stepwell-clickhouse", "stepwell-prometheus"  # uids, by which dashboards name them
PLUGIN, PLUGIN_VERSION = "grafana-clickhouse-datasource", "4.14.0"  # what the queries were written for

_EMBEDDED = """Grafana cannot read the embedded store: chDB lives inside the service's process and listens to nobody.
Keep the runs on a ClickHouse server, and name it here:
    stepwell serve --metrics clickhouse://user:password@host:8123/stepwell
    stepwell grafana DIR --metrics clickhouse://reader@host:8123/stepwell
Runs that lie in the embedded store are seen on stepwell's own page (stepwell ui), and can be carried over:
    stepwell export --all backup/
    stepwell import backup/ --metrics clickhouse://user:password@host:8123/stepwell"""


@dataclass(frozen=True)
class ClickHouseSource:
    address: ServerAddress
    """With the user that Grafana reads as; its password is not used."""

    def settings(self) -> dict[str, Any]:
        """An entry of `datasources` in Grafana's provisioning."""
        address = self.address
        host = address.hosts[0]
        data: dict[str, Any] = {
            "version": PLUGIN_VERSION,
            "host": host.name,
            "port": host.port,
            "protocol": "http",
            "secure": address.secure,
            "username": _plain(address.user),
            "defaultDatabase": address.database,
        }
        secret = {"password": f"${{{PASSWORD_VARIABLE}}}"}
        if address.secure and not address.verify:
            data["tlsSkipVerify"] = True
        if address.ca:
            data["tlsAuthWithCACert"] = True
            secret["tlsCACert"] = f"$__file{{{address.ca}}}"
        if address.cert and address.key:
            data["tlsAuth"] = True
            secret |= {"tlsClientCert": f"$__file{{{address.cert}}}", "tlsClientKey": f"$__file{{{address.key}}}"}
        if address.cluster:
            # Rows of one run lie on one shard, so each answers a query within a query from its own.
            data["customSettings"] = [{"setting": "distributed_product_mode", "value": "local"}]
        return {
            "name": "stepwell",
            "uid": CLICKHOUSE,
            "type": PLUGIN,
            "access": "proxy",
            "editable": False,
            "jsonData": data,
            "secureJsonData": secret,
        }


@dataclass(frozen=True)
class PrometheusSource:
    url: str
    """Of a Prometheus that scrapes the service."""

    def settings(self) -> dict[str, Any]:
        """An entry of `datasources` in Grafana's provisioning."""
        return {
            "name": "stepwell service",
            "uid": PROMETHEUS,
            "type": "prometheus",
            "access": "proxy",
            "url": _plain(self.url),
            "editable": False,
            "jsonData": {"httpMethod": "POST"},
        }


def _plain(text: str) -> str:
    """Provisioning files take `$NAME` for a variable of the environment."""
    return text.replace("$", "$$")


def source_of(url: str | None, environment: Mapping[str, str]) -> ClickHouseSource:
    """Of a store's address, else of STEPWELL_METRICS_URL. Raises StoreError, saying what to do, for any other store."""
    named = url or environment.get("STEPWELL_METRICS_URL", "")
    scheme, colon, _ = named.partition("://")
    if not named or (colon and scheme == "chdb"):
        raise StoreError(_EMBEDDED)
    if not colon or scheme != "clickhouse":
        raise StoreError(
            f"a store that Grafana can read is clickhouse://user@host:port/database, not {scheme[:20]!r}..."
        )
    return ClickHouseSource(ServerAddress.parse(named))
