"""The messages of `Blobs.Put` as bytes: a chunk goes in with one copy and comes out with none.

Protobuf's own code copies it three times on the way in and twice on the way out. The wire is that of blob.proto either
way. Called by the agent (of) and the service (read).
"""

from __future__ import annotations

from .v1 import blob_pb2

__all__ = ["PUT", "SERVICE", "of_chunk", "of_header", "read"]

SERVICE, PUT = "stepwell.v1.Blobs", "Put"
_CHUNK_TAG = b"\x12"  # PutRequest.chunk: field 2, of a length


def of_header(digest: str, size: int) -> bytes:
    return bytes(blob_pb2.PutRequest(header=blob_pb2.PutHeader(digest=digest, size=size)).SerializeToString())


def of_chunk(chunk: bytes) -> bytes:
    length, digits = len(chunk), bytearray()
    while length > 0x7F:
        digits.append(length & 0x7F | 0x80)
        length >>= 7
    digits.append(length)
    return b"".join((_CHUNK_TAG, digits, chunk))


def read(message: bytes) -> blob_pb2.PutHeader | memoryview | None:
    """The header, a chunk (a view of the message), or None of what is neither. Raises ValueError of what is none."""
    if message[:1] == _CHUNK_TAG:
        length = 0
        for at, digit in enumerate(message[1:6]):
            length |= (digit & 0x7F) << 7 * at
            if digit <= 0x7F:
                if length == len(message) - at - 2:
                    return memoryview(message)[at + 2 :]
                break
    return _as_protobuf(message)


def _as_protobuf(message: bytes) -> blob_pb2.PutHeader | memoryview | None:
    """However else it may be written."""
    from google.protobuf.message import DecodeError

    try:
        request = blob_pb2.PutRequest.FromString(message)
    except DecodeError as error:
        raise ValueError(f"a message of an upload cannot be read: {error}") from None
    body = request.WhichOneof("body")
    if body == "header":
        return request.header
    return memoryview(request.chunk) if body == "chunk" else None
