"""All dashboards, as JSON by file name. What importing this costs is the SDK."""

from __future__ import annotations

import warnings
from collections.abc import Callable

with warnings.catch_warnings():
    # It prefers a newer format of dashboards, which servers before Grafana 13 do not provision from files.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders.dashboard import Dashboard
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Panel, RowPanel

    from .compare import compare
    from .fleet import fleet
    from .health import health
    from .run import run

__all__ = ["SCHEMA_VERSION", "dashboards"]

SCHEMA_VERSION = 39  # of Grafana 11; later ones bring it up to theirs as they load it

_MADE: dict[str, Callable[[], Dashboard]] = {"fleet": fleet, "run": run, "compare": compare, "health": health}


def dashboards() -> dict[str, str]:
    """JSON by name: fleet, run, compare, health. The same text every time, with a new line at its end."""
    return {name: _text(made()) for name, made in _MADE.items()}


def _text(builder: Dashboard) -> str:
    dashboard = builder.build()
    dashboard.schema_version = SCHEMA_VERSION
    number = 0
    for panel in dashboard.panels or []:
        inner: list[Panel] = (panel.panels or []) if isinstance(panel, RowPanel) else []
        for one in (panel, *inner):
            number += 1
            one.id_val = number
    return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(dashboard) + "\n"
