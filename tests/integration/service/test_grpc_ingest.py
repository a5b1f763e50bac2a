"""The ingestion stream of a real service, over a real channel: acked means stored, refused means said why."""

from __future__ import annotations

import struct
import uuid

import grpc
import pytest

from http_client import HttpClient
from making_blocks import Making
from reading_back import points_of
from serving import Service
from stepwell import _core
from stepwell.ids import attempt_now, run_uuid
from stepwell.v1 import ingest_pb2 as pb
from stream_client import StreamClient, credentials
from support import wait_for


def new_run() -> str:
    return uuid.uuid4().hex


def test_what_is_acked_reads_back_exactly_and_once(stream: StreamClient, http: HttpClient) -> None:
    making = Making(id=new_run())
    blocks = [making.block(100, ("loss", "val/acc")) for _ in range(20)]
    sequences = [stream.send_block(block) for block in [*blocks, *blocks[5:15]]]
    stream.wait_answered(*sequences)
    assert stream.acked == set(sequences)
    assert points_of(http, "project", making.id) == sorted(making.logged)
    wait_for(lambda: stream.welcome)
    assert stream.welcome
    assert stream.welcome.boot == http("GET", "/api/v1/info", token=None).json()["boot"]


def damaged(block: bytes) -> bytes:
    middle = len(block) // 2
    return block[:middle] + bytes([block[middle] ^ 255]) + block[middle + 1 :]


BLOCK = Making().block(20)


@pytest.mark.parametrize(
    ("bad", "crc", "reason"),
    [
        (BLOCK, 1, "DAMAGED"),
        (damaged(BLOCK), None, "DAMAGED"),
        (b"", None, "DAMAGED"),
        (b"no block at all", None, "DAMAGED"),
        (BLOCK[:4] + struct.pack("<HH", 99, 99) + BLOCK[8:], None, "TOO_NEW"),
        (BLOCK + bytes(17 << 20), None, "TOO_LARGE"),
        (Making(id="other", run=run_uuid("project", "run").bytes).block(5), None, "REJECTED"),
    ],
    ids=["crc", "damaged", "empty", "garbage", "newer", "large", "foreign"],
)
def test_a_bad_frame_is_refused_and_the_stream_goes_on(
    stream: StreamClient, http: HttpClient, bad: bytes, crc: int | None, reason: str
) -> None:
    making = Making(id=new_run())
    before, wrong, after = (
        stream.send_block(making.block(5)),
        stream.send_block(bad, crc),
        stream.send_block(making.block(5)),
    )
    stream.wait_answered(before, wrong, after)
    assert stream.acked == {before, after}
    assert stream.nacked[wrong][0] == reason
    assert stream.nacked[wrong][1]
    assert points_of(http, "project", making.id) == sorted(making.logged)


@pytest.mark.parametrize("token", [None, "", "wrong-wrong-wrong-wrong"])
def test_without_the_token_nothing_is_read(target: str, token: str | None, http: HttpClient) -> None:
    making = Making(id=new_run())
    with StreamClient(target, token) as stream:
        stream.send_block(making.block(5))
        assert stream.ended.wait(30)
        assert stream.error is not None
        assert stream.error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "STEPWELL_TOKEN" in (stream.error.details() or "")
        assert not stream.acked
    assert http("GET", f"/api/v1/runs/project/{making.id}").status == 404


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: pb.IngestRequest(frame=pb.Frame(sequence=1, block=BLOCK)),
        pb.IngestRequest,
    ],
    ids=["frame first", "nothing"],
)
def test_a_stream_that_does_not_begin_with_hello_is_ended(service: Service, target: str, request_of) -> None:  # type: ignore[no-untyped-def]
    with StreamClient(target, credentials(service.home)[1], hello=False) as stream:
        stream.send(request_of())
        assert stream.ended.wait(30)
        assert stream.error is not None
        assert stream.error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_stream_closed_by_its_sender_is_answered_to_the_end(stream: StreamClient) -> None:
    making = Making(id=new_run())
    sequences = [stream.send_block(making.block(50)) for _ in range(10)]
    stream.half_close()
    assert stream.ended.wait(30)
    assert stream.error is None
    assert stream.acked == set(sequences)


def test_frames_lost_with_their_stream_are_sent_again_harmlessly(service: Service, http: HttpClient) -> None:
    making = Making(id=new_run())
    blocks = [making.block(50) for _ in range(30)]
    for cut in (3, 11):
        with StreamClient(*credentials(service.home)) as stream:
            for block in blocks[:cut]:
                stream.send_block(block)
            stream.wait_answered(1)
    with StreamClient(*credentials(service.home)) as stream:
        stream.wait_answered(*[stream.send_block(block) for block in blocks])
        assert len(stream.acked) == len(blocks)
    assert points_of(http, "project", making.id) == sorted(making.logged)


def test_many_streams_at_once_lose_nothing(service: Service, http: HttpClient) -> None:
    makings = [Making(id=new_run(), writer=number) for number in range(8)]
    streams = [StreamClient(*credentials(service.home)) for _ in makings]
    sent = [
        [stream.send_block(making.block(20)) for _ in range(25)]
        for stream, making in zip(streams, makings, strict=True)
    ]
    for stream, sequences, making in zip(streams, sent, makings, strict=True):
        stream.wait_answered(*sequences)
        assert stream.acked == set(sequences)
        stream.close()
        assert points_of(http, "project", making.id) == sorted(making.logged)


def test_a_request_to_stop_reaches_the_stream_that_carries_the_run(stream: StreamClient, http: HttpClient) -> None:
    making = Making(id=new_run(), attempt=attempt_now())
    start = making.records((_core.KIND_EVENT, (b"start", b"{}")))
    stream.wait_answered(stream.send_block(start), stream.send_block(making.block(5)))
    answer = http("POST", f"/api/v1/runs/project/{making.id}/stop", {"reason": "diverged"})
    assert (answer.status, answer.json()) == (200, {"run": f"project/{making.id}", "streams": 1})
    wait_for(lambda: stream.stops)
    assert stream.stops == [(run_uuid("project", making.id).bytes, "diverged")]


def test_a_stream_that_comes_after_the_request_is_told_too(service: Service, http: HttpClient) -> None:
    making = Making(id=new_run(), attempt=attempt_now())
    with StreamClient(*credentials(service.home)) as first:
        first.wait_answered(first.send_block(making.records((_core.KIND_EVENT, (b"start", b"{}")))))
    wait_for(lambda: b"stepwell_streams 0.0" in http("GET", "/metrics").body)
    assert http("POST", f"/api/v1/runs/project/{making.id}/stop", {}).json()["streams"] == 0
    with StreamClient(*credentials(service.home)) as second:
        second.send_block(making.block(1))
        wait_for(lambda: second.stops)
        resumed = Making(id=making.id, attempt=making.attempt + 1)
        with StreamClient(*credentials(service.home)) as third:
            third.wait_answered(third.send_block(resumed.block(1)))
            assert third.stops == [], "a resume after the request goes on"


def test_to_stop_an_unknown_run_is_not_found(http: HttpClient) -> None:
    answer = http("POST", "/api/v1/runs/project/nobody/stop", {"reason": ""})
    assert answer.status == 404
    assert "project/nobody" in answer.json()["detail"]
