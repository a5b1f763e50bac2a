"""Server-sent events: what is new in the runs somebody is looking at.

One look at the store a tick for each watched run, however many watch it. A stream begins with the state of
each run, so that a page that was away knows what it missed; it ends when the service does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from ..errors import StepwellError
from ..query.changes import Cursor, news, state_of
from ..query.local import MetricSource

__all__ = ["Live", "live_router"]

_TICK_S = 0.5  # with block interval and flush this shows a point about a second after its log call
_TICK_IDLE_S = 5.0  # for runs that have ended: a late spool may still bring something
_BEAT_S = 10.0  # proxies end a silent connection; the page takes three missed beats for a dead service


class _Watch:
    """One run: its cursor, who listens, and the task that looks."""

    def __init__(self) -> None:
        self.cursor = Cursor()
        self.listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self.state = "unknown"
        self.primed = False
        self.task: asyncio.Task[None] | None = None


class Live:
    def __init__(self, metrics: MetricSource) -> None:
        self._metrics = metrics
        self._watches: dict[str, _Watch] = {}
        self._closed = False

    def close(self) -> None:
        """Ends every stream, so that a shutdown need not wait for pages to go away."""
        self._closed = True
        for watch in self._watches.values():
            for queue in watch.listeners:
                queue.put_nowait(None)

    async def events(self, runs: list[str], request: Request) -> AsyncIterator[str]:
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        for run in runs:
            self._listen(run, queue)
        try:
            yield "retry: 2000\n\n"
            while not self._closed:
                try:
                    event = await asyncio.wait_for(queue.get(), _BEAT_S)
                except asyncio.TimeoutError:
                    if await request.is_disconnected():
                        return
                    yield "event: beat\ndata: {}\n\n"
                    continue
                if event is None:
                    return
                yield f"data: {json.dumps(event, separators=(',', ':'))}\n\n"
        finally:
            for run in runs:
                self._leave(run, queue)

    def _listen(self, run: str, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
        watch = self._watches.get(run)
        if watch is None:
            watch = self._watches[run] = _Watch()
            watch.task = asyncio.create_task(self._look(run, watch))
        watch.listeners.add(queue)
        if watch.primed:
            queue.put_nowait({"run": run, "state": watch.state, "news": [], "fresh": True})

    def _leave(self, run: str, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
        watch = self._watches.get(run)
        if watch is None:
            return
        watch.listeners.discard(queue)
        if not watch.listeners:
            del self._watches[run]
            if watch.task is not None:
                watch.task.cancel()

    async def _look(self, run: str, watch: _Watch) -> None:
        while True:
            try:
                found = await asyncio.to_thread(news, self._metrics, run, watch.cursor)
                state = await asyncio.to_thread(state_of, self._metrics, run)
            except StepwellError as error:
                # The store is away: said to those who listen, looked at again at the next tick.
                self._tell(watch, {"run": run, "state": watch.state, "news": [], "fault": str(error)})
            else:
                # The first look finds all there is. `fresh` says: from here on nothing is missed, so look once more.
                fresh, watch.primed = not watch.primed, True
                if fresh or found or state != watch.state:
                    watch.state = state
                    what = [] if fresh else [asdict(one) for one in found]
                    self._tell(watch, {"run": run, "state": state, "news": what, "fresh": fresh})
            await asyncio.sleep(_TICK_S if watch.state in ("running", "unknown") else _TICK_IDLE_S)

    @staticmethod
    def _tell(watch: _Watch, event: dict[str, Any]) -> None:
        for queue in watch.listeners:
            queue.put_nowait(event)


def live_router(live: Live) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["page"])

    @router.get("/live")
    async def get_live(request: Request, run: Annotated[list[UUID], Query(max_length=200)]) -> StreamingResponse:
        """data: {"run", "state", "news": [{"kind": scalars|histograms|texts|console, "points", "from_step", "to_step"}]}"""
        return StreamingResponse(
            live.events([str(one) for one in run], request),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )

    return router
