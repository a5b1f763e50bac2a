"""What a service shows of a run, over its own reading API."""

from __future__ import annotations

from urllib.parse import quote

import pyarrow as pa

from http_client import HttpClient

__all__ = ["points_of"]


def points_of(http: HttpClient, project: str, id: str) -> list[tuple[str, int, float]]:
    """(metric, step, value), sorted; a point stored twice is there twice."""
    answer = http("GET", f"/api/v1/runs/{quote(project, safe='')}/{quote(id, safe='')}/history?long=1")
    assert answer.status == 200, answer.body[:2000]
    table = pa.ipc.open_stream(answer.body).read_all()
    return sorted(zip(table["metric"].to_pylist(), table["step"].to_pylist(), table["value"].to_pylist(), strict=True))
