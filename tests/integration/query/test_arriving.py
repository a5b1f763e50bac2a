"""`Api` of a service that has just come up: what waited in the spools is there when it opens."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import stepwell
from serving import serving
from stepwell.home import Home
from stepwell.query import arriving
from stepwell.query.arriving import await_arrivals
from stepwell.settings import Settings
from stepwell.spool import Destination, Position, Spool
from support import processes_of

RECORDED = """
import stepwell
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False, "console": False})
for step in range(1000):
    run.log({"loss": float(step)}, step=step)
run.finish()
"""


@pytest.fixture
def held_back(home: Path) -> Iterator[list[int]]:
    """A finished run in the spool, its agent stopped by SIGSTOP, and a service that has come up since."""
    subprocess.run([sys.executable, "-c", RECORDED], check=True, timeout=60)
    agents = processes_of(home)
    assert agents
    for pid in agents:
        os.kill(pid, signal.SIGSTOP)
    try:
        with serving(home):
            yield agents
    finally:
        go_on(agents)


def go_on(agents: list[int]) -> None:
    """Those that have not ended since: one has nothing left to do once it has sent all."""
    for pid in agents:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_a_run_that_ended_before_its_service_came_up_is_there_when_the_api_opens(
    held_back: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent goes on only once the reader is seen to look for what it sends."""
    look = arriving.acked_place

    def seen(path: Path) -> Position:
        go_on(held_back)
        return look(path)

    monkeypatch.setattr(arriving, "acked_place", seen)
    with stepwell.Api() as api:
        assert api.where.startswith("http")
        run = api.run("p/r")
        assert run.state == "finished"
        assert run.history("loss")["loss"].to_pylist() == [float(step) for step in range(1000)]


def test_an_agent_that_sends_nothing_is_said_and_the_rest_is_read(
    held_back: list[int], home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(arriving, "_STALL_S", 0.1)
    with caplog.at_level(logging.WARNING, "stepwell.query"), stepwell.Api() as api:
        assert list(api.runs()) == []
    [said] = caplog.messages
    assert str(home / "spool") in said
    assert "agent.log" in said


@pytest.fixture
def young(home: Path) -> Home:
    """A home whose service has just said that it is up; no agent sends anything."""
    made = Home(home)
    made.make(made.spool)
    made.service_file.write_text("{}")
    return made


def waits(home: Home, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether anything was waited for; nothing will come."""
    monkeypatch.setattr(arriving, "_STALL_S", 0.05)
    return not await_arrivals(home)


def spooled(home: Home, destination: Destination) -> Spool:
    spool = Spool.create(home, destination, Settings(), agent="0" * 16)
    spool.append(1, 1, 5, b"x" * 1000)
    return spool


def test_only_what_is_meant_for_the_homes_own_service_is_waited_for(
    young: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with spooled(young, Destination(mode="offline")), spooled(young, Destination("http://elsewhere:7450")):
        assert not waits(young, monkeypatch)
        with spooled(young, Destination()):
            assert waits(young, monkeypatch)


def test_a_service_that_has_been_up_for_a_while_is_asked_at_once(young: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with spooled(young, Destination()):
        os.utime(young.service_file, (time.time() - 60, time.time() - 60))
        assert not waits(young, monkeypatch)


def test_half_a_frame_that_a_killed_agent_left_is_not_waited_for(young: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with spooled(young, Destination()) as spool:
        spool.mark_acked(list(spool.frames()))
        spool.save()
        [segment] = spool.path.glob("*.seg")
        with segment.open("ab") as file:
            file.write(segment.read_bytes()[-500:])
        assert not waits(young, monkeypatch)
