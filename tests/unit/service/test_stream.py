"""The ingestion stream's own promises, with a store that does as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from making_blocks import Making
from stepwell import _core
from stepwell.service.batcher import Batcher
from stepwell.service.figures import Figures
from stepwell.service.grpc_ingest import _PENDING_MAX, _Session
from stepwell.service.stops import StopBoard
from stepwell.settings import Settings
from stepwell.stores.ingest import Outcome, Reason
from stepwell.v1 import ingest_pb2 as pb

SETTINGS = Settings(flush_interval_s=0.0)
BLOCK = Making().block(1)


class Store:
    def __init__(self, answer: Callable[[bytes], Outcome]) -> None:
        self.answer = answer

    def write(self, blocks: list[bytes]) -> list[Outcome]:
        return [self.answer(block) for block in blocks]


async def requests(count: int, block: bytes, taken: list[int]) -> AsyncIterator[pb.IngestRequest]:
    yield pb.IngestRequest(hello=pb.Hello())
    for sequence in range(1, count + 1):
        taken.append(sequence)
        frame = pb.Frame(sequence=sequence, crc32c=_core.crc32c(block), block=block)
        yield pb.IngestRequest(frame=frame)


def answers(
    count: int, block: bytes, store: Store, unread: Callable[[list[int]], None] = lambda taken: None
) -> list[pb.IngestReply]:
    async def main() -> list[pb.IngestReply]:
        figures = Figures()
        batcher = Batcher(store, SETTINGS, figures)
        batcher.start()
        session = _Session(batcher, StopBoard(), SETTINGS, figures)
        taken: list[int] = []
        session.start(requests(count, block, taken))
        seen = -1
        while len(taken) != seen:  # until it takes no more of itself
            seen = len(taken)
            for _ in range(2000):
                await asyncio.sleep(0)
        unread(taken)
        replies = [reply async for reply in session.replies()]
        await batcher.close()
        session.close()
        return replies

    return asyncio.run(asyncio.wait_for(main(), 60))


def test_a_peer_that_does_not_read_its_answers_is_not_read_from() -> None:
    def bounded(taken: list[int]) -> None:
        assert len(taken) <= _PENDING_MAX + 1

    replies = answers(3 * _PENDING_MAX, b"garbage", Store(lambda block: Outcome()), bounded)
    assert [reply.nack.sequence for reply in replies] == list(range(1, 3 * _PENDING_MAX + 1))


def test_every_frame_is_answered_once() -> None:
    replies = answers(1000, BLOCK, Store(lambda block: Outcome()))
    acked = [sequence for reply in replies for sequence in reply.ack.sequences]
    assert sorted(acked) == list(range(1, 1001))


def test_a_passing_fault_asks_to_send_again_and_to_wait() -> None:
    replies = answers(1, BLOCK, Store(lambda block: Outcome(Reason.RETRY, "the disk is full")))
    assert [reply.WhichOneof("body") for reply in replies] == ["nack", "throttle"]
    assert replies[0].nack.reason == pb.Nack.RETRY
    assert replies[0].nack.message == "the disk is full"
    assert replies[1].throttle.pause_ms > 0


def test_the_reasons_are_the_wires() -> None:
    assert {reason.name: int(reason) for reason in Reason} == {
        name: number for name, number in pb.Nack.Reason.items() if number
    }
