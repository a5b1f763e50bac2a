"""The agent killed at each of its kill points, and what is then in the spools: every record, each once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agents import Producer, assert_each_once, mailbox_rings, ranges_in_spools, run_agent, start_agent
from support import wait_for

OFFLINE = {"STEPWELL_BLOCK_INTERVAL_S": "0.01"}


def log_until_it_dies(producer: Producer, agent: subprocess.Popen[bytes]) -> dict[str, int]:
    while True:
        state = producer.log(200)
        try:
            agent.wait(0.005)
        except subprocess.TimeoutExpired:
            continue
        return state


@pytest.mark.parametrize("place", ["agent.collected", "agent.spooled", "agent.committed"])
@pytest.mark.parametrize("passing", [2, *(pytest.param(n, marks=pytest.mark.thorough) for n in (1, 5))])
def test_killed_agent_loses_and_doubles_nothing(home: Path, place: str, passing: int) -> None:
    with Producer(home, mode="offline") as producer:
        killed = start_agent(home, env={**OFFLINE, "STEPWELL_KILLPOINT": f"{place}:{passing}"})
        log_until_it_dies(producer, killed)
        assert killed.returncode == -9
        state = producer.log(500)
        producer.end()
    assert run_agent(home, env=OFFLINE) == 0
    assert mailbox_rings(home) == []
    assert_each_once(ranges_in_spools(home)[state["writer"]], state["row_seq"] + 1)  # and the finish event


def test_agent_killed_again_and_again_loses_and_doubles_nothing(home: Path) -> None:
    places = ("agent.collected", "agent.spooled", "agent.committed")
    with Producer(home, mode="offline", ring_bytes=1 << 16) as producer:
        for life in range(9):
            env = {**OFFLINE, "STEPWELL_KILLPOINT": f"{places[life % 3]}:{1 + life % 4}"}
            killed = start_agent(home, env=env)
            state = log_until_it_dies(producer, killed)
        producer.end()
    assert run_agent(home, env=OFFLINE) == 0
    assert_each_once(ranges_in_spools(home)[state["writer"]], state["row_seq"] + 1)


def test_killed_trainer_leaves_everything_it_returned_from_and_a_crash(home: Path) -> None:
    with Producer(home, mode="offline") as producer:
        state = producer.log(1234)
        producer.kill()
    assert run_agent(home, env={"STEPWELL_RETIRE_GRACE_S": "0.05"}) == 0
    ranges = ranges_in_spools(home)
    assert_each_once(ranges[state["writer"]], 1234)
    assert ranges[state["writer"] ^ 1 << 63] == [(1235, 1235, 1)]  # the crash, under a number of its own
    assert mailbox_rings(home) == []


def test_both_killed_at_once(home: Path) -> None:
    with Producer(home, mode="offline") as producer:
        killed = start_agent(home, env={**OFFLINE, "STEPWELL_KILLPOINT": "agent.spooled:3"})
        state = log_until_it_dies(producer, killed)
        producer.kill()
    assert run_agent(home, env={"STEPWELL_RETIRE_GRACE_S": "0.05"}) == 0
    assert_each_once(ranges_in_spools(home)[state["writer"]], state["row_seq"])


def test_two_agents_share_no_ring(home: Path) -> None:
    with Producer(home, mode="offline") as producer:
        agents = [start_agent(home, env=OFFLINE) for _ in range(2)]
        for _ in range(10):
            state = producer.log(1000)
        wait_for(lambda: producer.do("tell")["drained"], what="the rings to be drained")
        producer.end()
    assert [agent.wait(60) for agent in agents] == [0, 0]
    assert_each_once(ranges_in_spools(home)[state["writer"]], state["row_seq"] + 1)


def test_a_stopped_agent_leaves_the_rings_of_live_processes_to_the_next(home: Path) -> None:
    with Producer(home, mode="offline") as producer:
        agent = start_agent(home, env=OFFLINE)
        producer.log(100)
        wait_for(lambda: producer.do("tell")["drained"], what="the ring to be drained")
        agent.terminate()
        assert agent.wait(60) == 0
        state = producer.log(100)
        producer.end()
    assert run_agent(home, env=OFFLINE) == 0
    assert_each_once(ranges_in_spools(home)[state["writer"]], 201)


def test_a_ring_that_continues_in_larger_ones_is_read_in_order(home: Path) -> None:
    with Producer(home, mode="offline", ring_bytes=1 << 14) as producer:
        state = producer.log(20_000)  # no agent yet: several rings, each twice the last
        assert len(mailbox_rings(home)) > 3
        killed = start_agent(home, env={"STEPWELL_KILLPOINT": "agent.spooled:4"})
        assert killed.wait(60) == -9
        producer.end()
    assert run_agent(home) == 0
    assert_each_once(ranges_in_spools(home)[state["writer"]], 20_001)
    assert mailbox_rings(home) == []
