"""Ingest.Stream: frames in, one answer a frame out, a stop request when there is one.

Reading waits for room in the batcher, so a slow store closes HTTP/2's window and the agent's spool holds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import grpc
import grpc.aio

from .._core import crc32c
from ..killpoints import killpoint
from ..settings import Settings
from ..stores.ingest import Outcome, Reason, check_block
from ..v1 import ingest_pb2 as pb
from ..v1 import ingest_pb2_grpc
from .batcher import Batcher
from .figures import Figures
from .stops import Stop, StopBoard

__all__ = ["IngestService"]

_PENDING_MAX = 4096  # frames of one stream not answered yet; a peer that never reads its answers stops here
_RETRY_PAUSE_MS = 1000


class IngestService(ingest_pb2_grpc.IngestServicer):  # type: ignore[misc]
    def __init__(
        self, *, batcher: Batcher, stops: StopBoard, settings: Settings, figures: Figures, boot: str, version: str
    ) -> None:
        self._batcher = batcher
        self._stops = stops
        self._settings = settings
        self._figures = figures
        self._welcome = pb.Welcome(boot=boot, version=version, window_bytes=settings.send_window_bytes)
        self._sessions: set[_Session] = set()
        self._closing = False

    async def Stream(  # noqa: N802 - the name is the wire's
        self, requests: AsyncIterator[pb.IngestRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.IngestReply]:
        if self._closing:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the service is shutting down")
        session = _Session(self._batcher, self._stops, self._settings, self._figures)
        self._sessions.add(session)
        self._figures.streams.inc()
        try:
            session.reply(pb.IngestReply(welcome=self._welcome))
            session.start(requests)
            async for reply in session.replies():
                yield reply
                if reply.HasField("ack"):
                    killpoint("service.acked")
            if session.complaint:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, session.complaint)
        finally:
            self._sessions.discard(session)
            self._figures.streams.dec()
            session.close()

    def stop_reading(self) -> None:
        """Each stream ends once what it brought has been answered."""
        self._closing = True
        for session in self._sessions:
            session.stop_reading()


class _Session:
    """One stream: a task that reads, and the replies it and the batcher make."""

    def __init__(self, batcher: Batcher, stops: StopBoard, settings: Settings, figures: Figures) -> None:
        self._batcher = batcher
        self._settings = settings
        self._figures = figures
        self._listener = stops.listen(self._tell)
        self._replies: deque[pb.IngestReply] = deque()
        self._acks: list[int] = []
        self._discarded: list[int] = []
        self._unanswered = 0
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self.complaint = ""

    def start(self, requests: AsyncIterator[pb.IngestRequest]) -> None:
        self._reader = asyncio.create_task(self._read(requests), name="stepwell-stream")
        self._reader.add_done_callback(self._reader_ended)

    def stop_reading(self) -> None:
        if self._reader:
            self._reader.cancel()

    def close(self) -> None:
        self.stop_reading()
        self._listener.close()

    def reply(self, reply: pb.IngestReply) -> None:
        self._replies.append(reply)
        self._changed.set()

    async def replies(self) -> AsyncIterator[pb.IngestReply]:
        """Until reading has ended and every frame read is answered."""
        while True:
            while self._replies or self._acks:
                if self._acks:
                    with self._figures.stages.spent("ack"):
                        reply = pb.IngestReply(ack=pb.Ack(sequences=self._acks, discarded=self._discarded))
                        self._acks, self._discarded = [], []
                    yield reply
                if self._replies:
                    yield self._replies.popleft()
                self._drained.set()
            if self._reader and self._reader.done() and not self._unanswered:
                return
            self._changed.clear()
            await self._changed.wait()

    async def _read(self, requests: AsyncIterator[pb.IngestRequest]) -> None:
        greeted = False
        async for request in requests:
            body = request.WhichOneof("body")
            if not greeted:
                if body != "hello":
                    self.complaint = "a stream begins with Hello"
                    return
                greeted = True
            elif body == "frame":
                await self._take(request.frame)
            else:
                self.complaint = "after Hello only frames are expected"
                return

    async def _take(self, frame: pb.Frame) -> None:
        while self._unanswered + len(self._replies) + len(self._acks) >= _PENDING_MAX:
            self._drained.clear()
            await self._drained.wait()
        with self._figures.stages.spent("receive"):
            refused = self._refused(frame)
        if refused:
            self._figures.count(refused)
            self._answer(frame.sequence, refused)
            return
        await self._batcher.room(len(frame.block))
        sequence = frame.sequence
        self._unanswered += 1
        self._batcher.put(frame.block).add_done_callback(lambda done: self._answered(sequence, done.result()))

    def _refused(self, frame: pb.Frame) -> Outcome | None:
        refused = check_block(frame.block, self._settings)
        if refused is None and crc32c(frame.block) != frame.crc32c:
            return Outcome(Reason.DAMAGED, "the block does not match its checksum")
        return refused

    def _answered(self, sequence: int, outcome: Outcome) -> None:
        self._unanswered -= 1
        if outcome.run:
            self._listener.saw(outcome.run, outcome.attempt)
        self._answer(sequence, outcome)

    def _answer(self, sequence: int, outcome: Outcome) -> None:
        if outcome.reason is None:
            self._acks.append(sequence)
            if outcome.discarded:
                self._discarded.append(sequence)
        else:
            reason = pb.Nack.Reason.Name(outcome.reason)
            nack = pb.Nack(sequence=sequence, reason=reason, message=outcome.message[:1000])
            self._replies.append(pb.IngestReply(nack=nack))
            if outcome.reason is Reason.RETRY:
                self._replies.append(pb.IngestReply(throttle=pb.Throttle(pause_ms=_RETRY_PAUSE_MS)))
        self._changed.set()
        self._drained.set()  # looked at again: the counts may have moved

    def _tell(self, stop: Stop) -> None:
        self.reply(pb.IngestReply(stop=pb.StopRequest(run=stop.run, reason=stop.reason)))

    def _reader_ended(self, reader: asyncio.Task[None]) -> None:
        if not reader.cancelled() and reader.exception() and not self.complaint:
            # The peer went away; what it sent is still written, and sent again by it.
            self.complaint = "the stream was cut"
        self._changed.set()
