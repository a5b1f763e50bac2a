"""What the page asks beyond the reading API: lists without what they do not show, charts by width, heatmaps, output.

Handlers are plain functions, so each runs in a worker thread. Nothing here writes.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field, model_validator

from ..ids import run_uuid
from ..query.attempts import attempts, first_steps
from ..query.chart_rows import chart_csv
from ..query.comparison import comparison
from ..query.console_page import console_page
from ..query.heatmap import heatmap
from ..query.nonfinite import nonfinite_counts
from ..query.opening import opening
from ..query.overview import find_runs, metric_list, projects, text_series
from ..query.ranks import rank_matrix
from ..query.run_table import TableAsked, column_names, run_table
from ..query.series import SeriesAsked, encode, series
from ..query.sources import MetricSource
from ..query.system_series import system_series
from .reading import JsonErrorsRoute

__all__ = ["page_router"]

_COLUMNS = "application/vnd.stepwell.columns"
_SERIES_MAX = 2_000
_I53 = 1 << 53
_RUNS_MAX = 1_000  # of one chart
_COMPARED_MAX = 100  # every point of them is read
_ROWS_MAX = 500  # of the runs table at one look

Step = Annotated[int, Field(ge=-_I53, le=_I53)]
Metric = Annotated[str, Query(max_length=600)]
Runs = Annotated[list[UUID], Field(max_length=_RUNS_MAX)]


class OneSeries(BaseModel):
    """See query.series.SeriesAsked."""

    run: str = Field(max_length=300)
    metric: str = Field(max_length=600)
    low: Annotated[float, Field(allow_inf_nan=False)] | None = None
    high: Annotated[float, Field(allow_inf_nan=False)] | None = None
    by_time: bool = False
    since: Step | None = None
    shift: Annotated[int, Field(ge=-1, le=62)] | None = None
    x: str | None = Field(default=None, max_length=600)
    members: Runs = []

    @model_validator(mode="after")
    def _named(self) -> OneSeries:
        """A line of one run is named by it; steps and times fit what a browser can count exactly."""
        if not self.members:
            self.run = str(UUID(self.run))
        if self.members and (self.x is not None or self.by_time):
            raise ValueError("a group of runs is drawn over steps: ask for it without x and by_time")
        if self.x is None:
            for end in (self.low, self.high):
                if end is not None and abs(end) > _I53:
                    raise ValueError(f"low and high lie within {_I53} of 0, not at {end}")
        return self

    def asked(self) -> SeriesAsked:
        return SeriesAsked(**{**self.model_dump(), "members": tuple(str(run) for run in self.members)})


class SeriesRequest(BaseModel):
    series: list[OneSeries] = Field(max_length=_SERIES_MAX)
    buckets: Annotated[int, Field(ge=16, le=4096)] = 1024
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0
    median: bool = False


class AttemptsRequest(BaseModel):
    runs: Runs
    first_steps: bool = False


class CompareRequest(BaseModel):
    runs: Annotated[list[UUID], Field(min_length=1, max_length=_COMPARED_MAX)]
    at: Step | None = None


class TableRequest(BaseModel):
    """See query.run_table.TableAsked."""

    project: str = Field(max_length=600)
    filter: str | None = Field(default=None, max_length=10_000)
    limit: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    columns: list[Annotated[str, Field(max_length=2_100)]] = Field(default=[], max_length=200)
    since: Annotated[int, Field(ge=0, le=_I53)] | None = None


class NonfiniteRequest(BaseModel):
    project: str = Field(max_length=600)
    ids: list[Annotated[str, Field(max_length=600)]] = Field(max_length=_ROWS_MAX)


class Nonfinite(BaseModel):
    """Points of a run that are NaN, +Inf (above) or -Inf (below), and the `of` metrics that have some."""

    nan: int
    above: int
    below: int
    of: int
    metrics: list[tuple[str, int, int, int]] = Field(description="name, nan, above, below: the 20 that have most")


class NonfiniteAnswer(BaseModel):
    runs: dict[str, Nonfinite] = Field(description="by id; a run whose points are all finite is not among them")


def page_router(metrics: MetricSource) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["page"], route_class=JsonErrorsRoute)

    @router.get("/projects")
    def get_projects() -> JSONResponse:
        return JSONResponse({"projects": projects(metrics)})

    @router.post("/table")
    def post_table(asked: TableRequest) -> Response:
        """Runs of a project, newest first, with the columns asked for, as arrays (query/run_table.py says how)."""
        wanted = TableAsked(asked.project, asked.filter or None, asked.limit, asked.columns, asked.since)
        return Response(run_table(metrics, wanted), media_type=_COLUMNS)

    @router.post("/compare")
    def post_compare(asked: CompareRequest) -> JSONResponse:
        """Last, least, greatest and the value at a step, of every metric of these runs."""
        return JSONResponse({"metrics": comparison(metrics, [str(run) for run in asked.runs], asked.at)})

    @router.get("/table/columns")
    def get_columns(project: str) -> JSONResponse:
        """What columns that table can have: config and summary keys, metrics."""
        return JSONResponse(column_names(metrics, project))

    @router.post("/table/nonfinite", response_model=NonfiniteAnswer)
    def post_nonfinite(asked: NonfiniteRequest) -> JSONResponse:
        """How many points of these runs are not finite; POST because a screen of ids does not fit an address."""
        return JSONResponse({"runs": nonfinite_counts(metrics, asked.project, asked.ids)})

    @router.get("/find")
    def get_found(
        project: str,
        text: Annotated[str, Query(max_length=500)] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> JSONResponse:
        """The newest runs with these words in id, name, tags or user."""
        return JSONResponse(find_runs(metrics, project, text, limit))

    @router.get("/metrics")
    def get_metrics(project: str, id: str) -> JSONResponse:
        """By project and id: the page asks before it has learnt the run's UUID."""
        return JSONResponse({"metrics": metric_list(metrics, str(run_uuid(project, id)))})

    @router.get("/opening")
    def get_opening(project: str, run: Annotated[list[str], Query(min_length=1, max_length=1_000)]) -> JSONResponse:
        """The runs with these ids, and the names of the first one's metrics: all that its page begins with."""
        return JSONResponse(opening(metrics, project, run))

    @router.post("/series")
    def post_series(asked: SeriesRequest) -> Response:
        """Points or power-of-two buckets of many series in one binary answer (query/payload.py says how)."""
        wanted = [one.asked() for one in asked.series]
        answers = series(metrics, wanted, buckets=asked.buckets, smoothing=asked.smoothing, median=asked.median)
        return Response(encode(answers), media_type=_COLUMNS)

    @router.get("/series.csv")
    def get_series_csv(
        run: Annotated[list[UUID], Query(min_length=1, max_length=_RUNS_MAX)],
        metric: Annotated[list[str], Query(min_length=1, max_length=100)],
    ) -> StreamingResponse:
        """Every point of these metrics of these runs, exact, by run, metric, rank and step."""
        name = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in metric[0])[:80] or "chart"
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        rows = chart_csv(metrics, [str(one) for one in run], metric)
        return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)

    @router.get("/ranks")
    def get_ranks(
        run: UUID,
        metric: Metric,
        low: Annotated[int, Query(ge=-_I53, le=_I53)] | None = None,
        high: Annotated[int, Query(ge=-_I53, le=_I53)] | None = None,
        buckets: Annotated[int, Query(ge=16, le=4096)] = 512,
    ) -> Response:
        """The mean of each rank in each bucket of steps."""
        return Response(
            rank_matrix(metrics, str(run), metric, low=low, high=high, buckets=buckets), media_type=_COLUMNS
        )

    @router.post("/attempts")
    def post_attempts(asked: AttemptsRequest) -> JSONResponse:
        """When each attempt of these runs lived; POST because hundreds of runs do not fit an address."""
        runs = [str(run) for run in asked.runs]
        lives = {run: [[one.started, one.ended] for one in found] for run, found in attempts(metrics, runs).items()}
        first = first_steps(metrics, runs) if asked.first_steps else {}
        return JSONResponse({"attempts": lives, "first_steps": first})

    @router.get("/heatmap")
    def get_heatmap(run: UUID, metric: Metric, columns: Annotated[int, Query(ge=16, le=4096)] = 512) -> Response:
        return Response(heatmap(metrics, str(run), metric, columns), media_type=_COLUMNS)

    @router.get("/system")
    def get_system(
        run: UUID,
        low: Annotated[int, Query(ge=0, le=1 << 42)] | None = None,
        high: Annotated[int, Query(ge=0, le=1 << 42)] | None = None,
        buckets: Annotated[int, Query(ge=16, le=4096)] = 600,
    ) -> Response:
        """What the run's machines did between two times (ms), for charts (query/system_series.py)."""
        return Response(system_series(metrics, str(run), low=low, high=high, buckets=buckets), media_type=_COLUMNS)

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
