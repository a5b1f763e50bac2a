"""Contract 1: what a log call has returned survives `kill -9` of any process, and is there once.

A trainer logs 100,000 rows in bursts and notes each returned call in a file that it maps; the test kills what the plan
says when the note reaches the planned row, and in the end compares what the service holds with what was returned. A row
published but not yet noted when the trainer died may be there too: at most one.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import stepwell
from serving import Service
from stepwell.errors import NotFound
from stepwell.home import Home
from stepwell.launch import agent_is_there, start_agent
from support import processes_of, wait_for

ROWS = 100_000
TRAINER = """
import mmap, struct, sys, time
import stepwell
file = open(sys.argv[2], "r+b")
note = mmap.mmap(file.fileno(), 8)
run = stepwell.init(project="kills", id=sys.argv[1], settings={"quiet": True, "capture": False, "console": False})
log, pack = run.log, struct.Struct("<q").pack_into
for i in range(int(sys.argv[3])):
    log({"i": float(i), "square": i * 0.5}, step=i)
    pack(note, 0, i + 1)
    if i % 1000 == 999:
        time.sleep(0.01)
run.finish()
"""

KILL_POINTS = ["collected", "spooled", "committed", "sent", "acked"]
SERVICE_KILL_POINTS = ["received", "decoded", "inserted_one", "inserted", "acked"]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed agent is noticed in a moment, and tried again at once."""
    monkeypatch.setenv("STEPWELL_AGENT_STALE_S", "0.1")
    monkeypatch.setenv("STEPWELL_WAKE_INTERVAL_S", "0.1")
    monkeypatch.setenv("STEPWELL_BACKOFF_MAX_S", "0.2")
    monkeypatch.setenv("STEPWELL_RETIRE_GRACE_S", "0.2")
    monkeypatch.setenv("STEPWELL_BLOCK_INTERVAL_S", "0.02")


@pytest.fixture
def service(home: Path, patient: None) -> Iterator[Service]:
    service = Service(home).start()
    yield service
    if service.process is not None and service.process.poll() is None:
        service.stop()


class Trainer:
    """A training process and how many of its log calls have returned."""

    def __init__(self, id: str, folder: Path, env: dict[str, str] | None = None) -> None:
        self.id = id
        note = folder / f"{id}.note"
        note.write_bytes(bytes(8))
        with note.open("r+b") as file:
            self._note = mmap.mmap(file.fileno(), 8)
        environment = {**os.environ, **(env or {})}
        self.process = subprocess.Popen([sys.executable, "-c", TRAINER, id, str(note), str(ROWS)], env=environment)

    @property
    def returned(self) -> int:
        return int(struct.unpack_from("<q", self._note)[0])

    def reach(self, row: int) -> None:
        wait_for(lambda: self.returned >= row or self.process.poll() is not None, what=f"row {row}")

    def end(self) -> None:
        wait_for(lambda: self.process.poll() is not None, what="the trainer to end", deadline_s=120)


def agents_of(home: Path) -> list[int]:
    found = []
    for pid in processes_of(home):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"stepwell.agent" in command:
            found.append(pid)
    return found


def end_agents(home: Path) -> int:
    """How many were there to be killed."""
    killed = 0
    for pid in agents_of(home):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


def kill_agent(home: Path) -> None:
    """Kills an agent at work: one that holds the mailbox, started here if the trainer has not done so yet.

    Looked for again where it was one of two that ended by itself meanwhile, or has just let the mailbox go.
    """

    def killed() -> bool:
        if not agents_of(home):
            start_agent(Home(home))
        return agent_is_there(Home(home)) and end_agents(home) > 0

    wait_for(killed, what="an agent to kill")


def strike(victims: Sequence[str], home: Path, trainer: Trainer, service: Service) -> None:
    if "trainer" in victims:
        trainer.process.kill()
    if "agent" in victims:
        kill_agent(home)
    if "service" in victims:
        service.kill()
        service.start()


