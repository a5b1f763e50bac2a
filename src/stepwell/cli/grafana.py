"""`stepwell grafana DIR`: dashboards for a store, as Grafana provisions them."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .migrate import metrics_option
from .output import terminal

__all__ = ["grafana"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@metrics_option
@click.option("--prometheus", metavar="URL", help="Of a Prometheus that scrapes the service: adds its health.")
@click.option("--seen-at", metavar="PATH", help="Where Grafana sees DIR (in a container)  [where it is]")
def grafana(folder: Path, metrics: str | None, prometheus: str | None, seen_at: str | None) -> None:
    """Writes data sources and dashboards for a ClickHouse store into DIR.

    \b
      stepwell grafana /etc/stepwell/grafana --metrics clickhouse://reader@db:8123/stepwell
      stepwell grafana ./grafana --metrics clickhouse://reader@db:8123/stepwell --prometheus http://prometheus:9090

    No password is written: Grafana takes it from STEPWELL_CLICKHOUSE_PASSWORD in its own environment. Give it a user
    that may only read. The embedded store (chDB) cannot be read by Grafana; docs/grafana.md has the steps.
    """
    from ..errors import StepwellError
    from ..grafana import PrometheusSource, source_of, write_provisioning

    source = source_of(metrics, os.environ)
    scraped = PrometheusSource(prometheus) if prometheus else None
    try:
        files = write_provisioning(folder, source, scraped, seen_at=seen_at)
    except ImportError as error:
        raise StepwellError(
            "`stepwell grafana` needs the dashboards' SDK (Python 3.11 or later): pip install 'stepwell[grafana]'"
        ) from error
    out = terminal()
    for path in files:
        out.print(f"[green]✓[/] {path}", soft_wrap=True)
    out.print(
        f"[dim]Grafana needs the plugin[/] grafana-clickhouse-datasource[dim], its provisioning folder at[/] "
        f"{folder / 'provisioning'}[dim], and[/] STEPWELL_CLICKHOUSE_PASSWORD [dim]in its environment[/]",
        soft_wrap=True,
    )
    if len(source.address.hosts) > 1:
        out.print(f"[yellow]![/] Grafana asks one host: {source.address.hosts[0]}", soft_wrap=True)
