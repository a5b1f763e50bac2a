"""The HTTP side of a real service: the same bytes as on the stream, blobs, and errors that say what to do."""

from __future__ import annotations

import uuid

import pytest
from blake3 import blake3

from http_client import HttpClient
from making_blocks import Making, frame_of
from reading_back import points_of
from stepwell import _core
from stepwell.ids import run_uuid, version_of
from support import wait_for

DATA = bytes(range(256)) * 20_000
DIGEST = blake3(DATA).hexdigest()


def new_run() -> str:
    return uuid.uuid4().hex


def test_frames_as_on_disk_are_taken_and_read_back(http: HttpClient) -> None:
    making = Making(id=new_run())
    blocks = [making.block(30) for _ in range(5)]
    for _ in range(2):
        answer = http("POST", "/api/v1/blocks", b"".join(frame_of(block) for block in blocks))
        assert answer.status == 200
        assert answer.json()["acked"] == [0, 1, 2, 3, 4]
        assert answer.json()["nacked"] == []
    assert answer.json()["boot"] == http("GET", "/api/v1/info").json()["boot"]
    assert points_of(http, "project", making.id) == sorted(making.logged)


def test_each_frame_of_a_request_has_its_own_answer(http: HttpClient) -> None:
    making = Making(id=new_run())
    good, later = making.block(3), making.block(4)
    body = frame_of(good) + frame_of(good, crc=1) + frame_of(b"junk") + frame_of(good, kind=9) + frame_of(later)
    answer = http("POST", "/api/v1/blocks", body).json()
    assert answer["acked"] == [0, 4]
    assert [(one["index"], one["reason"]) for one in answer["nacked"]] == [
        (1, "DAMAGED"),
        (2, "DAMAGED"),
        (3, "TOO_NEW"),
    ]
    assert all(one["message"] for one in answer["nacked"])
    assert points_of(http, "project", making.id) == sorted(making.logged)


FRAME = frame_of(Making().block(3))


@pytest.mark.parametrize(
    "body",
    [b"x", b"garbage" * 100, FRAME[:-1], FRAME[:20], FRAME + b"x", b"\0" + FRAME],
    ids=["tiny", "garbage", "cut", "cut header", "more", "shifted"],
)
def test_a_body_that_is_not_whole_frames_is_refused_whole(http: HttpClient, body: bytes) -> None:
    answer = http("POST", "/api/v1/blocks", body)
    assert answer.status == 400
    assert "nothing of it was stored" in answer.json()["detail"]


def test_an_empty_body_is_no_frames(http: HttpClient) -> None:
    assert http("POST", "/api/v1/blocks", b"").json()["acked"] == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_request_beyond_the_limit_is_refused(http: HttpClient, chunked: bool) -> None:
    body = iter([bytes(1 << 20)] * 33) if chunked else bytes(33 << 20)
    try:
        answer = http("POST", "/api/v1/blocks", body)
    except OSError:
        return  # the service answered and closed while the rest was still being sent: refused all the same
    assert answer.status == 413
    assert "send it in parts" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/blocks"),
        ("POST", "/api/v1/artifacts"),
        ("HEAD", f"/api/v1/blobs/{DIGEST}"),
        ("PUT", f"/api/v1/blobs/{DIGEST}"),
        ("GET", f"/api/v1/blobs/{DIGEST}"),
        ("POST", "/api/v1/runs/p/r/stop"),
        ("GET", "/api/v1/runs"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/nowhere"),
    ],
)
@pytest.mark.parametrize("token", [None, "wrong-wrong-wrong-wrong"])
def test_without_the_token_there_is_nothing(http: HttpClient, method: str, path: str, token: str | None) -> None:
    answer = http(method, path, token=token)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    if method != "HEAD":
        assert "STEPWELL_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/api/v1/info"])
def test_what_is_open_to_everybody_says_no_secret(http: HttpClient, path: str) -> None:
    answer = http("GET", path, token=None)
    assert answer.status == 200
    assert http.token.encode() not in answer.body
    assert b"/metrics" not in answer.body


def test_a_foreign_host_header_is_refused(http: HttpClient) -> None:
    answer = http("GET", "/api/v1/runs", headers={"Host": "evil.example"})
    assert answer.status == 421


def test_info_says_where_grpc_is(http: HttpClient, target: str) -> None:
    assert http("GET", "/api/v1/info", token=None).json().keys() == {"service", "version", "grpc", "boot"}
    assert http("GET", "/api/v1/info", token=None).json()["grpc"] == target


