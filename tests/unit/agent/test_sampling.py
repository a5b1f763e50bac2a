"""When runs are sampled, that the agent's loop never waits for it, and that samples are kept like any other record."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agents import Producer, agent_log, run_agent, start_agent, wait_for_log
from stepwell.agent import sampling
from stepwell.agent.sampling import LiveRun, Sample, Sampling, Writers
from stepwell.blocks import unseal
from stepwell.hardware import Device
from stepwell.home import Home
from stepwell.ids import run_uuid
from stepwell.settings import Settings
from stepwell.spool import Destination, Spool, find_spools
from support import wait_for
from unit.codec import reference_decoder

RUN = LiveRun(Destination("", "offline"), "p", "r", run_uuid("p", "r").bytes, 7, 1, 5.0, ())


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time_ns(self) -> int:
        return int(self.now * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sampling, "time", clock)
    return clock


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The ids that each sample was for; the machine itself is left alone."""
    taken: list[list[str]] = []

    def ask(self: Sampling, runs: Sequence[LiveRun]) -> None:
        taken.append([run.id for run in runs])

    monkeypatch.setattr(Sampling, "_ask", ask)
    return taken


def run(id: str, interval_s: float) -> LiveRun:
    return replace(RUN, id=id, run=run_uuid("p", id).bytes, interval_s=interval_s)


def tick_until(clock: Clock, sampler: Sampling, live: Callable[[], list[LiveRun]], seconds: float) -> None:
    end = clock.now + seconds
    while clock.now < end:
        clock.now += 0.05
        assert list(sampler.tick(live)) == []


def test_a_run_is_sampled_at_once_after_a_second_and_then_at_its_interval(
    clock: Clock, asked: list[list[str]], tmp_path: Path
) -> None:
    sampler = Sampling(Home(tmp_path), Settings())
    tick_until(clock, sampler, lambda: [run("a", 5.0)], 20.9)
    assert asked == [["a"]] * 5  # at 0, 1, 6, 11, 16


def test_runs_come_to_be_sampled_together(clock: Clock, asked: list[list[str]], tmp_path: Path) -> None:
    live = [run("a", 5.0)]
    sampler = Sampling(Home(tmp_path), Settings())
    tick_until(clock, sampler, lambda: live, 2.5)
    live.append(run("b", 5.0))
    tick_until(clock, sampler, lambda: live, 30)
    assert asked[:2] == [["a"], ["a"]]
    assert asked[-4:] == [["a", "b"]] * 4
    assert len(asked) <= 10


def test_an_interval_of_0_is_no_sample(clock: Clock, asked: list[list[str]], tmp_path: Path) -> None:
    live = [run("off", 0.0), run("on", 2.0)]
    sampler = Sampling(Home(tmp_path), Settings())
    tick_until(clock, sampler, lambda: live, 10)
    assert {id for ids in asked for id in ids} == {"on"}
    del live[:]
    tick_until(clock, sampler, lambda: live, 10)
    assert len(asked) <= 7


def test_the_loop_goes_on_while_every_device_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    go_on, reading = threading.Event(), threading.Event()

    def read() -> dict[str, float]:
        reading.set()
        go_on.wait(60)
        return {}

    monkeypatch.setattr("stepwell.hardware.plugins", lambda: {"stuck": lambda _: [Device("stuck0", read)]})
    sampler = Sampling(Home(tmp_path), Settings(system_timeout_s=0.01))
    fast = [replace(RUN, interval_s=0.01)]

    def taken() -> list[Sample]:
        return list(sampler.tick(lambda: fast))

    figures: set[str] = set()

    def asked_and_passed_over() -> bool:
        was_asked = reading.is_set()
        samples = taken()
        figures.update(name for sample in samples for name in sample.figures)
        return was_asked and bool(samples)

    wait_for(asked_and_passed_over, what="a sample without the device")
    assert not any(name.startswith("stuck0/") for name in figures)
    go_on.set()
    sampler.close()


