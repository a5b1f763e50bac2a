"""Blobs in a bucket of MinIO, AWS or any other S3: `ab/cd/<digest>`, written whole or not at all, checked when read."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

from blake3 import blake3

from ..errors import BlobError, NotFound
from ..killpoints import killpoint
from .blobs import BlobEntry, BlobWriter, Leftover, check_digest, is_digest, put_all, wrong_bytes
from .chunks import ChunkDigests, damaged, verified_range, verified_whole
from .direct import INCOMING, DirectBlobs, DirectUpload
from .s3_address import S3Address
from .s3_calls import S3Calls, Upload
from .s3_checksums import Stored, checksum_of

__all__ = ["S3Blobs"]

log = logging.getLogger("stepwell.stores")

_PARTS_MAX = 10_000  # of one upload, by the protocol
_PART_BYTES = 8 << 20  # at least; more where a blob would need too many
_FLYING_MAX = 3  # parts of one upload on their way, beside the one being filled: 32 MiB in all
_THREADS = 4
_READ_BYTES = 1 << 20
_OWNERS = "owners/"
_FRESH_S = 600.0  # what was stored or claimed so lately needs no stamp: no gc has a shorter grace time
_GOING_S = 600.0  # a collect ends long before; a mark that is older was left by a dead one


class S3Blobs:
    """Thread-safe. The bucket is made by `prepare`, nowhere else."""

    def __init__(self, url: str) -> None:
        self._address = S3Address.parse(url)
        self._calls = S3Calls(self._address)
        self._direct = DirectBlobs(self._calls, self._address.prefix)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="stepwell-s3")

    def __repr__(self) -> str:
        return f"S3Blobs({self.where!r})"

    @property
    def where(self) -> str:
        return self._address.where

    def prepare(self) -> None:
        if self._calls.make_bucket():
            log.info("made the bucket of %s", self.where)

    def has(self, digest: str) -> bool:
        return self._calls.size(self._key(digest)) is not None

    def size(self, digest: str) -> int:
        size = self._calls.size(self._key(digest))
        if size is None:
            raise NotFound(f"the store has no blob {digest}")
        return size

    def writer(self, digest: str, size: int) -> BlobWriter:
        key = self._key(digest)
        return _S3Writer(self._calls, self._threads, key, digest, size)

    def begin_direct(self, digest: str, size: int, first: int, expires_s: int) -> DirectUpload:
        return self._direct.begin(
            digest, self._key(digest), size, part_bytes=_part_bytes(size), first=first, expires_s=expires_s
        )

    def end_direct(self, digest: str, size: int) -> None:
        key = self._key(digest)
        self._direct.end(digest, key, _chunks_key(key), size)

    def put(self, stream: Iterable[bytes], digest: str, size: int) -> None:
        put_all(self.writer(digest, size), stream)

    def open(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        key, size = self._key(digest), self.size(digest)
        if offset == 0 and (length is None or length >= size):
            return verified_whole(self._calls.get(key, 0, size, _READ_BYTES), digest)
        return verified_range(
            digest,
            size,
            offset,
            length,
            digests=lambda: self._chunk_digests(digest),
            read=lambda at, count: b"".join(self._calls.get(key, at, count, _READ_BYTES)),
        )

    def delete(self, digest: str) -> None:
        key = self._key(digest)
        self._calls.remove(key)
        self._calls.remove(_chunks_key(key))

    def claim(self, digest: str) -> int | None:
        key = self._key(digest)
        held = self._calls.look(key)
        if held is None:
            return None
        if time.time() - held.modified > _FRESH_S:
            self._calls.put(_used_key(key), b"")
        # After our stamp: either a collect sees that, or we its mark.
        if any(time.time() - going.modified < _GOING_S for going in self._calls.list(_going_key(key))):
            return None
        return held.size

    def collect(self, digest: str, before: float) -> bool:
        key, began = self._key(digest), time.monotonic()
        if not self._collectable(key, before):
            return False
        mark = f"{_going_key(key)}-{secrets.token_hex(8)}"  # of its own: another collect must not take it away
        self._calls.put(mark, b"")
        killpoint("gc.marked")
        # Again, now that a claim sees the mark. One that was stopped for so long that claims no longer heed the mark
        # removes nothing.
        gone = self._collectable(key, before) and time.monotonic() - began < _GOING_S / 2
        if gone:
            self._calls.remove(key)
            killpoint("gc.removed")
            self._calls.remove(_used_key(key))
        # The digests of its chunks are left to a later gc: an upload of the same blob may be writing its own now.
        self._calls.remove(mark)
        return gone

    def _collectable(self, key: str, before: float) -> bool:
        held = self._calls.look(key)
        if held is None:
            self._collect_left(key, before)
            return False
        used = self._calls.look(_used_key(key))
        return max(held.modified, used.modified if used else 0.0) < before

    def _collect_left(self, key: str, before: float) -> None:
        for left in list(self._calls.list(f"{key}.")):
            if left.modified < before:
                self._calls.remove(left.key)

    def entries(self) -> Iterator[BlobEntry]:
        prefix = self._address.prefix
        kept = (found for found in self._calls.list(prefix) if not found.key.startswith(f"{prefix}{INCOMING}"))
        by_digest = groupby(kept, lambda found: found.key.rpartition("/")[2][:64])
        for digest, found in by_digest:
            if not is_digest(digest):
                continue
            each = list(found)
            whole = next((one for one in each if one.key.endswith(digest)), None)
            size = whole.size if whole else sum(one.size for one in each)
            yield BlobEntry(digest, size, max(one.modified for one in each), whole=whole is not None)

    def leftovers(self, before: float, *, remove: bool) -> Iterator[Leftover]:
        prefix = self._address.prefix
        for found in self._calls.list(f"{prefix}{INCOMING}"):
            if found.modified < before and is_digest(found.key.rpartition("/")[2]):
                if remove:
                    self._calls.remove(found.key)
                yield Leftover(found.key, found.size, found.modified)
        for begun in self._calls.uploads(prefix):
            if begun.moved < before and self._is_own(begun.key):
                if remove:
                    self._calls.drop_upload(begun.key, begun.upload)
                yield Leftover(begun.key, begun.size, begun.moved)

    def _is_own(self, key: str) -> bool:
        """Whether an upload of this key was begun here: others may keep things in the same bucket."""
        digest = key.rpartition("/")[2]
        return is_digest(digest) and key in (self._key(digest), f"{self._address.prefix}{INCOMING}{digest}")

    def register(self, owner: str) -> None:
        key = f"{self._address.prefix}{_OWNERS}{owner}"
        if self._calls.look(key) is None:
            self._calls.put(key, b"")

    def owners(self) -> set[str]:
        return {found.key.rpartition("/")[2] for found in self._calls.list(f"{self._address.prefix}{_OWNERS}")}

    def check(self) -> None:
        self._calls.check(f"{self._address.prefix}{INCOMING}")

    def _chunk_digests(self, digest: str) -> bytes:
        key = _chunks_key(self._key(digest))
        size = self._calls.size(key)
        if size is None:
            raise damaged(digest, "the digests of its chunks are missing")
        return b"".join(self._calls.get(key, 0, size, _READ_BYTES))

    def _key(self, digest: str) -> str:
        check_digest(digest)
        return f"{self._address.prefix}{digest[:2]}/{digest[2:4]}/{digest}"


def _part_bytes(size: int) -> int:
    return _PART_BYTES * max(1, -(-size // (_PART_BYTES * _PARTS_MAX)))


def _used_key(key: str) -> str:
    return f"{key}.used"


def _going_key(key: str) -> str:
    return f"{key}.going"


def _chunks_key(key: str) -> str:
    return f"{key}.chunks"


class _S3Writer:
    """Up to one part it is one put at `commit`. Beyond, a multipart upload, visible only once it is completed.

    What a broken upload has sent stays in the bucket, unseen; the next upload of the same blob goes on from there,
    whichever process makes it: a part is sent again only where its MD5 differs.
    """

    def __init__(self, calls: S3Calls, threads: ThreadPoolExecutor, key: str, digest: str, size: int) -> None:
        self._calls, self._threads = calls, threads
        self._key, self._digest, self._size = key, digest, size
        self._hash, self._chunks = blake3(), ChunkDigests()
        self._written = 0
        self._part_bytes = min(_part_bytes(size), size)
        # Filled again and again: parts that come and go would leave the heap of every thread in pieces.
        self._free: list[bytearray] = []
        self._filling: bytearray | None = None
        self._filled = 0
        self._flying: deque[tuple[int, Future[Stored], bytearray]] = deque()
        self._parts: dict[int, Stored] = {}
        self._upload: Upload | None = None
        self._number = 0

    def write(self, chunk: bytes | memoryview) -> None:
        self._written += len(chunk)
        if self._written > self._size:
            raise wrong_bytes(self._digest, f"more than the {self._size} bytes announced")
        self._hash.update(chunk)
        self._chunks.update(chunk)
        view = memoryview(chunk)
        while view:
            if self._filling is None:
                self._filling, self._filled = self._free.pop() if self._free else bytearray(self._part_bytes), 0
            taken = view[: self._part_bytes - self._filled]
            self._filling[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            view = view[len(taken) :]
            if self._filled == self._part_bytes and self._size > self._part_bytes:
                self._send(self._filling)

    def commit(self) -> None:
        if self._written != self._size:
            raise wrong_bytes(self._digest, f"{self._written} bytes came of the {self._size} announced")
        found = self._hash.hexdigest()
        if found != self._digest:
            self._drop()
            raise wrong_bytes(self._digest, f"the bytes that came have the digest {found}")
        if self._upload is None:
            self._calls.put(self._key, self._filling or b"")
            return
        try:
            self._end(self._upload)
        except BlobError:
            # Ended by another who sends the same, or by our own call whose answer was lost.
            if self._calls.size(self._key) != self._size:
                raise

    def _end(self, upload: Upload) -> None:
        if self._filling is not None:
            self._send(self._filling[: self._filled])
        while self._flying:
            self._land()
        encoded = self._chunks.encoded(self._digest)
        if encoded:  # before the blob: where that is seen, these are there
            self._calls.put(_chunks_key(self._key), encoded)
        self._calls.end_upload(self._key, upload, self._parts)

    def abort(self) -> None:
        """Leaves nothing to be seen. Parts that arrived stay for the next try."""
        self._filling = None
        while self._flying:
            _, sent, _ = self._flying.popleft()
            sent.cancel()

    def _send(self, data: bytearray) -> None:
        if self._upload is None:
            self._upload = self._calls.find_upload(self._key) or self._calls.begin_upload(self._key, checked=True)
            if self._upload.parts:
                log.info("an upload of blob %s goes on: %d parts are there", self._digest, len(self._upload.parts))
        self._number += 1
        self._filling = None
        there = self._upload.parts.get(self._number)
        if there and there[1] == len(data) and there[0] == hashlib.md5(data, usedforsecurity=False).hexdigest():
            self._parts[self._number] = Stored(there[0], checksum_of(data) if self._upload.checked else "")
            self._free.append(data)
            return
        while len(self._flying) >= _FLYING_MAX:
            self._land()
        sent = self._threads.submit(self._calls.put_part, self._key, self._upload, self._number, data)
        self._flying.append((self._number, sent, data))

    def _land(self) -> None:
        number, sent, data = self._flying.popleft()
        self._parts[number] = sent.result()
        self._free.append(data)

    def _drop(self) -> None:
        self.abort()
        if self._upload is not None:
            try:
                self._calls.drop_upload(self._key, self._upload)
            except BlobError as error:
                log.warning("parts of a refused blob stay in the bucket: %s", error)
