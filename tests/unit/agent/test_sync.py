"""`sync`: everything in spools and staging, offline ones too, wherever they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agents import Producer, mailbox_rings, run_agent, start_agent
from scripted_service import ScriptedService
from stepwell import _core
from stepwell.agent import SyncReport, sync
from stepwell.home import Home
from stepwell.spool import find_spools
from support import wait_for

FAST = {"STEPWELL_BLOCK_INTERVAL_S": "0.01", "STEPWELL_RETIRE_GRACE_S": "0.05"}


@pytest.fixture(autouse=True)
def quick(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BACKOFF_MIN_S": "0.01", "BACKOFF_MAX_S": "0.1", "RETIRE_GRACE_S": "0.05"}.items():
        monkeypatch.setenv("STEPWELL_" + name, value)


def covered(service: ScriptedService, writer: int) -> int:
    return len({seq for w, first, last in service.acked if w == writer for seq in range(first, last + 1)})


def record_offline(home: Path, rows: int = 1000) -> int:
    with Producer(home, mode="offline") as producer:
        state = producer.log(rows)
        producer.end()
    assert run_agent(home, env=FAST) == 0
    return state["writer"]


def test_an_offline_run_is_sent_only_by_sync(home: Path) -> None:
    with ScriptedService(home) as service:
        service.announce()
        writer = record_offline(home)
        assert service.acked == []
        seen: list[SyncReport] = []
        report = sync(home, progress=seen.append)
        assert report.complete
        assert report.blocks == len(service.acked) > 0
        assert seen[-1] == report
        assert covered(service, writer) == 1001
    assert find_spools(home) == []


def test_a_folder_brought_from_elsewhere_is_taken_in(home: Path, tmp_path: Path) -> None:
    """Recorded on a machine whose shared memory is gone; only its home's folder is left."""
    away = tmp_path / "away"
    with Producer(away, mode="offline") as producer:
        agent = start_agent(away, env=FAST)
        state = producer.log(1000)
        wait_for(lambda: producer.do("tell")["drained"], what="the ring to be drained")
        agent.kill()
        agent.wait()
        producer.kill()
    shutil.rmtree(Home(away).mailbox(_core.RING_LAYOUT))
    with ScriptedService(home) as service:
        service.announce()
        assert sync(home, [away]).complete
        assert covered(service, state["writer"]) == 1000
    assert find_spools(away) == []


def test_a_spool_that_still_grows_is_taken_in_as_far_as_it_is(home: Path) -> None:
    with ScriptedService(home) as service, Producer(home, mode="offline") as producer:
        service.announce()
        agent = start_agent(home, env=FAST)
        state = producer.log(1000)
        wait_for(lambda: producer.do("tell")["drained"], what="the ring to be drained")
        assert sync(home).complete
        assert covered(service, state["writer"]) == 1000
        blocks = len(service.acked)
        producer.log(1000)
        wait_for(lambda: producer.do("tell")["drained"], what="the ring to be drained")
        assert sync(home).complete
        assert covered(service, state["writer"]) == 2000
        producer.end()
        assert agent.wait(60) == 0
        assert sync(home).complete
        assert covered(service, state["writer"]) == 2001
        assert len(service.acked) == len(set(service.acked)) > blocks  # nothing was sent a second time
    assert find_spools(home) == []


def test_what_is_refused_out_of_a_growing_spool_is_kept_by_its_owner(home: Path) -> None:
    with ScriptedService(home) as service, Producer(home, mode="offline") as producer:
        service.announce()
        agent = start_agent(home, env=FAST)
        producer.log(1000)
        wait_for(lambda: producer.do("tell")["drained"], what="the ring to be drained")
        service.answer = lambda frame: "REJECTED" if frame.first_seq == 1 else "ack"
        report = sync(home)
        assert report.refused == 1
        assert not report.complete
        producer.end()
        assert agent.wait(60) == 0
        assert not sync(home).complete
        (path,) = find_spools(home)
        assert len(list(path.glob("*.refused"))) == 1


def test_rings_that_no_agent_took_are_drained_first(home: Path) -> None:
    with Producer(home, mode="offline") as producer:
        state = producer.log(500)
        producer.kill()
    with ScriptedService(home) as service:
        service.announce()
        assert sync(home).complete
        assert covered(service, state["writer"]) == 500
    assert mailbox_rings(home) == []


def test_with_nobody_there_the_report_says_what_is_left(home: Path) -> None:
    record_offline(home)
    report = sync(home)
    assert not report.complete
    assert report.left_bytes > 0
    assert "service.json" in str(report)
    assert len(find_spools(home)) == 1


def test_a_named_server_gets_it(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = record_offline(home)
    monkeypatch.setenv("STEPWELL_TOKEN", "secret")
    with ScriptedService(tmp_path / "other") as service:
        assert sync(home, server=service.url).complete
        assert covered(service, writer) == 1001


def test_a_path_that_is_no_folder_is_said(home: Path, tmp_path: Path) -> None:
    assert "is no folder" in str(sync(home, [tmp_path / "nothing"]))
