"""The routes by which runs are put in the trash, brought back, purged and held, over any Retention.

Handlers are plain functions, so each runs in a worker thread: a purge waits for the store, the event loop does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from ..errors import StepwellError
from ..query.retention import Retention
from ..query.retention_http import hold_to_json, rule_to_json, trashed_to_json
from ..run_key import RunKey
from ..stores.retention.records import Going, KeepBest, Rule
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


class RuleAsked(BaseModel):
    """See stores.retention.records.Rule. keep_best: METRIC:min|max:COUNT each."""

    keep_last: int = 0
    keep_best: list[Annotated[str, Field(max_length=700)]] = Field(default=[], max_length=20)
    max_age_s: int = 0
    trash_s: int | None = None
    by: str = ""


class GcAsked(BaseModel):
    apply: bool = False


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

    @router.get("/retention")
    def get_rules() -> JSONResponse:
        return JSONResponse({"rules": [rule_to_json(rule) for rule in retention.rules()]})

    @router.put("/retention/{project}")
    def put_rule(project: str, asked: RuleAsked) -> JSONResponse:
        """Replaces the rules of the project; what is left out is no rule."""
        best = tuple(map(KeepBest.parse, asked.keep_best))
        rule = Rule(project, asked.keep_last, best, asked.max_age_s, asked.trash_s)
        return JSONResponse(rule_to_json(retention.set_rule(rule, by=asked.by)))

    @router.post("/gc")
    def post_gc(asked: GcAsked) -> StreamingResponse:
        """What goes (apply) or would go, a JSON object a line as it goes: {"what", "name", "why", "size"}.

        The last line is {"ended": true}, or {"error", "message"}; one that is neither was cut off.
        """
        return StreamingResponse(_lines(retention.gc(apply=asked.apply)), media_type="application/x-ndjson")

    return router


def _lines(going: Iterator[Going]) -> Iterator[str]:
    try:
        for one in going:
            yield json.dumps(asdict(one)) + "\n"
    except StepwellError as error:
        yield json.dumps({"error": type(error).__name__, "message": str(error)}) + "\n"
        return
    yield json.dumps({"ended": True}) + "\n"
