"""Server-sent events: what is new in the runs somebody is looking at.

One look at the store a tick for all watched runs together, however many pages watch them. A stream ends when the
service does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from ..errors import StepwellError
from ..query.changes import Cursor, News, catch_up, news, states_of
from ..query.sources import MetricSource

__all__ = ["Live", "live_router"]

_TICK_S = 0.5  # with block interval and flush this shows a point about a second after its log call
_ENDED_EVERY = 10  # ticks between two looks at runs that have ended: a late spool may still bring something
_BEAT_S = 10.0  # proxies end a silent connection; the page takes three missed beats for a dead service

Event = dict[str, Any]


@dataclass
class _Watch:
    """One run: who listens, and the state that they were told. None: nothing was looked at yet."""

    listeners: set[asyncio.Queue[Event | None]] = field(default_factory=set)
    state: str | None = None


class Live:
    def __init__(self, metrics: MetricSource) -> None:
        self._metrics = metrics
        self._watches: dict[str, _Watch] = {}
        self._cursor = Cursor()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def close(self) -> None:
        """Ends every stream, so that a shutdown need not wait for pages to go away."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        for watch in self._watches.values():
            for queue in watch.listeners:
                queue.put_nowait(None)

    async def events(self, runs: list[str], request: Request) -> AsyncIterator[str]:
        """`fresh` in an event says: from here on nothing of this run is missed, so look at it once more."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        for run in runs:
            watch = self._watches.setdefault(run, _Watch())
            watch.listeners.add(queue)
            if watch.state is not None:
                queue.put_nowait({"run": run, "state": watch.state, "news": [], "fresh": True})
        if self._task is None:
            self._task = asyncio.create_task(self._look())
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
            self._leave(runs, queue)

    def _leave(self, runs: list[str], queue: asyncio.Queue[Event | None]) -> None:
        for run in runs:
            watch = self._watches.get(run)
            if watch is not None:
                watch.listeners.discard(queue)
                if not watch.listeners:
                    del self._watches[run]
        if not self._watches:
            self._cursor = Cursor()
            if self._task is not None:
                self._task.cancel()
                self._task = None

    async def _look(self) -> None:
        tick = 0
        while True:
            every = tick % _ENDED_EVERY == 0
            due = [run for run, watch in self._watches.items() if every or watch.state in (None, "running", "unknown")]
            if due:
                unseen = {run for run in due if self._watches[run].state is None}
                try:
                    found, states = await asyncio.to_thread(self._found, due, unseen)
                except StepwellError as error:
                    # The store is away: said to those who listen, looked at again at the next tick.
                    self._tell_all({"news": [], "fault": str(error)})
                else:
                    for run in due:
                        self._report(run, found.get(run, []), states.get(run, "unknown"))
            tick += 1
            await asyncio.sleep(_TICK_S)

    def _found(self, due: list[str], unseen: set[str]) -> tuple[dict[str, list[News]], dict[str, str]]:
        """What is new in those that were looked at before, and the states of all.

        News are asked for last: they move the cursor, and would be lost with what failed after them.
        """
        states = states_of(self._metrics, due)
        if unseen:
            catch_up(self._metrics, sorted(unseen), self._cursor)
        seen = [run for run in due if run not in unseen]
        return news(self._metrics, seen, self._cursor) if seen else {}, states

    def _report(self, run: str, found: list[News], state: str) -> None:
        watch = self._watches.get(run)
        if watch is None:
            return
        fresh, changed = watch.state is None, watch.state != state
        watch.state = state
        if fresh or changed or found:
            event = {"run": run, "state": state, "news": [asdict(one) for one in found], "fresh": fresh}
            for queue in watch.listeners:
                queue.put_nowait(event)

    def _tell_all(self, event: Event) -> None:
        for run, watch in self._watches.items():
            for queue in watch.listeners:
                queue.put_nowait({"run": run, "state": watch.state or "unknown", **event})


def live_router(live: Live) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["page"])

    @router.get("/live")
    async def get_live(request: Request, run: Annotated[list[UUID], Query(max_length=200)]) -> StreamingResponse:
        """data: {"run", "state", "fresh", "news": [{"kind", "points", "from_step", "to_step"}]}

        kind: scalars | histograms | texts | console.
        """
        return StreamingResponse(
            live.events([str(one) for one in run], request),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )

    return router
