"""What the sender does with each answer of a service, and when the way to it breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import GIVES_UP, Producer, agent_log, ranges_in_spools, run_agent, start_agent, wait_for_log
from scripted_service import ScriptedService
from stepwell.spool import Spool, find_spools
from stepwell.v1 import ingest_pb2
from support import wait_for

FAST = {"STEPWELL_BLOCK_INTERVAL_S": "0.01", "STEPWELL_BACKOFF_MIN_S": "0.01", "STEPWELL_BACKOFF_MAX_S": "0.1",
        "STEPWELL_RETIRE_GRACE_S": "0.05"}  # fmt: skip


@pytest.fixture
def service(home: Path) -> Iterator[ScriptedService]:
    with ScriptedService(home) as service:
        service.announce()
        yield service


def record(home: Path, rows: int = 1000, blocks: int = 4, **options: object) -> int:
    """Rows of one process, in a spool by an agent that reaches nobody; returns the writer."""
    with Producer(home, mode="offline", **options) as producer:  # type: ignore[arg-type]
        agent = start_agent(home, env=FAST)
        for _ in range(blocks):
            state = producer.log(rows // blocks)
            wait_for(lambda: producer.do("tell")["drained"], what="a block in the spool")
        producer.end()
        assert agent.wait(60) == 0
    for path in find_spools(home):
        target = path / "destination.json"
        target.write_text(json.dumps({**json.loads(target.read_text()), "mode": "online"}))
    return state["writer"]


def covered(service: ScriptedService, writer: int) -> int:
    """How many records were acked, each counted once."""
    return len({seq for w, first, last in service.acked if w == writer for seq in range(first, last + 1)})


def pending(home: Path) -> int:
    return sum(Spool.open_readonly(path).pending_bytes for path in find_spools(home))


def test_everything_is_sent_and_the_agent_exits(home: Path, service: ScriptedService) -> None:
    writer = record(home)
    assert run_agent(home, env=FAST) == 0
    assert covered(service, writer) == 1001
    assert len(service.acked) == len(set(service.acked))
    assert pending(home) == 0


def test_a_live_run_hears_that_it_is_acked(home: Path, service: ScriptedService) -> None:
    with Producer(home) as producer:
        agent = start_agent(home, env=FAST)
        row_seq = producer.log(100)["row_seq"]
        wait_for(lambda: producer.do("tell")["acked_seq"] == row_seq, what="the ack to reach the ring")
        assert producer.do("tell")["service"] == 1  # connected
        row_seq = producer.log(100)["row_seq"] + 1
        producer.do("finish")
        wait_for(lambda: producer.do("tell")["acked_seq"] == row_seq, what="the last ack")
        producer.end()
        assert agent.wait(60) == 0


def test_acks_in_any_order_lose_nothing(home: Path, service: ScriptedService) -> None:
    """Of each pair the first is answered only on the second stream."""
    writer = record(home, rows=1200, blocks=6)
    seen: set[int] = set()

    def answer(frame: object) -> str:
        again = frame.first_seq in seen  # type: ignore[attr-defined]
        seen.add(frame.first_seq)  # type: ignore[attr-defined]
        if again or len(seen) % 2 == 0:
            return "ack"
        return "break" if len(seen) == 5 else "drop"

    service.answer = answer
    assert run_agent(home, env={**FAST, "STEPWELL_ACK_TIMEOUT_S": "0.1"}) == 0
    assert covered(service, writer) == 1201
    assert service.streams >= 2
    assert len(service.acked) == len(set(service.acked))  # those acked out of order are not sent again


@pytest.mark.parametrize(
    "reason",
    [
        "REJECTED",
        *(pytest.param(reason, marks=pytest.mark.thorough) for reason in ("DAMAGED", "TOO_LARGE", "FORBIDDEN")),
    ],
)
def test_a_refused_block_is_kept_and_the_rest_is_sent(home: Path, service: ScriptedService, reason: str) -> None:
    writer = record(home)
    service.answer = lambda frame: reason if frame.first_seq == 251 else "ack"
    assert run_agent(home, env=FAST) == 0
    assert covered(service, writer) == 751
    assert pending(home) == 0
    (path,) = find_spools(home)
    assert Spool.open_readonly(path).refused == 1
    assert f"refused records 251 to 500 of writer {writer:016x} ({reason}: as told)" in agent_log(home)
    assert run_agent(home, env=FAST) == 0
    assert [frame.first_seq for frame in service.frames].count(251) == 1  # never sent again


def test_a_held_block_waits_for_another_version(home: Path, service: ScriptedService) -> None:
    writer = record(home)
    service.answer = lambda frame: "TOO_NEW" if frame.first_seq == 251 else "ack"
    assert run_agent(home, env=FAST) == 0
    assert run_agent(home, env=FAST) == 0
    assert [frame.first_seq for frame in service.frames].count(251) == 1
    service.answer = lambda frame: "ack"
    service.version = "2.0"
    assert run_agent(home, env=FAST) == 0
    assert covered(service, writer) == 1001


def test_a_retry_comes_later_on_the_same_stream(home: Path, service: ScriptedService) -> None:
    writer = record(home)
    tries: list[int] = []

    def answer(frame: object) -> str:
        tries.append(frame.first_seq)  # type: ignore[attr-defined]
        return "RETRY" if tries.count(tries[-1]) < 3 else "ack"

    service.answer = answer
    assert run_agent(home, env=FAST) == 0
    assert covered(service, writer) == 1001
    assert service.streams == 1


def test_a_broken_stream_goes_on_from_the_first_unacked_frame(home: Path, service: ScriptedService) -> None:
    writer = record(home, blocks=8)
    service.answer = lambda frame: "break" if len(service.frames) in (3, 7) else "ack"
    assert run_agent(home, env=FAST) == 0
    assert covered(service, writer) == 1001
    assert len(service.acked) == len(set(service.acked))
    assert service.streams == 3


def test_no_more_than_the_window_is_on_the_way(home: Path, service: ScriptedService) -> None:
    writer = record(home, rows=8000, blocks=8)
    size = max(len(frame.payload) for path in find_spools(home) for frame in Spool.open_readonly(path).frames())
    service.window_bytes = 3 * size
    service.answer = lambda frame: "drop"
    agent = start_agent(home, env={**FAST, "STEPWELL_ACK_TIMEOUT_S": "0.1"})
    wait_for(lambda: service.streams >= 3, what="unanswered streams to be opened anew")
    assert 0 < service.most_unanswered <= 5 * size  # a read may take the window over its edge by a block
    service.answer = lambda frame: "ack"
    assert agent.wait(60) == 0
    assert covered(service, writer) == 8001


def test_a_restarted_service_gets_what_it_acked_lately_again(home: Path, service: ScriptedService) -> None:
    with Producer(home) as producer:
        agent = start_agent(home, env=FAST)
        producer.log(100)
        wait_for(lambda: service.acked, what="the first ack")
        first = list(service.acked)
        port = service.grpc_port
        service.stop_grpc()
        service.acked.clear()
        service.boot = "boot-2"
        service.start_grpc(port)
        wait_for(lambda: set(first) <= set(service.acked), what="the acked blocks to come again")
        producer.end()
        assert agent.wait(60) == 0


def test_a_service_that_moves_to_another_port_is_found(home: Path, service: ScriptedService) -> None:
    with Producer(home) as producer:
        agent = start_agent(home, env={**FAST, "STEPWELL_BACKOFF_MAX_S": "30"})
        producer.log(100)
        wait_for(lambda: service.acked, what="the first ack")
        service.stop_grpc()
        row_seq = producer.log(100)["row_seq"]
        service.start_grpc()
        service.announce()
        wait_for(lambda: producer.do("tell")["acked_seq"] == row_seq, what="the ack from the new port")
        producer.end()
        assert agent.wait(60) == 0


def test_a_service_that_comes_late_gets_everything(home: Path) -> None:
    with ScriptedService(home) as service, Producer(home) as producer:
        agent = start_agent(home, env=FAST)
        row_seq = producer.log(100)["row_seq"]
        wait_for(lambda: producer.do("tell")["service"] == 2, what="the ring to hear that nobody answers")
        service.announce()
        wait_for(lambda: producer.do("tell")["acked_seq"] == row_seq, what="the ack")
        producer.end()
        assert agent.wait(60) == 0


def test_with_nobody_there_the_agent_leaves_it_on_disk_and_exits(home: Path) -> None:
    with Producer(home) as producer:
        agent = start_agent(home, env={**FAST, **GIVES_UP})
        state = producer.log(100)
        producer.end()
        assert agent.wait(60) == 0
    assert ranges_in_spools(home, only_pending=True)[state["writer"]][-1][1] == 101


def test_a_stop_reaches_the_rings_of_its_run_only(home: Path, service: ScriptedService) -> None:
    with Producer(home, "told") as told, Producer(home, "other") as other:
        stop = ingest_pb2.StopRequest(run=told.run, reason="enough")
        service.on_stream = [ingest_pb2.IngestReply(stop=stop)]
        told.log(10)
        other.log(10)
        agent = start_agent(home, env=FAST)
        wait_for(lambda: told.do("tell")["control"] & 2, what="the stop bit")
        assert not other.do("tell")["control"] & 2
        told.end()
        other.end()
        assert agent.wait(60) == 0


def test_a_throttled_sender_pauses_and_then_goes_on(home: Path, service: ScriptedService) -> None:
    writer = record(home)
    service.on_stream = [ingest_pb2.IngestReply(throttle=ingest_pb2.Throttle(pause_ms=200))]
    assert run_agent(home, env=FAST) == 0
    assert covered(service, writer) == 1001


def test_a_wrong_token_is_said_and_everything_stays(home: Path, service: ScriptedService) -> None:
    writer = record(home)
    service.token = "another"
    assert run_agent(home, env={**FAST, **GIVES_UP}) == 0
    assert service.acked == []
    assert "UNAUTHENTICATED" in agent_log(home)
    assert "secret" not in agent_log(home)
    service.announce()
    assert run_agent(home, env=FAST) == 0
    assert covered(service, writer) == 1001


def test_a_block_over_the_service_limit_is_refused_alone(home: Path, service: ScriptedService) -> None:
    writer = record(home)
    service.answer = lambda frame: "too_large" if frame.first_seq == 501 else "ack"
    agent = start_agent(home, env=FAST)
    assert agent.wait(60) == 0
    assert covered(service, writer) == 751
    (path,) = find_spools(home)
    assert Spool.open_readonly(path).refused == 1


def test_blocks_go_over_http_where_grpc_does_not_get_through(home: Path) -> None:
    with ScriptedService(home, with_grpc=False) as service:
        service.grpc_port = 1  # nobody listens there
        service.announce()
        writer = record(home)
        service.answer = lambda frame: "REJECTED" if frame.first_seq == 251 else "ack"
        assert run_agent(home, env=FAST) == 0
        assert covered(service, writer) == 751
        assert pending(home) == 0
        (path,) = find_spools(home)
        assert Spool.open_readonly(path).refused == 1


def test_a_named_server_tells_its_grpc_port(home: Path) -> None:
    with ScriptedService(home) as service, Producer(home, server=service.url) as producer:
        agent = start_agent(home, env={**FAST, "STEPWELL_TOKEN": "secret"})
        row_seq = producer.log(100)["row_seq"]
        wait_for(lambda: producer.do("tell")["acked_seq"] == row_seq, what="the ack")
        assert service.streams == 1
        producer.end()
        assert agent.wait(60) == 0


def test_sigterm_sends_what_is_there_and_exits(home: Path, service: ScriptedService) -> None:
    with Producer(home) as producer:
        agent = start_agent(home, env={**FAST, "STEPWELL_BLOCK_INTERVAL_S": "100"})
        wait_for_log(home, "adopted")
        state = producer.log(100)
        agent.terminate()
        assert agent.wait(60) == 0
        assert covered(service, state["writer"]) == 100
        assert producer.process.poll() is None


@pytest.mark.parametrize("place", ["agent.sent", "agent.acked"])
def test_killed_sender_sends_again_what_was_not_acked(home: Path, service: ScriptedService, place: str) -> None:
    writer = record(home)
    killed = start_agent(home, env={**FAST, "STEPWELL_KILLPOINT": f"{place}:2"})
    assert killed.wait(60) == -9
    assert run_agent(home, env=FAST) == 0
    assert covered(service, writer) == 1001
    assert pending(home) == 0