def test_metrics_count_what_came(http: HttpClient) -> None:
    http("POST", "/api/v1/blocks", frame_of(Making(id=new_run()).block(10)) + frame_of(b"junk"))
    text = http("GET", "/metrics").body.decode()
    for name in (
        'stepwell_blocks_total{outcome="acked"}',
        'stepwell_blocks_total{outcome="damaged"}',
        "stepwell_rows_total",
    ):
        assert f"{name} " in text
    wait_for(lambda: "stepwell_queue_bytes 0.0" in http("GET", "/metrics").body.decode())


def test_metrics_say_what_each_stage_cost(http: HttpClient) -> None:
    def cost(stage: str) -> float:
        text = http("GET", "/metrics").body.decode()
        [line] = [
            one for one in text.splitlines() if one.startswith(f'stepwell_stage_cpu_seconds_total{{stage="{stage}"}}')
        ]
        return float(line.split()[1])

    stages = ("receive", "decode", "build", "insert", "ack", "loop")
    before = {stage: cost(stage) for stage in stages}
    http("POST", "/api/v1/blocks", frame_of(Making(id=new_run()).block(1000)))
    assert all(cost(stage) > before[stage] for stage in ("decode", "build", "insert", "loop"))


def test_a_blob_goes_in_and_comes_out(http: HttpClient) -> None:
    path = f"/api/v1/blobs/{DIGEST}"
    assert http("HEAD", path).status == 404
    assert http("GET", path).status == 404
    assert http("PUT", path, DATA).status == 201
    assert http("PUT", path, DATA).status == 200
    head = http("HEAD", path)
    assert (head.status, head.headers["content-length"]) == (200, str(len(DATA)))
    assert http("GET", path).body == DATA
    part = http("GET", path, headers={"Range": "bytes=1000-1999"})
    assert (part.status, part.body) == (206, DATA[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(DATA)}"
    tail = http("GET", path, headers={"Range": f"bytes={len(DATA) - 5}-"})
    assert tail.body == DATA[-5:]
    assert http("GET", path, headers={"Range": f"bytes={len(DATA)}-"}).status == 416


@pytest.mark.parametrize(
    ("digest", "data", "status"),
    [
        ("0" * 64, b"not these bytes", 422),
        ("../../../etc/passwd", b"x", 404),
        ("..%2F..%2Fetc%2Fpasswd", b"x", 404),
        ("A" * 64, b"x", 422),
        ("abc", b"x", 422),
    ],
)
def test_a_blob_under_a_wrong_name_is_refused(http: HttpClient, digest: str, data: bytes, status: int) -> None:
    answer = http("PUT", f"/api/v1/blobs/{digest}", data)
    assert answer.status == status
    assert answer.json()["detail"]
    assert http("HEAD", "/api/v1/blobs/" + "0" * 64).status == 404


def test_an_upload_without_its_size_is_refused(http: HttpClient) -> None:
    assert http("PUT", f"/api/v1/blobs/{'1' * 64}", iter([b"chunk"])).status == 411


def test_a_checkpoint_is_complete_once_its_blobs_are_there(http: HttpClient) -> None:
    making = Making(id=new_run())
    staged = (b"checkpoint", b"last", b'[{"path":"w.bin","size":3}]', b"{}", b"3")
    http("POST", "/api/v1/blocks", frame_of(making.records((_core.KIND_CHECKPOINT, staged))))
    data = uuid.uuid4().bytes
    digest = blake3(data).hexdigest()
    commit = {
        "project": "project", "id": making.id, "run": run_uuid("project", making.id).hex,
        "writer": f"{making.writer:016x}",
        "row_seq": 1, "rank": 0, "version": version_of(making.attempt, 1), "step": 1, "time_ms": 1_767_225_600_001,
        "kind": "checkpoint", "name": "last", "metadata": "{}",
        "files": [{"path": "w.bin", "digest": digest, "size": 16}],
    }  # fmt: skip
    early = http("POST", "/api/v1/artifacts", commit)
    assert (early.status, early.json()["digests"]) == (409, [digest])
    http("PUT", f"/api/v1/blobs/{digest}", data)
    assert http("POST", "/api/v1/artifacts", commit).json() == {"state": "complete"}
    shown = http("GET", f"/api/v1/runs/project/{making.id}/artifacts")
    assert shown.status == 200
    assert digest in shown.body.decode()
    for changes, word in (
        ({"run": "zz"}, "hexadecimal"),
        ({"id": "other"}, "run's key"),
        ({"files": [{"path": "../x", "digest": digest, "size": 16}]}, "relative path"),
        ({"version": "many"}, "version"),
    ):
        answer = http("POST", "/api/v1/artifacts", {**commit, **changes})
        assert answer.status == 400
        assert word in answer.json()["detail"]
    assert http("POST", "/api/v1/artifacts", b"not json").status == 400
