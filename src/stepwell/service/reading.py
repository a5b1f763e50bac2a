"""The reading half of the HTTP API: every route that answers a question, over any Reader, and the two by which people
change a run's name, tags, notes or colour, and move an artifact's aliases.

Mounted by the service's app, which checks tokens and hosts before anything here runs. The handlers are plain
functions, so each runs in a worker thread: the event loop never waits for the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator
from itertools import chain
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from ..errors import (
    BlobError,
    FilterError,
    InvalidValue,
    NotFound,
    RunHeld,
    RunTrashed,
    StepwellError,
    StoreError,
)
from ..ids import split_run
from ..query.reader import PAGE, Reader
from ..query.records import RunKey
from ..query.table_rows import first_rows
from ..query.wire import artifact_to_json, event_to_json, last_step_to_json, metric_to_json, run_to_json

__all__ = ["ARROW", "JsonErrorsRoute", "key_of", "reading_router"]

ARROW = "application/vnd.apache.arrow.stream"
_RUNS_MAX = 10_000
_STATUS: tuple[tuple[type[StepwellError], int], ...] = (
    (RunTrashed, 410),
    (NotFound, 404),
    (RunHeld, 409),
    (FilterError, 422),
    (InvalidValue, 422),
    (BlobError, 502),
    (StoreError, 503),
)

Metrics = Annotated[list[str], Query(alias="metric", max_length=10_000, default_factory=list)]


class AliasChange(BaseModel):
    """version: v3, latest or an alias."""

    version: str = "latest"
    add: list[str] = []
    remove: list[str] = []
    type: str | None = None
    by: str = Field("", max_length=512)


class JsonErrorsRoute(APIRoute):
    """Errors made on purpose become JSON: {"error": class, "message", ...} with a status that fits."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except StepwellError as error:
                return _refusal(error)

        return answer