def test_samples_of_a_run_count_up_under_a_writer_of_their_own() -> None:
    writers = Writers("node1")
    other = replace(RUN, id="s", run=run_uuid("p", "s").bytes)
    blocks = [
        writers.block(Sample(one, 5, {"host/load_1m": 1.0})) for one in (RUN, other, RUN, replace(RUN, attempt=8))
    ]
    numbers = [(number, builder.first_seq) for number, builder in blocks]
    assert [seq for _, seq in numbers] == [1, 1, 2, 1]
    assert numbers[0][0] == numbers[2][0]
    assert len({number for number, _ in numbers}) == 3


FAST = {
    "STEPWELL_SYSTEM_INTERVAL_S": "0.05",
    "STEPWELL_BLOCK_INTERVAL_S": "0.01",
    "STEPWELL_RETIRE_GRACE_S": "0.05",
}


def samples_in_spools(home: Path) -> Iterator[reference_decoder.Block]:
    for path in find_spools(Home(home).spool):
        for frame in Spool.open_readonly(path, Settings()).frames(from_cursor=False):
            block = reference_decoder.decode(unseal(frame.payload, 1 << 24))
            if block.host:
                yield block


def figures(block: reference_decoder.Block) -> set[str]:
    return {point.metric for point in block.points}


def test_every_live_run_has_the_machine_and_its_own_processes(home: Path) -> None:
    with Producer(home, "a", mode="offline") as one, Producer(home, "b", mode="offline") as two:
        agent = start_agent(home, env=FAST)

        def both() -> bool:
            whole = [block for block in samples_in_spools(home) if "processes/cpu_percent" in figures(block)]
            return {block.id for block in whole} == {"a", "b"} and len(whole) >= 6

        wait_for(both, what="samples of both runs")
        one.end()
        two.end()
        assert agent.wait(60) == 0
    blocks = list(samples_in_spools(home))
    assert all({"host/memory_used_bytes", "disk/free_bytes"} <= figures(block) for block in blocks)
    for id in ("a", "b"):
        mine = [block for block in blocks if block.id == id]
        assert {block.run for block in mine} == {run_uuid("p", id).bytes}
        assert [block.first_seq for block in mine] == list(range(1, len(mine) + 1))
        assert len({block.points[0].time_ms for block in mine}) == len(mine)
    assert "ERROR" not in agent_log(home)


def test_an_agent_that_is_killed_is_followed_by_one_that_samples_on(home: Path) -> None:
    with Producer(home, mode="offline") as producer:
        first = start_agent(home, env=FAST)
        wait_for(lambda: len(list(samples_in_spools(home))) > 3, what="samples of the first agent")
        first.send_signal(signal.SIGKILL)
        first.wait()
        kept = {(block.writer, block.first_seq) for block in samples_in_spools(home)}
        assert kept
        second = start_agent(home, env=FAST)
        wait_for(lambda: len({block.writer for block in samples_in_spools(home)}) == 2, what="the next agent's samples")
        producer.end()
        assert second.wait(60) == 0
    assert kept <= {(block.writer, block.first_seq) for block in samples_in_spools(home)}


def test_a_run_whose_samples_cannot_be_kept_is_no_matter_of_the_others(home: Path) -> None:
    """No folder of a spool can be named after this address (as for its records, see test_drain_faults)."""
    with Producer(home, "bad", server="http://\ud800"), Producer(home, "good", mode="offline") as good:
        agent = start_agent(home, env=FAST)
        wait_for_log(home, "a sample of this machine for p/bad cannot be kept")
        count = len(list(samples_in_spools(home)))
        wait_for(lambda: len(list(samples_in_spools(home))) > count + 3, what="more samples of the other run")
        state = good.log(100)
        wait_for(lambda: good.do("tell")["drained"], what="the other run to be drained")
        assert agent.poll() is None
        assert agent_log(home).count("cannot be kept") == 1
        assert state["dropped"] == 0


def test_a_full_spool_costs_samples_and_no_record(home: Path) -> None:
    with Producer(home, mode="offline") as producer:
        agent = start_agent(home, env={**FAST, "STEPWELL_SPOOL_BYTES_MAX": "100"})
        wait_for_log(home, "spool_bytes_max")
        state = producer.log(100)
        producer.end()
        agent.terminate()
        assert agent.wait(60) == 0
    assert list(samples_in_spools(home)) == []
    assert run_agent(home, env={"STEPWELL_RETIRE_GRACE_S": "0.05"}) == 0
    assert int(state["dropped"]) == 0
