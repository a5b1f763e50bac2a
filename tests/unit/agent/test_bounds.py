"""What is bounded in an agent: its memory, its log, its end, the size of a block; and who goes first."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import Producer, agent_log, ranges_in_spools, run_agent, start_agent
from scripted_service import ScriptedService
from stepwell.agent import log as log_module
from stepwell.agent import uploads
from stepwell.agent.dispatch import Dispatch
from stepwell.agent.uploads import Uploader
from stepwell.home import Home
from stepwell.settings import Settings
from stepwell.spool import Spool, find_spools
from support import wait_for

FAST = {"STEPWELL_BLOCK_INTERVAL_S": "0.01", "STEPWELL_BACKOFF_MIN_S": "0.01", "STEPWELL_BACKOFF_MAX_S": "0.1",
        "STEPWELL_RETIRE_GRACE_S": "0.05"}  # fmt: skip
MIB = 1 << 20


@pytest.fixture
def service(home: Path) -> Iterator[ScriptedService]:
    with ScriptedService(home) as service:
        service.announce()
        yield service


def private_bytes(process: subprocess.Popen[bytes]) -> int:
    """Memory of the process alone: rings and files are shared with the kernel and others."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) << 10


@pytest.mark.parametrize("answers", ["welcome only", "nothing", "reads no further"])
def test_memory_stays_within_the_window_while_nothing_is_acked(
    home: Path, service: ScriptedService, answers: str
) -> None:
    """Sixteen windows of bytes that do not compress, which no one takes."""
    window = 2 * MIB
    enough = threading.Event()
    if answers == "nothing":
        service.before_welcome = enough.wait
    service.answer = lambda frame: "drop" if answers == "welcome only" else str(enough.wait())
    with Producer(home, ring_bytes=MIB, ring_bytes_max=4 * MIB) as producer:
        agent = start_agent(home, env={**FAST, "STEPWELL_SEND_WINDOW_BYTES": str(window)})
        producer.log(1)
        wait_for(lambda: service.tried, what="the agent to have a stream")
        most = before = private_bytes(agent)
        for _ in range(16):
            for _ in range(8):
                producer.do(f"noise {window // 8}")
            wait_for(lambda: producer.do("tell")["drained"], what="the ring to be drained")
            most = max(most, private_bytes(agent))
        assert sum(Spool.open_readonly(path).pending_bytes for path in find_spools(home)) > 16 * window
        print(f"private memory: {before / MIB:.1f} MiB, at most {most / MIB:.1f} MiB, window {window / MIB:.0f} MiB")
        # Frames on the way, a batch that is being read, a block that is being built, its columns, and its compression.
        assert most - before < 8 * window, f"{before / MIB:.0f} MiB grew to {most / MIB:.0f} MiB"
        agent.kill()
        agent.wait()
        enough.set()


def test_the_log_does_not_grow_beyond_its_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "_BYTES", 10_000)
    logger = logging.getLogger("stepwell")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    log_module.open_log(Home(home))
    for number in range(3000):
        logging.getLogger("stepwell.agent").info("message %d", number)
    for handler in logger.handlers:
        handler.close()
    sizes = {path.name: path.stat().st_size for path in (home / "log").iterdir()}
    assert set(sizes) == {"agent.log", "agent.log.1", "agent.log.2"}
    assert all(size <= 10_000 for size in sizes.values())
    assert "message 2999" in agent_log(home)


def record(home: Path, blocks: int) -> int:
    """Blocks in a spool that is to be sent, by an agent that reaches nobody; returns the writer."""
    with Producer(home, mode="offline") as producer:
        agent = start_agent(home, env=FAST)
        for number in range(blocks):
            state = producer.do(f"noise {1000 * (number + 1)}")
            wait_for(lambda: producer.do("tell")["drained"], what="a block in the spool")
        producer.end()
        assert agent.wait(60) == 0
    for path in find_spools(home):
        target = path / "destination.json"
        target.write_text(json.dumps({**json.loads(target.read_text()), "mode": "online"}))
    return state["writer"]


def test_a_block_larger_than_any_service_takes_is_refused_here(home: Path, service: ScriptedService) -> None:
    writer = record(home, blocks=4)
    (path,) = find_spools(home)
    sizes = {frame.first_seq: len(frame.payload) for frame in Spool.open_readonly(path).frames()}
    limit = sizes[3]
    assert run_agent(home, env={**FAST, "STEPWELL_BLOCK_BYTES_MAX": str(limit)}) == 0
    assert sorted(first for _, first, _ in service.acked) == sorted(seq for seq, size in sizes.items() if size <= limit)
    assert 4 not in [frame.first_seq for frame in service.frames]
    assert Spool.open_readonly(path).refused == 1
    assert Spool.open_readonly(path).pending_bytes == 0
    assert f"records 4 to 4 of writer {writer:016x} (TOO_LARGE: {sizes[4]} bytes; a block has at most {limit})" in (
        agent_log(home)
    )


