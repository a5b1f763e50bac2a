"""The agent and the real service, killed in turn; what is read back is what was logged, each row once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from agents import GIVES_UP, Producer, run_agent, start_agent, wait_for_log
from serving import Service, serving
from stepwell.home import Home
from stepwell.launch import agent_is_there
from stepwell.version import VERSION
from support import wait_for

pytest.importorskip("chdb")

FAST = {"STEPWELL_BLOCK_INTERVAL_S": "0.01", "STEPWELL_BACKOFF_MAX_S": "0.2", "STEPWELL_RETIRE_GRACE_S": "0.05"}


def losses(home: Path, id: str = "r") -> list[float]:
    """Read from the service that runs."""
    from stepwell import Api

    address = json.loads((home / "service.json").read_text())
    table = Api(url=address["url"]).run(f"p/{id}").history("loss")
    return table.column("loss").to_pylist()


def wait_until_acked(producer: Producer, row_seq: int) -> None:
    wait_for(lambda: producer.do("tell")["acked_seq"] == row_seq, what=f"row {row_seq} to be acked")


def log_until_it_dies(producer: Producer, agent: subprocess.Popen[bytes]) -> dict[str, int]:
    while True:
        state = producer.log(20)
        wait_for(lambda: agent.poll() is not None or producer.do("tell")["drained"], what="the ring to be drained")
        if agent.poll() is not None:
            return state


PLACES = ("agent.collected", "agent.spooled", "agent.committed", "agent.sent", "agent.acked")


def test_agent_killed_at_each_place_while_a_real_service_takes_its_blocks(home: Path) -> None:
    with serving(home):
        wait_for_log(home, f"agent {VERSION} of")  # the service has started one: the killed one must be the only one
        for place in PLACES:
            wait_for(lambda: not agent_is_there(Home(home)), what="the mailbox to be free")
            with Producer(home, place) as producer:
                killed = start_agent(home, env={**FAST, "STEPWELL_KILLPOINT": f"{place}:3"})
                state = log_until_it_dies(producer, killed)
                assert killed.returncode == -9, place
                again = start_agent(home, env=FAST)
                wait_until_acked(producer, state["row_seq"])
                producer.end()
                assert again.wait(60) == 0
                assert losses(home, place) == [float(row) for row in range(state["row_seq"])], place


def test_service_killed_and_started_again_on_another_port(home: Path) -> None:
    service = Service(home).start()
    with Producer(home) as producer:
        agent = start_agent(home, env=FAST)
        for _ in range(2):
            row_seq = producer.log(500)["row_seq"]
            wait_until_acked(producer, row_seq)
            producer.log(500)
            service.kill()
            row_seq = producer.log(500)["row_seq"]
            service.start()
        wait_until_acked(producer, row_seq)
        producer.end()
        assert agent.wait(60) == 0
        assert losses(home) == [float(row) for row in range(row_seq)]
    service.stop()


def test_what_was_recorded_before_there_was_a_service_is_taken_in(home: Path) -> None:
    with Producer(home) as producer:
        row_seq = producer.log(3000)["row_seq"]
        producer.end()
    assert run_agent(home, env={**FAST, **GIVES_UP}) == 0
    with serving(home):
        assert run_agent(home, env=FAST) == 0
        assert losses(home) == [float(row) for row in range(row_seq)]
