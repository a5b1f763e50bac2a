"""The agent and the real service, killed in turn; what is read back is what was logged, each row once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents import Producer, run_agent, start_agent
from serving import Service, serving
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


@pytest.mark.parametrize("place", ["agent.collected", "agent.spooled", "agent.committed", "agent.sent", "agent.acked"])
def test_killed_agent_and_real_service(home: Path, place: str) -> None:
    with serving(home), Producer(home) as producer:
        killed = start_agent(home, env={**FAST, "STEPWELL_KILLPOINT": f"{place}:3"})
        while killed.poll() is None:
            state = producer.log(20)
            wait_for(lambda: killed.poll() is not None or producer.do("tell")["drained"], what="the agent")
        again = start_agent(home, env=FAST)
        wait_until_acked(producer, state["row_seq"])
        producer.end()
        assert again.wait(60) == 0
        assert losses(home) == [float(row) for row in range(state["row_seq"])]


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
    assert run_agent(home, env=FAST) == 0
    with serving(home):
        assert run_agent(home, env=FAST) == 0
        assert losses(home) == [float(row) for row in range(row_seq)]
