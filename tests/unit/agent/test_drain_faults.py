"""A ring on which the agent itself fails: tried again, given up in the end, and no matter of the other rings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import (
    Producer,
    agent_log,
    assert_each_once,
    mailbox_rings,
    ranges_in_spools,
    run_agent,
    start_agent,
    wait_for_log,
)  # fmt: skip
from stepwell import _core, blocks
from stepwell.agent import drain as drain_module
from stepwell.agent.dispatch import Dispatch
from stepwell.agent.drain import Drain
from stepwell.agent.mailbox import Mailbox
from stepwell.home import Home
from stepwell.settings import Settings
from stepwell.spool import Spool, find_spools
from support import wait_for

FAST = {"STEPWELL_BLOCK_INTERVAL_S": "0.01", "STEPWELL_RETIRE_GRACE_S": "0.05"}
NO_ADDRESS = "http://\ud800"  # JSON can say it, no name of a spool can be made of it


def damaged(home: Path) -> list[Path]:
    return sorted((home / "damaged").glob("*.ring"))


def test_a_ring_whose_drain_fails_is_given_up_and_the_others_go_on(home: Path) -> None:
    with Producer(home, "good", mode="offline") as good, Producer(home, "bad", server=NO_ADDRESS) as bad:
        agent = start_agent(home, env=FAST)
        state = bad.log(100)
        good.log(100)
        wait_for(lambda: damaged(home), what="the ring to be set aside")
        good.log(100)
        wait_for(lambda: good.do("tell")["drained"], what="the other ring to be drained")
        assert agent.poll() is None
        (kept,) = damaged(home)
        assert kept.name.startswith(f"{state['writer']:016x}-")
        log = agent_log(home)
        assert log.count("Traceback") == 1
        assert "UnicodeEncodeError" in log
        assert f"it is kept as {kept}" in log
        bad.end()
        good.end()
        assert agent.wait(60) == 0
    assert_each_once(next(iter(ranges_in_spools(home).values())), 201)


def test_a_process_that_makes_ring_after_ring_that_fails_does_not_fill_the_disk(home: Path) -> None:
    with Producer(home, "bad", server=NO_ADDRESS) as bad:
        agent = start_agent(home, env=FAST)
        for count in (1, 2, 3):
            wait_for(lambda count=count: bad.log(10) and len(damaged(home)) >= count, what=f"ring {count} set aside")
        bad.log(10)
        wait_for_log(home, "it is left where it is")
        bad.log(10)
        assert len(damaged(home)) == 3
        assert len(mailbox_rings(home)) == 1
        bad.end()
        assert agent.wait(60) == 0
    assert run_agent(home, env=FAST) == 0  # its process is gone: the ring that was left is the last
    assert len(damaged(home)) == 4
    assert mailbox_rings(home) == []


@pytest.mark.parametrize(
    "identity", [b'{"project": "p", "id": "r", "started_ms": 1e999}', b"[" * 4000, b'"p"', b"\xff"]
)
def test_a_ring_of_a_strange_identity_is_set_aside(home: Path, identity: bytes) -> None:
    recorder = make_ring(home, identity)
    recorder.log({"loss": 1.0})
    assert run_agent(home, env=FAST) == 0
    assert len(damaged(home)) == 1
    assert "Traceback" not in agent_log(home)


def make_ring(home: Path, identity: bytes) -> _core.Recorder:
    return _core.Recorder(
        mailbox=str(Home(home).mailbox(_core.RING_LAYOUT)), fallback=str(home), identity=identity, run=bytes(16),
        rank=0, attempt=1, ring_bytes=65536, child_ring_bytes=65536, ring_bytes_min=16384, ring_bytes_max=1 << 20,
        ring_full_budget_s=0.0, ring_share_max=0.9, agent_stale_s=1e9, wake_interval_s=1e9, first_step=0,
        slow=lambda *_: None, wake=lambda: None,
    )  # fmt: skip


class Refusal:
    """A block builder's end that refuses as often as it is told."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times, self.error = times, error

    def __call__(self, builder: _core.BlockBuilder, level: int) -> bytes:
        if self.times:
            self.times -= 1
            raise self.error
        return blocks.seal(builder, level)


@pytest.fixture
def drain(home: Path) -> Iterator[Drain]:
    settings = Settings(block_interval_s=0.0)
    dispatch = Dispatch(Home(home), settings, on_stop=lambda *_: None, sending=False)
    drain = Drain(Mailbox(Home(home)), dispatch, settings)
    yield drain
    drain.close()
    dispatch.close()


@pytest.mark.parametrize("error", [ValueError("refused"), MemoryError(), OSError("refused")])
def test_what_a_failed_block_had_collected_is_collected_again(
    home: Path, drain: Drain, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    refusal = Refusal(4, error)
    monkeypatch.setattr(drain_module, "seal", refusal)
    with Producer(home, mode="offline") as producer:
        state = producer.log(500)
        wait_for(lambda: drain.tick() and producer.do("tell")["drained"], what="the ring to be drained")
        assert refusal.times == 0
        assert drain.given_up == 0
    assert_each_once(ranges_in_spools(home)[state["writer"]], 500)


def test_want_of_memory_is_not_held_against_a_ring(home: Path, drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = Refusal(1 << 30, MemoryError())
    monkeypatch.setattr(drain_module, "seal", refusal)
    monkeypatch.setattr("stepwell.agent.faults._LONGEST_WAIT_S", 0.01)
    with Producer(home, mode="offline") as producer:
        producer.log(500)
        wait_for(lambda: drain.tick() and refusal.times < (1 << 30) - 10, what="ten failures")
        assert drain.given_up == 0
        monkeypatch.setattr(drain_module, "seal", blocks.seal)
        wait_for(lambda: drain.tick() and producer.do("tell")["drained"], what="the ring to be drained")


def test_an_index_that_cannot_be_read_costs_no_ring(home: Path) -> None:
    """The last sequences of a spool are asked for when a ring is adopted: a fault there is not the ring's."""
    with Producer(home, "first", mode="offline") as producer:
        state = producer.log(10)
        producer.end()
        assert run_agent(home, env=FAST) == 0
    (path,) = find_spools(home)
    (index,) = path.glob("*.idx")
    index.write_text('{"no number": 1}')
    assert Spool.open_readonly(path).last_seqs() == {state["writer"]: 11}
    with Producer(home, "second", mode="offline") as producer:
        state = producer.log(10)
        producer.end()
    assert run_agent(home, env=FAST) == 0
    assert damaged(home) == []
    assert_each_once(ranges_in_spools(home)[state["writer"]], 11)
