"""The service killed at each point between taking a frame and acking it, and pressed beyond its queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from http_client import HttpClient
from making_blocks import Making
from reading_back import points_of
from serving import Service, serving
from stepwell import _core
from stream_client import StreamClient, credentials
from support import wait_for

# Before anything of a block is stored, and after all of it; between two of its tables: tests/e2e/test_kills.py.
POINTS = [
    "service.received",
    "service.inserted",
    *(pytest.param(f"service.{point}", marks=pytest.mark.thorough) for point in ("decoded", "inserted_one", "acked")),
]


def blocks_of(making: Making) -> list[bytes]:
    """Blocks for several tables, so that a kill between two inserts finds some rows of a block in and some not."""
    blocks = []
    for number in range(30):
        blocks.append(making.block(20, ("loss", "accuracy")))
        blocks.append(
            making.records(
                (_core.KIND_EVENT, (b"start", b"{}")),
                (_core.KIND_CONSOLE, (b"1", f"line {number}\n".encode())),
                (_core.KIND_TEXT, (b"sample", f"text {number}".encode())),
            )
        )
    return blocks


@pytest.mark.parametrize("passing", [1, pytest.param(4, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_service_loses_nothing_acked_and_nothing_comes_twice(home: Path, point: str, passing: int) -> None:
    making = Making()
    blocks = blocks_of(making)
    env = {"STEPWELL_FLUSH_INTERVAL_S": "0.01", "STEPWELL_FLUSH_BYTES": "3000"}
    service = Service(home, env=env).start({"STEPWELL_KILLPOINT": f"{point}:{passing}"})
    with StreamClient(*credentials(home)) as stream:
        for block in blocks:
            stream.send_block(block)
        assert stream.ended.wait(60)
        acked = set(stream.acked)
    assert service.wait() != 0, "it was killed"
    assert len(acked) < len(blocks)
    with serving(home, env=env):
        http = HttpClient(home)
        expected = sorted(making.logged)
        if acked:
            # Block n of rows holds 20 of 23 sequence numbers: an acked one is there before anything is sent again.
            found = set(points_of(http, "project", "run"))
            for sequence in acked:
                if sequence % 2 == 1:
                    first = (sequence - 1) // 2 * 40
                    assert set(making.logged[first : first + 40]) <= found
        with StreamClient(*credentials(home)) as stream:
            stream.wait_answered(*[stream.send_block(block) for block in blocks])
            assert len(stream.acked) == len(blocks), stream.nacked
        assert points_of(http, "project", "run") == expected
        run = http("GET", "/api/v1/runs/project/run").json()
        assert run["id"] == "run"


def test_a_sender_faster_than_the_store_is_held_at_the_queues_bound(home: Path) -> None:
    bound = 16 << 10
    env = {"STEPWELL_QUEUE_BYTES_MAX": str(bound), "STEPWELL_FLUSH_INTERVAL_S": "0.05"}
    making = Making()
    blocks = [making.block(500, tuple(f"m{number}" for number in range(20))) for _ in range(60)]
    assert sum(map(len, blocks)) > 4 * bound
    seen: list[float] = []
    with serving(home, env=env):
        http = HttpClient(home)
        with StreamClient(*credentials(home)) as stream:
            for block in blocks:
                stream.send_block(block)

            def all_acked() -> bool:
                lines = http("GET", "/metrics").body.decode().splitlines()
                seen.append(next(float(line.split()[1]) for line in lines if line.startswith("stepwell_queue_bytes ")))
                return len(stream.acked) == len(blocks)

            wait_for(all_acked)
        assert 0 < max(seen) <= bound
        assert points_of(http, "project", "run") == sorted(making.logged)
