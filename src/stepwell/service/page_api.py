"""What the page asks beyond the reading API: lists without what they do not show, charts by width, heatmaps, output.

Handlers are plain functions, so each runs in a worker thread. Nothing here writes.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ..ids import run_uuid
from ..query.console_page import console_page
from ..query.heatmap import heatmap
from ..query.local import MetricSource
from ..query.overview import last_values, metric_list, projects, run_table, text_series
from ..query.series import SeriesAsked, encode, series
from .reading import JsonErrorsRoute

__all__ = ["page_router"]

_COLUMNS = "application/vnd.stepwell.columns"
_SERIES_MAX = 2_000
_I53 = 1 << 53

Step = Annotated[int, Field(ge=-_I53, le=_I53)]
Metric = Annotated[str, Query(max_length=600)]


class OneSeries(BaseModel):
    """See query.series.SeriesAsked."""

    run: UUID
    metric: str = Field(max_length=600)
    low: Step | None = None
    high: Step | None = None
    by_time: bool = False
    since: Step | None = None
    shift: Annotated[int, Field(ge=-1, le=62)] | None = None


class SeriesRequest(BaseModel):
    series: list[OneSeries] = Field(max_length=_SERIES_MAX)
    buckets: Annotated[int, Field(ge=16, le=4096)] = 1024
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0


class LastRequest(BaseModel):
    project: str
    metrics: list[str] = Field(max_length=200)


def page_router(metrics: MetricSource) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["page"], route_class=JsonErrorsRoute)

    @router.get("/projects")
    def get_projects() -> JSONResponse:
        return JSONResponse({"projects": projects(metrics)})

    @router.get("/table")
    def get_table(
        project: str,
        filter: Annotated[str | None, Query(max_length=10_000)] = None,
        limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
    ) -> JSONResponse:
        """Runs of a project, newest first, with config, user summary and state."""
        return JSONResponse(run_table(metrics, project, filters=filter, limit=limit))

    @router.post("/table/last")
    def post_last(asked: LastRequest) -> JSONResponse:
        """The last value of the named metrics, for every run of the project."""
        return JSONResponse({"last": last_values(metrics, asked.project, asked.metrics)})

    @router.get("/metrics")
    def get_metrics(project: str, id: str) -> JSONResponse:
        """By project and id: the page asks before it has learnt the run's UUID."""
        return JSONResponse({"metrics": metric_list(metrics, str(run_uuid(project, id)))})

    @router.post("/series")
    def post_series(asked: SeriesRequest) -> Response:
        """Points or power-of-two buckets of many series in one binary answer (query/payload.py says how)."""
        wanted = [SeriesAsked(**{**one.model_dump(), "run": str(one.run)}) for one in asked.series]
        answers = series(metrics, wanted, buckets=asked.buckets, smoothing=asked.smoothing)
        return Response(encode(answers), media_type=_COLUMNS)

    @router.get("/heatmap")
    def get_heatmap(run: UUID, metric: Metric, columns: Annotated[int, Query(ge=16, le=4096)] = 512) -> Response:
        return Response(heatmap(metrics, str(run), metric, columns), media_type=_COLUMNS)

    @router.get("/texts")
    def get_texts(run: UUID, metric: Metric) -> JSONResponse:
        """The newest 500 texts of a series."""
        return JSONResponse({"texts": text_series(metrics, str(run), metric)})

    @router.post("/console")
    def post_console(
        run: UUID,
        cursor: Annotated[dict[str, int], Body(embed=True)],
        limit: Annotated[int, Query(ge=1, le=200_000)] = 5_000,
    ) -> JSONResponse:
        """Output beyond a cursor; POST because the cursor of many ranks does not fit an address."""
        page: dict[str, Any] = console_page(metrics, str(run), cursor, limit)
        return JSONResponse(page)

    return router
