"""A blob on its way holds up no metric: blocks are acked while the blob stands still in the middle."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from test_uploads import FAST, FILES, stage

from agents import Producer, run_agent, start_agent
from scripted_service import ScriptedService
from support import wait_for

ROWS = 200


@pytest.mark.parametrize("way", ["service", "grpc", "direct"])
def test_scalars_are_acked_while_a_blob_stands_still(home: Path, way: str) -> None:
    in_the_middle, go_on = threading.Event(), threading.Event()

    def stand_still() -> None:
        in_the_middle.set()
        assert go_on.wait(60)

    with ScriptedService(home) as service:
        service.before_blob = stand_still
        service.direct_address = f"{service.url}/bucket/part"
        service.announce()
        stage(home)
        env = {**FAST, "STEPWELL_BLOB_UPLOAD": "direct" if way == "direct" else "service",
               "STEPWELL_BLOB_DIRECT_BYTES_MIN": "1000000",
               "STEPWELL_BLOB_PLAIN_BYTES_MIN": str(1 << 40 if way == "grpc" else 1_000_000)}  # fmt: skip
        agent = start_agent(home, env=env)
        try:
            assert in_the_middle.wait(60)
            with Producer(home) as producer:
                producer.log(ROWS)
                wait_for(lambda: service.acked and service.acked[-1][2] >= ROWS, what="the rows to be acked")
                assert not service.commits
        finally:
            go_on.set()
        assert agent.wait(60) == 0
        (commit,) = service.commits
        assert {path: service.blobs[digest] for path, digest in commit["files"].items()} == FILES
        assert bool(service.direct_data) is (way == "direct")
        assert ("http" in service.puts) is (way == "service")


def test_an_older_service_gets_the_blob_as_it_always_did(home: Path) -> None:
    with ScriptedService(home) as service:
        service.announce()
        stage(home)
        env = {**FAST, "STEPWELL_BLOB_UPLOAD": "direct", "STEPWELL_BLOB_DIRECT_BYTES_MIN": "1000"}
        assert run_agent(home, env=env) == 0
        (commit,) = service.commits
        assert {path: service.blobs[digest] for path, digest in commit["files"].items()} == FILES
