"""Blobs over a real channel."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import grpc
import pytest
from blake3 import blake3

from http_client import HttpClient
from serving import Service
from stepwell.ids import run_uuid
from stepwell.v1 import blob_pb2 as pb
from stepwell.v1 import blob_pb2_grpc
from stream_client import credentials


@pytest.fixture
def stub(service: Service) -> Iterator[blob_pb2_grpc.BlobsStub]:
    with grpc.insecure_channel(credentials(service.home)[0]) as channel:
        yield blob_pb2_grpc.BlobsStub(channel)


@pytest.fixture
def metadata(service: Service) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {credentials(service.home)[1]}")]


def upload(data: bytes, digest: str, size: int | None = None) -> Iterator[pb.PutRequest]:
    yield pb.PutRequest(header=pb.PutHeader(digest=digest, size=len(data) if size is None else size))
    for offset in range(0, len(data), 100_000):
        yield pb.PutRequest(chunk=data[offset : offset + 100_000])


def commit_of(digest: str, size: int, **changes: object) -> pb.CommitRequest:
    fields = {
        "run": run_uuid("project", "blobs").bytes, "writer": 2**64 - 1, "row_seq": 1, "version": 1, "step": 3,
        "time_ms": 1_767_225_600_000, "kind": "checkpoint", "name": "last", "project": "project", "id": "blobs",
        "files": [pb.ArtifactFile(path="w.bin", digest=digest, size=size)], **changes,
    }  # fmt: skip
    return pb.CommitRequest(**fields)


def test_a_blob_is_asked_for_sent_and_committed(
    stub: blob_pb2_grpc.BlobsStub, metadata: list[tuple[str, str]], http: HttpClient
) -> None:
    data = uuid.uuid4().bytes * 50_000
    digest = blake3(data).hexdigest()
    assert list(stub.Have(pb.HaveRequest(digests=[digest]), metadata=metadata).held) == []
    with pytest.raises(grpc.RpcError) as early:
        stub.Commit(commit_of(digest, len(data)), metadata=metadata)
    assert early.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    for _ in range(2):
        assert stub.Put(upload(data, digest), metadata=metadata).size == len(data)
    assert list(stub.Have(pb.HaveRequest(digests=[digest]), metadata=metadata).held) == [digest]
    stub.Commit(commit_of(digest, len(data)), metadata=metadata)
    assert http("GET", f"/api/v1/blobs/{digest}").body == data


ZERO = "0" * 64


@pytest.mark.parametrize(
    "requests",
    [
        lambda: upload(b"not these", ZERO),
        lambda: upload(b"longer than said", ZERO, 3),
        lambda: upload(b"shorter", ZERO, 100),
        lambda: upload(b"x", "../../etc/passwd"),
        lambda: iter([pb.PutRequest(chunk=b"no header")]),
        lambda: iter([pb.PutRequest(header=pb.PutHeader(digest=ZERO, size=1))] * 2),
        lambda: iter([]),
        lambda: iter([pb.PutRequest()]),
    ],
    ids=["digest", "long", "short", "path", "no header", "two headers", "nothing", "empty"],
)
def test_an_upload_that_is_not_right_is_refused(stub, metadata, requests) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(grpc.RpcError) as caught:
        stub.Put(requests(), metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details()
    assert list(stub.Have(pb.HaveRequest(digests=[ZERO]), metadata=metadata).held) == []


@pytest.mark.parametrize("token", ["", "Bearer wrong-wrong-wrong-wrong"])
def test_without_the_token_nothing_is_answered(stub: blob_pb2_grpc.BlobsStub, token: str) -> None:
    sent = [("authorization", token)] if token else []
    for call in (
        lambda: stub.Have(pb.HaveRequest(digests=[ZERO]), metadata=sent),
        lambda: stub.Put(upload(b"x", ZERO), metadata=sent),
        lambda: stub.Commit(commit_of(ZERO, 1), metadata=sent),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_commit_for_another_run_than_it_names_is_refused(
    stub: blob_pb2_grpc.BlobsStub, metadata: list[tuple[str, str]]
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Commit(commit_of(ZERO, 1, run=b"\1" * 16), metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
