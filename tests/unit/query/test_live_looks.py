"""What a live stream tells while the store fails now and then: late, never not at all. From a real embedded store."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from recording import record

from stepwell.errors import StoreUnavailable
from stepwell.query.sources import MetricSource
from stepwell.service import live
from stepwell.stores.metrics import MetricStore

FAULTS = 3
PLACES = {"the states": "AS uuid, state", "where the runs stand": "FROM lasts", "the news": "{versions:"}


class Failing:
    """The store; once told so, the next queries in which `at` stands fail, and during the first points are written."""

    def __init__(self, store: MetricStore, run: str) -> None:
        self.store, self.run = store, run
        self.at, self.times = "", 0

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if self.times and self.at in sql:
            if self.times == FAULTS:
                record(self.store, self.run, "loss", [1.0, 2.0, 3.0])
            self.times -= 1
            raise StoreUnavailable("the store is away")
        return iter(self.store.rows(sql, parameters))


@pytest.mark.parametrize("place", PLACES)
def test_what_came_while_the_store_failed_is_told_afterwards(
    store: MetricStore, run: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_TICK_S", 0.01)
    failing = Failing(store, run)

    async def told() -> list[dict[str, Any]]:
        streams = live.Live(cast(MetricSource, failing))
        request: Any = SimpleNamespace(is_disconnected=lambda: asyncio.sleep(0, result=False))
        first, second = streams.events([run], request), streams.events([str(uuid.uuid4())], request)
        found = [await fresh(first)]
        failing.at, failing.times = PLACES[place], FAULTS
        await fresh(second)  # somebody opens another run, so that every place is passed
        while not found[-1]["news"]:
            found.append(await event(first))
        streams.close()
        return found

    found = asyncio.run(asyncio.wait_for(told(), 30))
    assert failing.times == 0
    assert [one["fault"] for one in found if "fault" in one] == ["the store is away"] * FAULTS
    assert [(one["kind"], one["points"], one["to_step"]) for one in found[-1]["news"]] == [("scalars", 3, 2)]


async def event(stream: AsyncIterator[str]) -> dict[str, Any]:
    async for text in stream:
        if text.startswith("data: "):
            return dict(json.loads(text.removeprefix("data: ")))
    raise AssertionError("the stream ended")


async def fresh(stream: AsyncIterator[str]) -> dict[str, Any]:
    while not (found := await event(stream)).get("fresh"):
        pass
    return found
