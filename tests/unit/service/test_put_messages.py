"""Messages of an upload, read and written by hand, are what protobuf's own code reads and writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell import put_messages
from stepwell.v1 import blob_pb2


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 1 << 20, (2 << 20) + 1])
def test_a_chunk_is_written_and_read_as_protobuf_does(size: int) -> None:
    chunk = bytes(range(256)) * (size // 256) + bytes(size % 256)
    message = put_messages.of_chunk(chunk)
    assert message == blob_pb2.PutRequest(chunk=chunk).SerializeToString()
    assert put_messages.read(message) == chunk


def test_a_header_comes_back() -> None:
    assert put_messages.read(put_messages.of_header("ab", 7)) == blob_pb2.PutHeader(digest="ab", size=7)


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\x12" + tail))
def test_of_whatever_else_comes_protobuf_decides(message: bytes) -> None:
    try:
        request = blob_pb2.PutRequest.FromString(message)
    except Exception:  # noqa: BLE001 - its own kind of error differs with its implementation
        with pytest.raises(ValueError, match="cannot be read"):
            put_messages.read(message)
        return
    body = request.WhichOneof("body")
    assert put_messages.read(message) == (getattr(request, body) if body else None)