def reading_router(reader: Reader) -> APIRouter:
    """GET routes under /api/v1. Names in paths are percent-encoded; Arrow bodies are IPC streams."""
    router = APIRouter(prefix="/api/v1", tags=["reading"], route_class=JsonErrorsRoute)

    @router.get("/runs")
    def runs(
        project: str | None = None,
        id: str | None = None,
        filter: Annotated[str | None, Query(max_length=10_000)] = None,
        limit: Annotated[int, Query(ge=1, le=_RUNS_MAX)] = PAGE,
        offset: Annotated[int, Query(ge=0)] = 0,
        last: bool = False,
    ) -> JSONResponse:
        """Newest first. `last=1` adds each metric's last value."""
        found = reader.runs(project=project, id=id, filters=filter, limit=limit, offset=offset, last=last)
        return JSONResponse({"runs": [run_to_json(info) for info in found]})

    @router.get("/history")
    def histories(
        run: Annotated[list[str], Query(min_length=1, max_length=_RUNS_MAX)],
        metric: Metrics,
        long: bool = False,
        with_run: bool = True,
    ) -> StreamingResponse:
        """Of several runs ("project/id" each), one after the other, with a `run` column."""
        return _arrow(reader.history([key_of(path) for path in run], metric, long=long, with_run=with_run))

    @router.get("/runs/{project}/{id}")
    def one(project: str, id: str) -> JSONResponse:
        return JSONResponse(run_to_json(reader.run(RunKey(project, id))))

    @router.patch("/runs/{project}/{id}")
    def change(project: str, id: str, changes: Annotated[dict[str, Any], Body()]) -> JSONResponse:
        """{"name" | "tags" | "notes" | "group" | "colour": new value or null, "by": who}; answers with the run."""
        by = changes.pop("by", "")
        if not isinstance(by, str):
            raise InvalidValue("`by` is the name of who changes it")
        return JSONResponse(run_to_json(reader.update(RunKey(project, id), changes, by=by)))

    @router.get("/runs/{project}/{id}/metrics")
    def metrics(project: str, id: str) -> JSONResponse:
        return JSONResponse({"metrics": [metric_to_json(info) for info in reader.metrics(RunKey(project, id))]})

    @router.get("/runs/{project}/{id}/history")
    def history(project: str, id: str, metric: Metrics, long: bool = False) -> StreamingResponse:
        """Wide (step, rank, a column a metric) or long; exact, never sampled. Patterns like train/* are taken."""
        return _arrow(reader.history([RunKey(project, id)], metric, long=long))

    @router.get("/runs/{project}/{id}/texts")
    def texts(project: str, id: str, metric: str) -> StreamingResponse:
        return _arrow(reader.texts(RunKey(project, id), metric).to_reader())

    @router.get("/runs/{project}/{id}/histograms")
    def histograms(project: str, id: str, metric: str) -> StreamingResponse:
        return _arrow(reader.histograms(RunKey(project, id), metric).to_reader())

    @router.get("/runs/{project}/{id}/system")
    def system(
        project: str,
        id: str,
        metric: Metrics,
        device: Annotated[list[str], Query(max_length=10_000, default_factory=list)],
        last: bool = False,
    ) -> StreamingResponse:
        """What the run's machines did, exact. Patterns like gpu* are taken; `last=1`: the last figure of each."""
        return _arrow(reader.system(RunKey(project, id), metric, device, last=last).to_reader())

    @router.get("/runs/{project}/{id}/console")
    def console(project: str, id: str) -> StreamingResponse:
        """The chunks as they were written; a reader collapses carriage returns."""
        return _arrow(reader.console(RunKey(project, id)).to_reader())

    @router.get("/runs/{project}/{id}/events")
    def events(project: str, id: str) -> JSONResponse:
        return JSONResponse({"events": [event_to_json(event) for event in reader.events(RunKey(project, id))]})

    @router.get("/runs/{project}/{id}/artifacts")
    def artifacts(project: str, id: str) -> JSONResponse:
        """All that the run logged under names, with files, versions and aliases."""
        found = reader.artifacts(RunKey(project, id))
        return JSONResponse({"artifacts": [artifact_to_json(info) for info in found]})

    @router.get("/runs/{project}/{id}/media")
    def media(
        project: str,
        id: str,
        kind: Literal["image", "table", "tensor"],
        name: str | None = None,
        since: Annotated[int | None, Query(ge=0, le=1 << 42)] = None,
    ) -> JSONResponse:
        """Its images, tables or tensors, with files, by name, step and rank; without the numbers of versions.

        since: only those that were logged, or completed, at that time (ms since 1970) or later. `now` is the service's
        time: less what the clocks of writers may differ by, it is the `since` of the next look.
        """
        now = round(time.time() * 1000)
        found = reader.media(RunKey(project, id), kind, name, since=since)
        return JSONResponse({"media": [artifact_to_json(info) for info in found], "now": now})

    @router.get("/runs/{project}/{id}/table")
    def table(
        project: str,
        id: str,
        name: str,
        step: Annotated[int, Query(ge=-(2**63), lt=2**63)],
        rank: Annotated[int, Query(ge=0, lt=1 << 32)] = 0,
    ) -> JSONResponse:
        """The first 200 rows of one of its tables, each cell as text; the file has them all."""
        return JSONResponse(first_rows(reader, RunKey(project, id), name, step, rank))

    @router.get("/runs/{project}/{id}/used")
    def used(project: str, id: str) -> JSONResponse:
        """The versions of artifacts that the run has said it uses, without files."""
        return JSONResponse({"artifacts": [artifact_to_json(info) for info in reader.used(RunKey(project, id))]})

    @router.get("/artifact_users")
    def users(project: str, name: str, version: Annotated[int, Query(ge=0)], type: str) -> JSONResponse:
        """The runs that have said they use this version."""
        found = reader.users(project, name, version, type=type)
        return JSONResponse({"runs": [{"project": key.project, "id": key.id} for key in found]})

    @router.get("/artifacts")
    def versions(project: str, name: str | None = None, type: str | None = None) -> JSONResponse:
        """The versions of a project's artifacts, by type, name and number, without files."""
        found = reader.versions(project, name=name, type=type)
        return JSONResponse({"artifacts": [artifact_to_json(info) for info in found]})

    @router.get("/artifacts/{project}/{name:path}")
    def artifact(project: str, name: str, version: str = "latest", type: str | None = None) -> JSONResponse:
        """One version with its files. `version`: v3, latest or an alias."""
        return JSONResponse(artifact_to_json(reader.artifact(project, name, version, type=type)))

    @router.patch("/artifacts/{project}/{name:path}")
    def alias(project: str, name: str, change: AliasChange) -> JSONResponse:
        """Moves aliases to a version (`add`), or takes them away from it (`remove`); answers with the version."""
        found = reader.set_aliases(
            project, name, change.version, add=change.add, remove=change.remove, type=change.type, by=change.by
        )
        return JSONResponse(artifact_to_json(found))

    @router.get("/runs/{project}/{id}/last_step")
    def last_step(project: str, id: str, rank: Annotated[int, Query(ge=0, lt=1 << 32)] = 0) -> JSONResponse:
        return JSONResponse(last_step_to_json(reader.last_step(RunKey(project, id), rank)))

    return router


def key_of(path: str) -> RunKey:
    """Of "project/id". Raises InvalidValue."""
    project, run_id = split_run(path)
    if project is None:
        raise InvalidValue(f"a run is named project/id here, not {path!r}")
    return RunKey(project, run_id)


def _refusal(error: StepwellError) -> JSONResponse:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    body: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, FilterError):
        body |= {"text": error.text, "position": error.position}
    return JSONResponse(body, status_code=status)


def _arrow(batches: pa.RecordBatchReader) -> StreamingResponse:
    """The first batch is made before the answer begins, so that a refusal still has its status."""
    first = next(iter(batches), None)
    rest = chain(() if first is None else (first,), batches)
    return StreamingResponse(_ipc(batches.schema, rest), media_type=ARROW)


def _ipc(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    sink = _Sink()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema) as writer:
        yield sink.take()
        for batch in batches:
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


class _Sink:
    """Where Arrow writes to and the response takes from: one batch at a time in memory."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True
