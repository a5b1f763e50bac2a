"""Blobs that agents put into a bucket themselves, by presigned addresses, and that are believed only once read back.

The parts go to `tmp/DIGEST`, which no reader looks at. Joined there, they are read once, hashed, and copied to the
blob's own key by the S3 server. Whoever has addresses can add parts to that one upload and nothing else, and none
once it is joined: what was verified is what is copied. All state is in the bucket, so any service can go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from blake3 import blake3

from ..errors import NotFound
from ..killpoints import killpoint
from .blobs import wrong_bytes
from .chunks import ChunkDigests
from .s3_calls import S3Calls
from .s3_checksums import Stored

__all__ = ["INCOMING", "DirectBlobs", "DirectUpload"]

INCOMING = "tmp/"
"""Where parts are joined. What was given up there goes with gc."""

_ADDRESSES_MAX = 64  # in one answer: 512 MiB of parts
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class DirectUpload:
    """there: of the parts that have come, (MD5, size) by number. addresses: by number, of some that may be put."""

    held: bool = False
    whole: bool = False
    part_bytes: int = 0
    there: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    addresses: Mapping[int, str] = field(default_factory=dict)


class DirectBlobs:
    """Thread-safe. Every call raises BlobError, `passing` where the bucket cannot be used now."""

    def __init__(self, calls: S3Calls, prefix: str) -> None:
        self._calls, self._prefix = calls, prefix

    def begin(self, digest: str, key: str, size: int, *, part_bytes: int, first: int, expires_s: int) -> DirectUpload:
        """Goes on with the upload that somebody has begun, or begins one. key: where the blob is to be."""
        if self._calls.size(key) is not None:
            return DirectUpload(held=True)
        incoming = self._incoming(digest)
        joined = self._calls.size(incoming)
        if joined == size:
            return DirectUpload(whole=True)
        if joined is not None:
            self._calls.remove(incoming)
        upload = self._calls.find_upload(incoming) or self._calls.begin_upload(incoming)
        last = -(-size // part_bytes)
        numbers = range(max(1, first), min(last, max(1, first) + _ADDRESSES_MAX - 1) + 1)
        addresses = {number: self._calls.part_address(incoming, upload, number, expires_s) for number in numbers}
        return DirectUpload(part_bytes=part_bytes, there=upload.parts, addresses=addresses)

    def end(self, digest: str, key: str, chunks_key: str, size: int) -> None:
        """Joins the parts, reads what they are, and makes it the blob if it is. Raises BlobError where it is not."""
        incoming = self._incoming(digest)
        if self._calls.size(key) is not None:
            return
        if self._calls.size(incoming) != size:
            self._join(incoming, digest, size)
        killpoint("service.joined")
        encoded = self._verified(incoming, digest, size)
        killpoint("service.verified")
        if encoded:  # before the blob: where that is seen, these are there
            self._calls.put(chunks_key, encoded)
        self._calls.copy(incoming, key)
        self._calls.remove(incoming)

    def _join(self, incoming: str, digest: str, size: int) -> None:
        upload = self._calls.find_upload(incoming)
        came = sum(part for _, part in upload.parts.values()) if upload else 0
        if upload is None or came != size:
            if upload is not None and came > size:
                self._calls.drop_upload(incoming, upload)
            error = wrong_bytes(digest, f"{came} bytes have come of the {size} announced")
            error.passing = True  # the rest may come, or all of it once more
            raise error
        self._calls.end_upload(incoming, upload, {number: Stored(tag) for number, (tag, _) in upload.parts.items()})

    def _verified(self, incoming: str, digest: str, size: int) -> bytes:
        """The digests of its chunks."""
        found, chunks = blake3(), ChunkDigests()
        try:
            for piece in self._calls.get(incoming, 0, size, _READ_BYTES):
                found.update(piece)
                chunks.update(piece)
        except NotFound:
            error = wrong_bytes(digest, "what was put into the store was removed while it was read")
            error.passing = True  # its sender begins anew
            raise error from None
        if found.hexdigest() != digest:
            self._calls.remove(incoming)
            raise wrong_bytes(digest, f"what was put into the store has the digest {found.hexdigest()}")
        return chunks.encoded(digest)

    def _incoming(self, digest: str) -> str:
        return f"{self._prefix}{INCOMING}{digest}"