def assert_exact(home: Path, trainer: Trainer) -> None:
    """Every returned row is there, with its values, once; at most the one that was under way beside them."""
    subprocess.run([sys.executable, "-m", "stepwell", "sync"], check=True, capture_output=True, timeout=120)
    returned = trainer.returned
    assert returned > 0
    api = stepwell.Api()

    def stored() -> bool:
        try:
            return bool(api.run(f"kills/{trainer.id}").history("i", long=True).num_rows >= returned)
        except NotFound:
            return False

    wait_for(stored, what=f"{returned} rows of {trainer.id}")
    table = api.run(f"kills/{trainer.id}").history("i", "square")
    steps = table.column("step").to_pylist()
    assert steps in (list(range(returned)), list(range(returned + 1)))
    assert table.column("i").to_pylist() == [float(i) for i in steps]
    assert table.column("square").to_pylist() == [i * 0.5 for i in steps]


ONCE = [("trainer",), ("trainer", "agent"), ("trainer", "service")]
AGAIN = [("agent",), ("service",), ("agent", "service")]


def one_of(cases: Sequence[Any], chosen: Any) -> list[Any]:
    """All of them, the others than `chosen` as thorough: smaller tests, in tests/faults, have most of these."""
    return [one if one == chosen else pytest.param(one, marks=pytest.mark.thorough) for one in cases]


@pytest.mark.parametrize("lives", [1, pytest.param(7, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("victims", one_of(ONCE, ("trainer", "service")), ids="+".join)
def test_a_killed_trainer_loses_no_returned_row(
    victims: tuple[str, ...], lives: int, service: Service, home: Path, tmp_path: Path
) -> None:
    source = random.Random(f"{lives} of {'+'.join(victims)}")
    for number in range(lives):
        trainer = Trainer(f"once-{number}", tmp_path)
        trainer.reach(source.randrange(1, ROWS))
        strike(victims, home, trainer, service)
        trainer.end()
        assert_exact(home, trainer)


@pytest.mark.parametrize(("lives", "kills"), [(1, 2), pytest.param(2, 6, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("victims", one_of(AGAIN, ("agent", "service")), ids="+".join)
def test_agent_and_service_may_be_killed_again_and_again(
    victims: tuple[str, ...], lives: int, kills: int, service: Service, home: Path, tmp_path: Path
) -> None:
    source = random.Random(f"{lives} of {'+'.join(victims)}")
    for number in range(lives):
        trainer = Trainer(f"again-{number}", tmp_path)
        for row in sorted(source.sample(range(1, ROWS), kills)):
            trainer.reach(row)
            strike(victims, home, trainer, service)
        trainer.end()
        assert trainer.process.returncode == 0
        assert_exact(home, trainer)


@pytest.mark.parametrize("point", one_of(KILL_POINTS, "committed"))
@pytest.mark.parametrize("passing", [1, pytest.param(7, marks=pytest.mark.thorough)])
def test_an_agent_killed_at_each_step_of_its_work_loses_nothing(
    point: str, passing: int, service: Service, home: Path, tmp_path: Path
) -> None:
    for pid in agents_of(home):  # the service's own, started without the kill point
        os.kill(pid, signal.SIGKILL)
    trainer = Trainer(f"{point}-{passing}", tmp_path, {"STEPWELL_KILLPOINT": f"agent.{point}:{passing}"})
    trainer.end()
    assert trainer.process.returncode == 0
    end_agents(home)
    assert_exact(home, trainer)


@pytest.mark.parametrize("point", one_of(SERVICE_KILL_POINTS, "inserted_one"))
def test_a_service_killed_at_each_step_of_an_insert_has_every_row_once(
    point: str, home: Path, patient: None, tmp_path: Path
) -> None:
    service = Service(home).start({"STEPWELL_KILLPOINT": f"service.{point}:1"})
    trainer = Trainer(point, tmp_path)
    wait_for(lambda: service.process is not None and service.process.poll() is not None, what="the service to die")
    service.start()
    trainer.end()
    assert trainer.process.returncode == 0
    assert_exact(home, trainer)
    service.stop()


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(20))
def test_kills_of_any_process_in_any_order(seed: int, service: Service, home: Path, tmp_path: Path) -> None:
    source = random.Random(seed)
    trainer = Trainer(f"soak-{seed}", tmp_path)
    rows = sorted(source.sample(range(1, ROWS), 10))
    for row in rows:
        trainer.reach(row)
        victims = source.choice([*AGAIN, *ONCE] if row == rows[-1] else AGAIN)
        strike(victims, home, trainer, service)
    trainer.end()
    assert_exact(home, trainer)
