"""The queue in front of the store: gathered, bounded, answered once, off the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from stepwell.service.batcher import Batcher
from stepwell.service.figures import Figures
from stepwell.settings import Settings
from stepwell.stores.ingest import Outcome, Reason

BASE = Settings(flush_interval_s=0.0)


class Store:
    """Records the batches it is given; holds them while the gate is shut."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Semaphore(0)
        self.answer: Callable[[bytes], Outcome] = lambda block: Outcome(rows=1)

    def write(self, blocks: list[bytes]) -> list[Outcome]:
        self.threads.add(threading.get_ident())
        self.inside.release()
        self.gate.wait(30)
        self.batches.append(list(blocks))
        return [self.answer(block) for block in blocks]


def run(store: Store, settings: Settings, body: Callable[[Batcher], Awaitable[None]]) -> None:
    async def main() -> None:
        batcher = Batcher(store, settings, Figures())
        batcher.start()
        try:
            await asyncio.wait_for(body(batcher), 30)
        finally:
            store.gate.set()
            await batcher.close()
        assert batcher.held_bytes == 0

    asyncio.run(main())


def test_blocks_are_gathered_until_the_batch_is_due() -> None:
    store = Store()

    async def body(batcher: Batcher) -> None:
        outcomes = await asyncio.gather(*[batcher.put(b"%d" % number) for number in range(100)])
        assert all(outcome.ok for outcome in outcomes)

    run(store, BASE._replace(flush_interval_s=0.05), body)
    assert [len(batch) for batch in store.batches] == [100]
    assert threading.get_ident() not in store.threads, "the event loop's thread never writes"


def test_a_batch_of_enough_bytes_does_not_wait() -> None:
    store = Store()

    async def body(batcher: Batcher) -> None:
        await asyncio.gather(*[batcher.put(b"x" * 1000) for _ in range(10)])

    run(store, BASE._replace(flush_interval_s=3600.0, flush_bytes=3000), body)
    assert sum(len(batch) for batch in store.batches) == 10
    assert max(len(batch) for batch in store.batches) <= 3


def test_a_slow_store_stops_its_callers_at_the_bound() -> None:
    store = Store()
    settings = BASE._replace(queue_bytes_max=10_000)
    put = 0

    async def body(batcher: Batcher) -> None:
        nonlocal put
        store.gate.clear()

        async def caller() -> None:
            nonlocal put
            for _ in range(50):
                await batcher.room(1000)
                done = batcher.put(b"x" * 1000)
                put += 1
                assert batcher.held_bytes <= 10_000
                done.add_done_callback(lambda _: None)

        callers = [asyncio.create_task(caller()) for _ in range(4)]
        while batcher.held_bytes < 8_000:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert put < 10
        store.gate.set()
        await asyncio.gather(*callers)

    run(store, settings, body)
    assert put == 200
    assert sum(len(batch) for batch in store.batches) == 200


def test_a_full_queue_is_written_before_it_is_due() -> None:
    store = Store()

    async def body(batcher: Batcher) -> None:
        waiting = []
        for _ in range(30):
            await batcher.room(1000)
            waiting.append(batcher.put(b"x" * 1000))
        await batcher.close()
        assert all(done.result().ok for done in waiting)

    run(store, BASE._replace(flush_interval_s=3600.0, queue_bytes_max=10_000), body)
    assert max(len(batch) for batch in store.batches) < 10


def test_a_block_larger_than_the_bound_goes_alone() -> None:
    store = Store()

    async def body(batcher: Batcher) -> None:
        for _ in range(2):
            await batcher.room(50_000)
            assert (await batcher.put(b"x" * 50_000)).ok

    run(store, BASE._replace(queue_bytes_max=10_000), body)


def test_each_block_gets_its_own_answer() -> None:
    store = Store()
    store.answer = lambda block: Outcome(Reason.REJECTED, "no") if block == b"bad" else Outcome()

    async def body(batcher: Batcher) -> None:
        outcomes = await asyncio.gather(*[batcher.put(block) for block in (b"a", b"bad", b"b")])
        assert [outcome.reason for outcome in outcomes] == [None, Reason.REJECTED, None]

    run(store, BASE, body)


def test_a_store_that_raises_is_asked_again_later_and_goes_on() -> None:
    store = Store()

    def fail(block: bytes) -> Outcome:
        raise ZeroDivisionError

    store.answer = fail

    async def body(batcher: Batcher) -> None:
        assert (await batcher.put(b"a")).reason is Reason.RETRY
        store.answer = lambda block: Outcome()
        assert (await batcher.put(b"a")).ok

    run(store, BASE, body)


def test_closing_writes_what_was_put_and_takes_no_more() -> None:
    store = Store()

    async def body(batcher: Batcher) -> None:
        waiting = [batcher.put(b"%d" % number) for number in range(10)]
        await batcher.close()
        assert all(done.result().ok for done in waiting)
        assert (await batcher.put(b"late")).reason is Reason.RETRY

    run(store, BASE._replace(flush_interval_s=3600.0), body)
    assert sum(len(batch) for batch in store.batches) == 10


@pytest.mark.parametrize("cancelled", [0, 5, 9])
def test_a_caller_that_went_away_holds_up_nobody(cancelled: int) -> None:
    store = Store()

    async def body(batcher: Batcher) -> None:
        waiting = [batcher.put(b"%d" % number) for number in range(10)]
        waiting[cancelled].cancel()
        left = [done for done in waiting if not done.cancelled()]
        assert all(outcome.ok for outcome in await asyncio.gather(*left))

    run(store, BASE, body)
    assert sum(len(batch) for batch in store.batches) == 10, "what was taken is written"
