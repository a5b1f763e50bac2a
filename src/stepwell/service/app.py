"""The HTTP side, put together: routes, errors that say what to do, the guard around all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from ..errors import (
    BlobError,
    FilterError,
    InvalidValue,
    NotFound,
    StepwellError,
    StoreBusy,
    StoreError,
    StoreUnavailable,
)
from ..stores.artifacts import BlobsMissingError
from ..stores.blobs import is_passing
from .auth import App, HttpGuard, Token
from .figures import Figures
from .sessions import Sessions

__all__ = ["Info", "create_app"]


@dataclass(frozen=True)
class Info:
    """GET /api/v1/info, the only thing said to everybody."""

    version: str
    grpc: str
    boot: str


def create_app(
    *,
    info: Info,
    routers: Collection[APIRouter],
    check: Callable[[], None],
    figures: Figures,
    token: Token,
    hosts: Collection[str] | None,
    sessions: Sessions | None = None,
) -> App:
    """`check` raises StepwellError where a store does not answer."""
    app = FastAPI(title="stepwell", version=info.version, docs_url=None, redoc_url=None)
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(StepwellError, _stepwell_error)
    app.add_exception_handler(ValidationError, _validation_error)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process lives and its event loop turns."""
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """503 while a store does not answer."""
        try:
            await asyncio.to_thread(check)
        except StepwellError:
            # Open to everybody, so it names no address; the service's log does.
            return JSONResponse({"status": "not ready", "detail": "a store does not answer"}, 503)
        return JSONResponse({"status": "ready"})

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/api/v1/info")
    async def get_info() -> dict[str, str]:
        return {"service": "stepwell", "version": info.version, "grpc": info.grpc, "boot": info.boot}

    return HttpGuard(app, token, hosts, sessions)  # type: ignore[arg-type]


def _status(error: StepwellError) -> int:
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, (InvalidValue, FilterError)):
        return 400
    if isinstance(error, BlobsMissingError):
        return 409
    if isinstance(error, BlobError):
        return 507 if is_passing(error) else 422
    if isinstance(error, (StoreUnavailable, StoreBusy)):
        return 503
    return 500 if isinstance(error, StoreError) else 400


async def _stepwell_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StepwellError)
    content: dict[str, object] = {"detail": str(error), "error": type(error).__name__}
    if isinstance(error, FilterError):
        content["position"] = error.position
    if isinstance(error, BlobsMissingError):
        content["digests"] = error.digests[:1000]
    return JSONResponse(content, _status(error))


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ValidationError)
    faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:10])
    return JSONResponse({"detail": faults, "error": "InvalidValue"}, 400)
