"""What the dashboards have in common: fixed uids, tags by which they link to one another, and how they find a run."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

__all__ = ["COMPARE", "FLEET", "HEALTH", "RUN", "framed"]

FLEET, RUN, COMPARE, HEALTH = "stepwell-fleet", "stepwell-run", "stepwell-compare", "stepwell-health"  # uids

_TAG = "stepwell"


def framed(uid: str, title: str, description: str, *, since: str, refresh: str) -> Dashboard:
    """A dashboard without panels. since: where its clock begins; refresh: how often it asks again."""
    others = DashboardLink("stepwell").type(DashboardLinkType.DASHBOARDS).tags([_TAG]).as_dropdown(True)
    return (
        Dashboard(f"stepwell: {title}")
        .uid(uid)
        .description(description)
        .tags([_TAG])
        .timezone("browser")
        .time(since, "now")
        .refresh(refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(others.include_vars(True))
    )