def stage(home: Path) -> Path:
    folder = home / "staging" / "one"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "weights").write_bytes(bytes(100_000))
    manifest = {
        "run": bytes(16).hex(), "project": "p", "id": "r", "writer": 7, "row_seq": 3, "rank": 0, "version": 99,
        "step": 10, "time_ms": 1, "kind": "checkpoint", "name": "one", "files": [{"path": "weights", "size": 100_000}],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_blobs_wait_while_metrics_are_sent(
    home: Path, service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "_YIELD_S", 1e9)
    folder = stage(home)
    asked: list[bool] = []
    scalars = threading.Event()
    scalars.set()

    def busy() -> bool:
        asked.append(scalars.is_set())
        return asked[-1]

    uploader = Uploader(Home(home), Settings(), busy)
    uploader.start()
    wait_for(lambda: len(asked) > 5, what="the upload to wait for scalars again and again")
    assert service.blobs == {}
    scalars.clear()
    wait_for(lambda: not folder.exists(), what="the upload")
    assert len(service.blobs) == 1
    uploader.stop()
    uploader.join(30)


def test_what_is_staged_is_uploaded_at_the_next_glance(
    home: Path, service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "_LOOK_S", 1e6)  # no round comes by itself
    (home / "staging").mkdir()
    uploader = Uploader(Home(home), Settings(), lambda: False)
    uploader.start()
    for number in (1, 2):  # again once it has looked: every change is one
        folder = stage(home)
        wait_for(lambda: uploader.glance() or uploader.uploaded == number, what="the upload")  # noqa: B023 - waited for here
        assert not folder.exists()
    uploader.stop()
    uploader.join(30)


def test_metrics_that_wait_on_a_service_that_takes_them_go_before_blobs(home: Path, service: ScriptedService) -> None:
    record(home, blocks=8)
    service.answer = lambda frame: "drop"
    dispatch = Dispatch(Home(home), Settings(block_bytes=1000), on_stop=lambda *_: None)
    try:
        assert not dispatch.sending_much  # nobody is connected: blobs need not wait
        dispatch.start()
        wait_for(lambda: dispatch.sending_much, what="much to be on its way")
    finally:
        dispatch.close()


@pytest.mark.parametrize("stuck", ["acks", "stream"])
def test_sigterm_ends_an_agent_though_the_service_stands_still(
    home: Path, service: ScriptedService, stuck: str
) -> None:
    """Bounded by agent_stop_timeout_s and the wait for its threads, not by the service."""
    never = threading.Event()
    service.answer = lambda frame: "drop" if stuck == "acks" else str(never.wait())
    with Producer(home) as producer:
        agent = start_agent(home, env={**FAST, "STEPWELL_AGENT_STOP_TIMEOUT_S": "0.1"})
        state = producer.log(100)
        wait_for(lambda: service.frames, what="frames to be on their way")
        agent.terminate()
        assert agent.wait(20) == 0
        assert ranges_in_spools(home, only_pending=True)[state["writer"]][-1][1] == 100
    never.set()


def test_once_takes_what_is_there_and_leaves_the_living_alone(home: Path, service: ScriptedService) -> None:
    with Producer(home) as producer:
        state = producer.log(100)
        assert run_agent(home, "--once", env={**FAST, "STEPWELL_AGENT_LINGER_S": "1000"}) == 0
        assert {seq for _, first, last in service.acked for seq in range(first, last + 1)} == set(range(1, 101))
        assert producer.do("tell")["acked_seq"] == 100
        state = producer.log(100)
        assert run_agent(home, "--once", env={**FAST, "STEPWELL_AGENT_LINGER_S": "1000"}) == 0
        assert max(last for _, _, last in service.acked) == state["row_seq"]


def test_once_with_nobody_there_ends_too(home: Path) -> None:
    with Producer(home) as producer:
        state = producer.log(100)
        assert run_agent(home, "--once", env={**FAST, "STEPWELL_AGENT_LINGER_S": "1000"}) == 0
        assert ranges_in_spools(home, only_pending=True)[state["writer"]][-1][1] == 100


def test_sync_on_the_command_line_says_what_it_did(home: Path, tmp_path: Path) -> None:
    def run_sync(*paths: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "stepwell.agent", "--home", str(home), "--sync", *map(str, paths)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    away = tmp_path / "away"
    record(away, blocks=2)
    nobody = run_sync(away)
    assert nobody.returncode == 1
    assert "left" in nobody.stdout
    assert "service.json" in nobody.stdout
    with ScriptedService(home) as service:
        service.announce()
        done = run_sync(away)
        assert done.returncode == 0, done.stdout
        assert done.stdout.startswith(f"sent {len(service.acked)} blocks (")
    assert find_spools(away) == []
