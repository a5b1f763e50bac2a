"""Whose a ring is: mailboxes that are wiped or change hands, drafts of the dead, rings of other machines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents import (
    Producer,
    assert_each_once,
    mailbox_rings,
    ranges_in_spools,
    run_agent,
    start_agent,
    wait_for_log,
)  # fmt: skip
from stepwell import _core
from stepwell.agent.mailbox import Mailbox
from stepwell.home import Home
from stepwell.launch import AGENT_LOCK, agent_is_there
from stepwell.spool import FileLock
from support import wait_for

FAST = {"STEPWELL_BLOCK_INTERVAL_S": "0.01", "STEPWELL_RETIRE_GRACE_S": "0.05"}


def mailbox_of(home: Path) -> Path:
    return Home(home).mailbox(_core.RING_LAYOUT)


def test_a_wiped_mailbox_is_made_again_and_kept(home: Path) -> None:
    with Producer(home, "old", mode="offline") as old:
        agent = start_agent(home, env=FAST)
        old.log(100)
        wait_for(lambda: old.do("tell")["drained"], what="the ring to be drained")
        wiped = old.do("tell")["path"]
        shutil.rmtree(mailbox_of(home))
        wait_for(lambda: agent_is_there(Home(home)), what="the agent to hold the new lock")
        state = old.log(100)

        def told() -> object:
            """Or gone on in another ring, where it was told before it had logged all of that."""
            now = old.do("tell")
            return now["control"] & 4 or now["path"] != wiped

        wait_for(told, what="the producer to be told")
        old.log(1)
        with Producer(home, "new", mode="offline") as new:
            new_writer = new.log(100)["writer"]
            new.end()
        old.end()
        assert agent.wait(60) == 0
    ranges = ranges_in_spools(home)
    assert {seq for first, last, _ in ranges[state["writer"]] for seq in range(first, last + 1)} == set(range(1, 203))
    assert_each_once(ranges[new_writer], 101)
    assert mailbox_rings(home) == []


def test_a_mailbox_that_another_agent_took_gets_no_second_reader(home: Path) -> None:
    lock_file = mailbox_of(home) / AGENT_LOCK
    with Producer(home, "mine", mode="offline") as mine, Producer(home, "theirs", mode="offline") as theirs:
        waiting = Path(str(theirs.do("tell")["path"]))
        hidden = waiting.rename(waiting.with_suffix(".hidden"))
        agent = start_agent(home, env=FAST)
        mine.log(10)
        wait_for(lambda: mine.do("tell")["drained"], what="the ring to be drained")
        # Another agent's lock in the place of this one's, as after a wiped folder.
        other = FileLock.take(lock_file.with_name("other"))
        assert other is not None
        os.rename(other.path, lock_file)
        wait_for_log(home, "belongs to another agent now")
        hidden.rename(waiting)
        theirs.log(10)
        for _ in range(3):
            mine.log(10)
            wait_for(lambda: mine.do("tell")["drained"], what="the agent's own ring to be drained still")
        assert not theirs.do("tell")["drained"]
        other.release()
        wait_for(lambda: theirs.do("tell")["drained"], what="the lock to be taken again, and the ring drained")
        mine.end()
        theirs.end()
        assert agent.wait(60) == 0


HELD_UP = """
import sys, time
from pathlib import Path
from stepwell.agent.agent import Agent
from stepwell.agent.main import main
home, run = Path(sys.argv[1]), Agent.run
def run_and_wait(self):
    run(self)
    (home / "over").touch()
    while not (home / "go").exists():
        time.sleep(0.01)
Agent.run = run_and_wait
sys.exit(main(["--home", str(home)]))
"""


def test_a_ring_that_comes_while_an_agent_ends_is_not_forgotten(home: Path) -> None:
    """Its process saw the lock held, so it started no agent."""
    agent = subprocess.Popen([sys.executable, "-c", HELD_UP, str(home)], env={**os.environ, **FAST})
    wait_for((home / "over").exists, what="the agent to be done, its lock still held")
    assert agent_is_there(Home(home))
    with Producer(home, mode="offline") as producer:
        state = producer.log(100)
        producer.end()
    (home / "go").touch()
    assert agent.wait(60) == 0
    assert_each_once(ranges_in_spools(home)[state["writer"]], 101)
    assert mailbox_rings(home) == []


def test_drafts_of_the_dead_are_removed_while_an_agent_runs(home: Path) -> None:
    folder = mailbox_of(home)
    dead, fresh = folder / ".tmp-dead", folder / ".tmp-fresh"
    with Producer(home, mode="offline") as producer:
        agent = start_agent(home, env=FAST)
        producer.log(1)
        wait_for(lambda: producer.do("tell")["drained"], what="the agent to be at work")
        for path in (dead, fresh):
            path.write_bytes(bytes(1 << 16))
        os.utime(dead, (time.time() - 60, time.time() - 60))
        wait_for(lambda: not dead.exists(), what="the draft to be removed")
        producer.end()
        assert agent.wait(60) == 0


def test_only_drafts_that_nobody_owns_are_removed(home: Path) -> None:
    folder = mailbox_of(home)
    paths = {name: folder / f".tmp-{name}" for name in ("dead", "fresh", "owned")}
    for path in paths.values():
        path.write_bytes(bytes(4096))
    for name in ("dead", "owned"):
        os.utime(paths[name], (time.time() - 60, time.time() - 60))
    script = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'r+b')\n"
        "fcntl.lockf(file, fcntl.LOCK_EX, 1, 0)\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(paths["owned"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"locked\n"
        Mailbox(Home(home)).remove_drafts()
        assert {name for name, path in paths.items() if path.exists()} == {"fresh", "owned"}
        owner.kill()
    Mailbox(Home(home)).remove_drafts()
    assert {name for name, path in paths.items() if path.exists()} == {"fresh"}


@pytest.mark.parametrize("host", ["", "another-machine"])
def test_a_ring_on_a_shared_disk_is_drained_on_its_own_machine_only(home: Path, host: str) -> None:
    with Producer(home, mode="offline", on_disk=True, host=host) as producer:
        state = producer.log(100)
        producer.end()
    before = Path(str(state["path"])).read_bytes() if host else b""
    assert run_agent(home, env=FAST) == 0
    if host:
        assert Path(str(state["path"])).read_bytes() == before  # not so much as a heartbeat in it
        assert ranges_in_spools(home) == {}
    else:
        assert_each_once(ranges_in_spools(home)[state["writer"]], 101)


def test_a_ring_of_another_layout_in_the_mailbox_is_left_alone(home: Path) -> None:
    path = mailbox_of(home) / "00000000000000ff-000000.ring"
    content = b"SWRING1\0" + (_core.RING_LAYOUT + 1).to_bytes(4, "little") + bytes(8000)
    path.write_bytes(content)
    assert run_agent(home, env=FAST) == 0
    assert path.read_bytes() == content
    assert not (home / "damaged").exists()
    wait_for_log(home, "another version of stepwell")
