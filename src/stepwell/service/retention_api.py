"""The routes by which runs are put in the trash, brought back, purged and held, over any Retention.

Handlers are plain functions, so each runs in a worker thread: a purge waits for the store, the event loop does not.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ..ids import RunKey
from ..query.retention import Retention
from ..query.retention_http import hold_to_json, trashed_to_json
from .reading import JsonErrorsRoute, key_of

__all__ = ["retention_router"]

_RUNS_MAX = 10_000

Project = Annotated[str | None, Query(max_length=600)]


class RunsAsked(BaseModel):
    """runs: "project/id" each. by: who asks; empty for whoever is signed in to the page."""

    runs: list[Annotated[str, Field(max_length=600)]] = Field(min_length=1, max_length=_RUNS_MAX)
    by: str = ""
    reason: str = ""

    def keys(self) -> list[RunKey]:
        return [key_of(path) for path in self.runs]


class HoldAsked(BaseModel):
    """until: ISO 8601; without an offset it is UTC."""

    until: datetime
    reason: str
    by: str = ""


class ReleaseAsked(BaseModel):
    reason: str = ""
    by: str = ""


def retention_router(retention: Retention) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["retention"], route_class=JsonErrorsRoute)

    @router.get("/trash")
    def get_trash(project: Project = None) -> JSONResponse:
        return JSONResponse({"runs": [trashed_to_json(one) for one in retention.trashed(project)]})

    @router.post("/trash")
    def post_trash(asked: RunsAsked) -> JSONResponse:
        """Hides these runs, all or none. 404: no such run; 409: one is held."""
        retention.trash(asked.keys(), by=asked.by, reason=asked.reason)
        return JSONResponse({"runs": asked.runs})

    @router.post("/restore")
    def post_restore(asked: RunsAsked) -> JSONResponse:
        """Brings them back."""
        retention.restore(asked.keys(), by=asked.by)
        return JSONResponse({"runs": asked.runs})

    @router.post("/purge")
    def post_purge(asked: RunsAsked) -> JSONResponse:
        """Removes every row of these runs, which are in the trash. There is no way back."""
        retention.purge(asked.keys(), by=asked.by, reason=asked.reason)
        return JSONResponse({"runs": asked.runs})

    @router.get("/holds")
    def get_holds(project: Project = None) -> JSONResponse:
        return JSONResponse({"holds": [hold_to_json(one) for one in retention.holds(project)]})

    @router.put("/runs/{project}/{id}/hold")
    def put_hold(project: str, id: str, asked: HoldAsked) -> JSONResponse:
        """Nothing removes the run before then."""
        held = retention.hold(RunKey(project, id), asked.until, by=asked.by, reason=asked.reason)
        return JSONResponse(hold_to_json(held))

    @router.delete("/runs/{project}/{id}/hold")
    def delete_hold(project: str, id: str, asked: ReleaseAsked) -> JSONResponse:
        retention.release(RunKey(project, id), by=asked.by, reason=asked.reason)
        return JSONResponse({"run": f"{project}/{id}"})

    return router
