"""What an agent does over gRPC, over HTTP: for ways that gRPC does not get through (ingress, ssh -L)."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Request
from pydantic import BaseModel, Field

from ..errors import InvalidValue
from ..killpoints import killpoint
from ..settings import Settings
from ..stores.artifacts import ArtifactCommit, ArtifactFile
from ..stores.ingest import Ingest, Outcome, check_block
from .batcher import Batcher
from .body import read_body
from .figures import Figures
from .frames import BodyFrame, parse_frames
from .stopping import Stopper

__all__ = ["ingest_router"]

_BODIES_MAX = 4  # requests with blocks at one time, each up to request_bytes_max in memory
_BODY_TIMEOUT_S = 120  # so that a few peers that stand still do not shut out the others


class _File(BaseModel):
    path: str
    digest: str
    size: Annotated[int, Field(ge=0)]
    uri: str = ""


class _Commit(BaseModel):
    """The wire's CommitRequest; `run` in hexadecimal, `writer` a number or hexadecimal."""

    project: str
    id: str
    run: str
    writer: int | str
    row_seq: int
    rank: int = 0
    version: int
    step: int = 0
    time_ms: int
    kind: str
    name: str
    metadata: str = "{}"
    files: list[_File]
    type: str = ""
    aliases: list[str] = []
    part: Annotated[int, Field(ge=0)] = 0
    parts: Annotated[int, Field(ge=0)] = 0

    def request(self) -> ArtifactCommit:
        try:
            run = bytes.fromhex(self.run)
            writer = int(self.writer, 16) if isinstance(self.writer, str) else self.writer
        except ValueError:
            raise InvalidValue("run and writer are hexadecimal") from None
        return ArtifactCommit(
            **self.model_dump(exclude={"run", "writer", "files", "aliases"}),
            run=run,
            writer=writer,
            files=tuple(ArtifactFile(file.path, file.digest, file.size, file.uri) for file in self.files),
            aliases=tuple(self.aliases),
        )


def ingest_router(
    *, batcher: Batcher, ingest: Ingest, stopper: Stopper, settings: Settings, figures: Figures, boot: str
) -> APIRouter:
    router = APIRouter(prefix="/api/v1")
    bodies = asyncio.Semaphore(_BODIES_MAX)

    @router.post("/blocks")
    async def post_blocks(request: Request) -> dict[str, Any]:
        """Concatenated spool frames, as on disk. Answers each by its index; an ack means durable.

        Of those that are acked, the runs of the discarded were purged: nothing of them is kept.
        """
        async with bodies:
            frames = list(parse_frames(await _read(request)))
            return await _take(frames)

    async def _read(request: Request) -> bytes:
        try:
            return await asyncio.wait_for(read_body(request, settings.request_bytes_max), _BODY_TIMEOUT_S)
        except asyncio.TimeoutError:
            raise HTTPException(408, f"the request did not arrive within {_BODY_TIMEOUT_S} s; send less") from None

    async def _take(frames: list[BodyFrame]) -> dict[str, Any]:
        outcomes: list[asyncio.Future[Outcome]] = []
        for frame in frames:
            refused = Outcome(frame.reason, frame.fault) if frame.reason else check_block(frame.block, settings)
            if refused:
                figures.count(refused)
                done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
                done.set_result(refused)
                outcomes.append(done)
            else:
                await batcher.room(len(frame.block))
                outcomes.append(batcher.put(frame.block))
        results = await asyncio.gather(*outcomes)
        killpoint("service.acked")
        return {
            "boot": boot,
            "acked": [index for index, outcome in enumerate(results) if outcome.ok],
            "discarded": [index for index, outcome in enumerate(results) if outcome.discarded],
            "nacked": [
                {"index": index, "reason": outcome.reason.name, "message": outcome.message}
                for index, outcome in enumerate(results)
                if outcome.reason is not None
            ],
        }

    @router.post("/artifacts")
    async def post_artifact(request: Request) -> dict[str, str]:
        """Makes an artifact complete, or forgets it where its run was purged. 409 while a blob is missing."""
        body = await read_body(request, settings.request_bytes_max)
        commit = _Commit.model_validate_json(body).request()
        if await asyncio.to_thread(ingest.commit_artifact, commit):
            return {"state": "complete"}
        figures.discarded.labels("artifact").inc()
        return {"state": "discarded"}

    @router.post("/runs/{project}/{id}/stop")
    async def post_stop(project: str, id: str, reason: Annotated[str, Body(embed=True)] = "") -> dict[str, Any]:
        """Asks the run's processes to stop early; the request is an event of the run."""
        told = await stopper.stop(project, id, reason)
        return {"run": f"{project}/{id}", "streams": told}

    return router
