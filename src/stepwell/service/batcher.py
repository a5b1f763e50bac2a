"""Blocks on their way to the store, from all streams and requests: gathered, bounded, written in worker threads.

A batch is written `flush_interval_s` after its first block or as soon as it holds `flush_bytes`. While one is
being inserted the next is decoded. What waits is bounded by `queue_bytes_max`: beyond it `room` waits, its
callers stop reading, and the agents' spools hold.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from ..killpoints import killpoint
from ..settings import Settings
from ..stores.ingest import Outcome, Reason
from .figures import Figures

__all__ = ["Batcher", "Writer"]

log = logging.getLogger("stepwell.service")

_WRITES = 2  # one inserting, one decoding
_ENTRY_BYTES = 512  # what a waiting block costs beside its bytes, so that a million tiny ones are bounded too


class Writer(Protocol):
    def write(self, blocks: list[bytes]) -> list[Outcome]: ...


@dataclass
class _Entry:
    block: bytes
    done: asyncio.Future[Outcome]

    @property
    def cost(self) -> int:
        return len(self.block) + _ENTRY_BYTES


class Batcher:
    """Belongs to the event loop; only `Writer.write` runs in threads."""

    def __init__(self, writer: Writer, settings: Settings, figures: Figures) -> None:
        self._writer = writer
        self._settings = settings
        self._figures = figures
        self._waiting: deque[_Entry] = deque()
        self._waiting_bytes = 0
        self._held_bytes = 0  # waiting and being written
        self._room = asyncio.Condition()
        self._changed = asyncio.Event()
        self._starved = 0  # callers of `room` that wait
        self._closing = False
        self._writes = asyncio.Semaphore(_WRITES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(_WRITES, thread_name_prefix="stepwell-ingest")
        self._loop_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop_task = asyncio.create_task(self._gather(), name="stepwell-batcher")

    @property
    def held_bytes(self) -> int:
        return self._held_bytes

    async def room(self, size: int) -> None:
        """Returns once a block of this size may be put. One is always let in where nothing waits."""
        if self._fits(size):
            return
        self._starved += 1
        self._changed.set()  # nothing more will come: what waits is due now
        try:
            async with self._room:
                await self._room.wait_for(lambda: self._fits(size))
        finally:
            self._starved -= 1

    def _fits(self, size: int) -> bool:
        return not self._held_bytes or self._held_bytes + size + _ENTRY_BYTES <= self._settings.queue_bytes_max

    def put(self, block: bytes) -> asyncio.Future[Outcome]:
        """Resolves once the block is durable or refused; it never raises."""
        entry = _Entry(block, asyncio.get_running_loop().create_future())
        if self._closing:
            entry.done.set_result(Outcome(Reason.RETRY, "the service is shutting down; send it to the next one"))
            return entry.done
        self._waiting.append(entry)
        self._waiting_bytes += entry.cost
        self._held_bytes += entry.cost
        self._figures.queue_bytes.set(self._held_bytes)
        self._changed.set()
        killpoint("service.received")
        return entry.done

    async def close(self) -> None:
        """Writes what has been put, and returns when all of it is answered."""
        self._closing = True
        self._changed.set()
        if self._loop_task:
            await self._loop_task
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._threads.shutdown()

    async def _gather(self) -> None:
        while True:
            while not self._waiting:
                if self._closing:
                    return
                self._changed.clear()
                await self._changed.wait()
            await self._fill()
            await self._writes.acquire()
            task = asyncio.create_task(self._write(self._take()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _fill(self) -> None:
        """Waits for more, until the batch is due."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._settings.flush_interval_s
        while self._waiting_bytes < self._settings.flush_bytes and not self._closing and not self._starved:
            self._changed.clear()
            left = due - loop.time()
            if left <= 0:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except asyncio.TimeoutError:
                return

    def _take(self) -> list[_Entry]:
        taken: list[_Entry] = []
        size = 0
        while self._waiting and size < self._settings.flush_bytes:
            entry = self._waiting.popleft()
            size += entry.cost
            taken.append(entry)
        self._waiting_bytes -= size
        return taken

    async def _write(self, entries: list[_Entry]) -> None:
        loop = asyncio.get_running_loop()
        blocks = [entry.block for entry in entries]
        started = loop.time()
        try:
            outcomes = await loop.run_in_executor(self._threads, self._writer.write, blocks)
        except Exception as error:  # whatever it is: the blocks must be answered, and their senders keep them
            log.exception("a batch of %d blocks could not be written", len(blocks))
            outcomes = [Outcome(Reason.RETRY, f"{type(error).__name__} in the service")] * len(blocks)
        finally:
            self._writes.release()
        killpoint("service.inserted")
        self._figures.flush(loop.time() - started, outcomes, sum(len(block) for block in blocks))
        self._held_bytes -= sum(entry.cost for entry in entries)
        self._figures.queue_bytes.set(self._held_bytes)
        with self._figures.stages.spent("ack"):
            for entry, outcome in zip(entries, outcomes, strict=True):
                if not entry.done.done():
                    entry.done.set_result(outcome)
        async with self._room:
            self._room.notify_all()
