"""Large blobs over HTTP, whose bodies the service reads from their socket itself."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from blake3 import blake3

from components.s3_servers import S3Server
from http_client import HttpClient
from serving import serving
from stepwell.stores.s3_address import S3Address
from stepwell.stores.s3_calls import S3Calls
from support import wait_for

SIZE = (5 << 20) + 321  # several pieces, the last of them short


def put(http: HttpClient, data: bytes, digest: str = "", *more: str) -> bytes:
    """The head of an upload, with which no byte of the body has come."""
    lines = [f"PUT /api/v1/blobs/{digest or blake3(data).hexdigest()} HTTP/1.1", f"Host: {urlsplit(http.url).netloc}",
             f"Authorization: Bearer {http.token}", f"Content-Length: {len(data)}", *more]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode()


@contextmanager
def connected(http: HttpClient) -> Iterator[socket.socket]:
    url = urlsplit(http.url)
    with socket.create_connection((str(url.hostname), url.port or 80), timeout=60) as sock:
        yield sock


def answer(sock: socket.socket) -> http.client.HTTPResponse:
    found = http.client.HTTPResponse(sock, method="PUT")
    found.begin()
    return found


@pytest.mark.parametrize("pieces", [(SIZE,), (1, SIZE), (70_000, 70_001, 300_000, SIZE), (SIZE - 1, SIZE)])
def test_a_large_body_comes_in_however_it_is_cut(http: HttpClient, pieces: tuple[int, ...]) -> None:
    data = os.urandom(SIZE)
    with connected(http) as sock:
        sock.sendall(put(http, data))
        begin = 0
        for end in pieces:
            sock.sendall(data[begin:end])
            begin = end
        answered = answer(sock)
        assert answered.status == 201
        assert answered.getheader("Connection") == "close"  # the body was taken off the connection
        assert sock.recv(1) == b""
    assert http("GET", f"/api/v1/blobs/{blake3(data).hexdigest()}").body == data


def test_a_body_that_comes_with_its_head_or_waits_to_be_asked_for_comes_the_usual_way(http: HttpClient) -> None:
    data = os.urandom(10_000)
    with connected(http) as sock:
        sock.sendall(put(http, data) + data)
        assert answer(sock).status == 201
    data = os.urandom(SIZE)
    with connected(http) as sock:
        sock.sendall(put(http, data, "", "Expect: 100-continue"))
        assert sock.recv(12) == b"HTTP/1.1 100"
        while sock.recv(1) != b"\n":  # the rest of its line; the empty line after it is read by `answer`
            pass
        assert sock.recv(2) == b"\r\n"
        sock.sendall(data)
        assert answer(sock).status == 201
    assert http("GET", f"/api/v1/blobs/{blake3(data).hexdigest()}").body == data


def test_a_body_that_breaks_off_leaves_nothing_and_comes_again(http: HttpClient) -> None:
    data = os.urandom(SIZE)
    path = f"/api/v1/blobs/{blake3(data).hexdigest()}"
    with connected(http) as sock:
        sock.sendall(put(http, data) + data[: SIZE // 2])
        sock.shutdown(socket.SHUT_WR)
        answered = answer(sock)
        assert answered.status == 400
        assert b"broke off" in answered.read()
    assert http("HEAD", path).status == 404
    assert http("PUT", path, data).status == 201


def test_a_body_that_broke_off_is_gone_on_with_in_a_bucket(home: Path, minio_s3: S3Server) -> None:
    bucket = f"raw-{uuid.uuid4().hex}"
    data = os.urandom(33 << 20)
    digest = blake3(data).hexdigest()
    with serving(home, env={"STEPWELL_BLOBS_URL": minio_s3.url(bucket)}):
        http = HttpClient(home)
        with connected(http) as sock:
            sock.sendall(put(http, data) + data[: 32 << 20])
            wait_for(lambda: parts(minio_s3, bucket, digest) >= 2, what="parts in the bucket")
        wait_for(lambda: http("HEAD", f"/api/v1/blobs/{digest}").status == 404)
        before = parts(minio_s3, bucket, digest)
        assert http("PUT", f"/api/v1/blobs/{digest}", data).status == 201
        assert http("GET", f"/api/v1/blobs/{digest}").body == data
        assert f"blob {digest} goes on: " in (home / "serve.log").read_text()
    assert before >= 2
    assert parts(minio_s3, bucket, digest) == 0


def parts(server: S3Server, bucket: str, digest: str) -> int:
    """Of the blob's upload that is under way."""
    calls = S3Calls(S3Address.parse(server.url(bucket)))
    found = calls.find_upload(f"{digest[:2]}/{digest[2:4]}/{digest}")
    return len(found.parts) if found else 0


def test_other_bytes_than_were_announced_are_refused(http: HttpClient) -> None:
    with connected(http) as sock:
        sock.sendall(put(http, bytes(SIZE), "0" * 64) + bytes(SIZE))
        answered = answer(sock)
        assert answered.status == 422
        assert b"nothing was stored" in answered.read()


def test_without_the_token_no_body_is_read(http: HttpClient) -> None:
    with connected(http) as sock:
        sock.sendall(put(http, bytes(SIZE)).replace(http.token.encode(), b"x" * 40))
        assert answer(sock).status == 401


def test_many_bodies_at_once_keep_nobody_waiting(http: HttpClient) -> None:
    """More of them than the service has threads: a body that comes slowly holds none."""
    count = 40
    blobs = [os.urandom(100_000) for _ in range(count)]
    statuses: list[int] = []
    go_on = threading.Event()

    def upload(data: bytes) -> None:
        with connected(http) as sock:
            sock.sendall(put(http, data) + data[:50_000])
            begun.release()
            go_on.wait(60)
            sock.sendall(data[50_000:])
            statuses.append(answer(sock).status)

    begun = threading.Semaphore(0)
    threads = [threading.Thread(target=upload, args=(data,)) for data in blobs]
    for thread in threads:
        thread.start()
    for _ in range(count):
        assert begun.acquire(timeout=60)
    data = os.urandom(SIZE)
    assert http("PUT", f"/api/v1/blobs/{blake3(data).hexdigest()}", data).status == 201
    go_on.set()
    wait_for(lambda: len(statuses) == count, what="all uploads")
    assert set(statuses) == {201}
