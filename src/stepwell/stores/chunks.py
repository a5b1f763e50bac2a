"""Digests of a blob's 16 MiB chunks, kept beside it, so that one range of a large blob can be verified alone.

A blob of one chunk needs none: its own digest is the chunk's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from blake3 import blake3

from ..errors import BlobError

__all__ = ["CHUNK_BYTES", "ChunkDigests", "damaged", "verified_range", "verified_whole"]

CHUNK_BYTES = 16 << 20
_DIGEST_BYTES = 32


class ChunkDigests:
    """Fed with a blob's bytes in order."""

    def __init__(self) -> None:
        self._done: list[bytes] = []
        self._open = blake3()
        self._open_bytes = 0

    def update(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            part = view[: CHUNK_BYTES - self._open_bytes]
            self._open.update(part)
            self._open_bytes += len(part)
            view = view[len(part) :]
            if self._open_bytes == CHUNK_BYTES:
                self._close()

    def _close(self) -> None:
        self._done.append(self._open.digest())
        self._open, self._open_bytes = blake3(), 0

    def encoded(self, digest: str) -> bytes:
        """The digests, closed by one over them and the blob's own; empty for a blob of one chunk."""
        if self._open_bytes:
            self._close()
        if len(self._done) < 2:
            return b""
        body = b"".join(self._done)
        return body + blake3(body + bytes.fromhex(digest)).digest()


def damaged(digest: str, what: str) -> BlobError:
    return BlobError(f"blob {digest} is damaged: {what}. Restore it from a backup, or record it again.")


def _decoded(encoded: bytes, digest: str, size: int) -> list[bytes]:
    """Raises BlobError where it is not this blob's."""
    body, closing = encoded[:-_DIGEST_BYTES], encoded[-_DIGEST_BYTES:]
    if blake3(body + bytes.fromhex(digest)).digest() != closing or len(body) != -(-size // CHUNK_BYTES) * _DIGEST_BYTES:
        raise damaged(digest, "the digests of its chunks are not its own")
    return [body[at : at + _DIGEST_BYTES] for at in range(0, len(body), _DIGEST_BYTES)]


def verified_whole(pieces: Iterator[bytes], digest: str) -> Iterator[bytes]:
    """The last piece is held back until the digest is known to be right: no reader gets a damaged blob whole."""
    found = blake3()
    held = b""
    for piece in pieces:
        found.update(piece)
        if held:
            yield held
        held = piece
    if found.hexdigest() != digest:
        raise damaged(digest, f"what is stored has the digest {found.hexdigest()}")
    if held:
        yield held


def verified_range(
    digest: str,
    size: int,
    offset: int,
    length: int | None,
    *,
    digests: Callable[[], bytes],
    read: Callable[[int, int], bytes],
) -> Iterator[bytes]:
    """The bytes of a range, a chunk at a time, each chunk read whole and checked. read(offset, length)."""
    end = size if length is None else min(size, offset + length)
    if offset >= end:
        return
    expected = [bytes.fromhex(digest)] if size <= CHUNK_BYTES else _decoded(digests(), digest, size)
    for number in range(offset // CHUNK_BYTES, -(-end // CHUNK_BYTES)):
        start = number * CHUNK_BYTES
        chunk = read(start, min(CHUNK_BYTES, size - start))
        if blake3(chunk).digest() != expected[number]:
            raise damaged(digest, f"its bytes from {start} on are not what was stored")
        yield chunk[max(0, offset - start) : end - start]
