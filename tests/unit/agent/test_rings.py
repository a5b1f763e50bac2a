"""What the agent makes of rings: unfinished, damaged, deleted, on disk, of others; and of a spool without room."""

from __future__ import annotations

import os
import subprocess
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
from stepwell import _core
from stepwell.home import Home
from support import wait_for

FAST = {"STEPWELL_BLOCK_INTERVAL_S": "0.01", "STEPWELL_RETIRE_GRACE_S": "0.05"}


def test_what_is_no_ring_is_set_aside(home: Path) -> None:
    mailbox = Home(home).mailbox(_core.RING_LAYOUT)
    path = mailbox / "00000000000000ff-000000.ring"
    path.write_bytes(b"not a ring" * 1000)
    assert run_agent(home, env=FAST) == 0
    assert not path.exists()
    (kept,) = (home / "damaged").iterdir()
    assert kept.read_bytes() == b"not a ring" * 1000
    assert "cannot be read" in agent_log(home)


def test_a_ring_of_another_layout_is_left_to_its_own_version(home: Path) -> None:
    Home(home).make(home / "rings")
    path = home / "rings" / "00000000000000ff-000000.ring"
    content = b"SWRING1\0" + (99).to_bytes(4, "little") + bytes(8000)
    path.write_bytes(content)
    assert run_agent(home, env=FAST) == 0
    assert path.read_bytes() == content


def test_a_damaged_ring_gives_what_is_good_and_its_process_goes_on(home: Path) -> None:
    with Producer(home, mode="offline", ring_bytes=1 << 18) as producer:
        state = producer.log(1000)
        path = Path(str(state["path"]))
        size = path.stat().st_size
        with path.open("r+b") as file:  # the 700th record's length, somewhere behind the middle
            file.seek(size - (1 << 18) + 700 * 56)
            file.write(b"\xff" * 8)
        agent = start_agent(home, env=FAST)
        wait_for_log(home, "cannot be read")
        producer.log(5)  # sees that it is retired, and goes on in a new ring
        state = producer.log(5)
        assert Path(str(state["path"])) != path
        producer.end()
        assert agent.wait(60) == 0
    ranges = ranges_in_spools(home)[state["writer"]]
    seen = {seq for first, last, _ in ranges for seq in range(first, last + 1)}
    assert {1006, 1007, 1008, 1009, 1010, 1011} <= seen
    assert len(list((home / "damaged").iterdir())) == 1


def test_a_ring_that_somebody_deletes_is_drained_and_continued(home: Path) -> None:
    """systemd's RemoveIPC does that to a user's files at logout."""
    with Producer(home, mode="offline") as producer:
        agent = start_agent(home, env=FAST)
        state = producer.log(100)
        wait_for(lambda: producer.do("tell")["drained"], what="the ring to be adopted")
        os.unlink(str(state["path"]))
        wait_for(lambda: producer.do("tell")["control"] & 4, what="the producer to be told")
        producer.log(100)
        state = producer.log(100)
        assert Path(str(state["path"])).exists()
        producer.end()
        assert agent.wait(60) == 0
    ranges = ranges_in_spools(home)[state["writer"]]
    assert {seq for first, last, _ in ranges for seq in range(first, last + 1)} == set(range(1, 302))


def test_rings_on_disk_are_drained_too(home: Path) -> None:
    with Producer(home, mode="offline", on_disk=True) as producer:
        state = producer.log(100)
        assert str(home) in str(state["path"])
        producer.end()
    assert run_agent(home, env=FAST) == 0
    assert_each_once(ranges_in_spools(home)[state["writer"]], 101)
    assert list((home / "rings").glob("*.ring")) == []


def test_many_writers_at_once(home: Path) -> None:
    producers = [Producer(home, f"r{number}", mode="offline") for number in range(6)]
    agent = start_agent(home, env=FAST)
    states = [producer.log(2000) for producer in producers]
    for producer in producers:
        producer.end()
    assert agent.wait(60) == 0
    ranges = ranges_in_spools(home)
    for state in states:
        assert_each_once(ranges[state["writer"]], 2001)
    assert mailbox_rings(home) == []


def test_a_full_spool_leaves_records_in_their_rings(home: Path) -> None:
    with Producer(home, mode="offline") as producer:
        state = producer.log(5000)
        agent = start_agent(home, env={**FAST, "STEPWELL_SPOOL_BYTES_MAX": "100"})
        wait_for_log(home, "spool_bytes_max")
        assert not producer.do("tell")["drained"]
        agent.terminate()
        assert agent.wait(60) == 0
        assert agent_log(home).count("spool_bytes_max") == 1
        producer.end()
    assert run_agent(home, env=FAST) == 0
    assert_each_once(ranges_in_spools(home)[state["writer"]], 5001)


@pytest.mark.skipif(
    os.geteuid() != 0, reason="mounting a small filesystem takes root; the spool has a test that does not"
)
def test_a_full_disk_leaves_records_in_their_rings_until_there_is_room(home: Path) -> None:
    home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(home)], check=False)
    if mounted.returncode:
        pytest.skip("no filesystem can be mounted here")
    try:
        ballast = home / "ballast"
        with Producer(home, mode="offline") as producer:
            producer.log(10)
            agent = start_agent(home, env=FAST)
            wait_for(lambda: producer.do("tell")["drained"], what="the first records in the spool")
            _fill(ballast)
            state = producer.log(20_000)
            wait_for_log_or(home, agent, lambda: not producer.do("tell")["drained"])
            ballast.unlink()
            wait_for(lambda: producer.do("tell")["drained"], what="the spool to take records again")
            producer.end()
            assert agent.wait(60) == 0
        assert_each_once(ranges_in_spools(home)[state["writer"]], 20_011)
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        size = 65536
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2


def wait_for_log_or(home: Path, agent: subprocess.Popen[bytes], condition: object) -> None:
    """The log is on the full disk too, so the ring tells."""
    wait_for(condition, what="the ring to hold what the disk does not take")  # type: ignore[arg-type]
    assert agent.poll() is None


def test_an_idle_agent_stays_small_and_quiet(home: Path) -> None:
    """Bounds that a wrong turn (a busy loop, an import of everything) breaks by far."""
    with Producer(home, mode="offline") as producer:
        agent = start_agent(home)
        producer.log(100)
        wait_for(lambda: producer.do("tell")["drained"], what="the ring to be drained")
        status = Path(f"/proc/{agent.pid}/status").read_text()
        resident_kb = int(status.split("VmRSS:")[1].split()[0])
        assert resident_kb < 80 << 10
        loaded = Path(f"/proc/{agent.pid}/maps").read_text()
        assert "cygrpc" not in loaded
        producer.end()
        assert agent.wait(60) == 0
