"""Every kind of blob store alike: whole or not at all, under a digest that leads nowhere else, checked when read.

Over files, MinIO and versitygw; what only one of them has is in test_blobs.py and test_s3_faults.py.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from stepwell.errors import BlobError, NotFound
from stepwell.stores.blobs import BlobStore, check_digest, is_passing, open_blobs
from stepwell.stores.chunks import CHUNK_BYTES

DATA = bytes(range(256)) * 10_000  # more than two pieces
DIGEST = blake3(DATA).hexdigest()
LARGE = random.Random(5).randbytes(2 * CHUNK_BYTES + 1_000_000)
LARGE_DIGEST = blake3(LARGE).hexdigest()


@pytest.fixture(scope="module", params=["files", "minio", "versitygw"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a store that later tests of the module find as earlier ones left it."""
    if request.param == "files":
        return f"file://{tmp_path_factory.mktemp('blobs')}"
    server = request.getfixturevalue("minio_s3" if request.param == "minio" else "versity_s3")
    return str(server.url(f"bucket-{uuid.uuid4().hex}"))


@pytest.fixture
def blobs(address: str) -> BlobStore:
    store = open_blobs(address)
    store.prepare()
    store.prepare()  # again is harmless
    return store


@pytest.fixture
def spoil(request: pytest.FixtureRequest, address: str) -> Callable[[str, int], None]:
    """Changes one byte of an object where it lies."""

    def change(name: str, offset: int) -> None:
        if address.startswith("file://"):
            (path,) = Path(address.removeprefix("file://")).rglob(name)
            with path.open("r+b") as file:
                file.seek(offset)
                old = file.read(1)
                file.seek(offset)
                file.write(bytes([old[0] ^ 1]))
            return
        bucket = address.removeprefix("s3://").partition("?")[0]
        for server in ("minio_s3", "versity_s3"):
            client = request.getfixturevalue(server).client()
            if client.bucket_exists(bucket):
                key = f"{name[:2]}/{name[2:4]}/{name}"
                data = bytearray(client.get_object(bucket, key).read())
                data[offset] ^= 1
                client._put_object(bucket, key, bytes(data))

    return change


def chunks(data: bytes, size: int = 100_000) -> Iterator[bytes]:
    for offset in range(0, len(data), size):
        yield data[offset : offset + size]


@pytest.mark.parametrize("data", [b"", b"x", DATA, LARGE], ids=["empty", "one byte", "small", "large"])
def test_a_blob_comes_back_as_it_was_put(blobs: BlobStore, data: bytes) -> None:
    digest = blake3(data).hexdigest()
    assert not blobs.has(digest)
    for _ in range(2):  # putting it again is harmless
        blobs.put(chunks(data), digest, len(data))
    assert blobs.has(digest)
    assert blobs.size(digest) == len(data)
    assert b"".join(blobs.open(digest)) == data


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 10), (5, 0), (1_048_570, 20), (2_559_990, 100), (3_000_000, 1), (7, None)]
)
def test_a_range_is_that_part_of_it(blobs: BlobStore, offset: int, length: int | None) -> None:
    blobs.put(chunks(DATA), DIGEST, len(DATA))
    assert b"".join(blobs.open(DIGEST, offset, length)) == DATA[offset : None if length is None else offset + length]


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 10), (CHUNK_BYTES - 5, 10), (CHUNK_BYTES, CHUNK_BYTES), (2 * CHUNK_BYTES + 7, None)]
)
def test_a_range_of_a_large_blob_is_that_part_of_it(blobs: BlobStore, offset: int, length: int | None) -> None:
    if not blobs.has(LARGE_DIGEST):
        blobs.put(chunks(LARGE), LARGE_DIGEST, len(LARGE))
    assert (
        b"".join(blobs.open(LARGE_DIGEST, offset, length)) == LARGE[offset:][: len(LARGE) if length is None else length]
    )


def other_than(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("size", [1000, CHUNK_BYTES + 1000], ids=["small", "large"])
def test_bytes_that_are_not_the_blob_leave_nothing(blobs: BlobStore, size: int) -> None:
    data = random.Random(size).randbytes(size)
    digest = blake3(data).hexdigest()
    for wrong, announced, message in (
        (data[:-1], size, "of the .* announced"),
        (data, size - 1, "more than"),
        (other_than(data), size, "have the digest"),
    ):
        with pytest.raises(BlobError, match=message) as caught:
            blobs.put(chunks(wrong), digest, announced)
        assert not is_passing(caught.value)
        assert not blobs.has(digest)
    blobs.put(chunks(data), digest, size)
    assert b"".join(blobs.open(digest)) == data


@pytest.mark.parametrize("cut", [1000, CHUNK_BYTES + 1000], ids=["in the first part", "in the second"])
def test_an_upload_that_breaks_off_shows_nothing_and_may_be_made_again(blobs: BlobStore, cut: int) -> None:
    data = random.Random(cut).randbytes(CHUNK_BYTES + 5000)
    digest = blake3(data).hexdigest()

    def broken() -> Iterator[bytes]:
        yield data[:cut]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.put(broken(), digest, len(data))
    assert not blobs.has(digest)
    blobs.put(chunks(data), digest, len(data))
    assert b"".join(blobs.open(digest)) == data


@pytest.mark.parametrize("offset", [0, 555_555])
def test_a_damaged_blob_never_comes_back_whole(
    blobs: BlobStore, spoil: Callable[[str, int], None], offset: int
) -> None:
    data = random.Random(offset).randbytes(2_000_000)
    digest = blake3(data).hexdigest()
    blobs.put(chunks(data), digest, len(data))
    spoil(digest, offset)
    got: list[bytes] = []
    with pytest.raises(BlobError, match="damaged"):
        got.extend(blobs.open(digest))
    assert sum(map(len, got)) < len(data)
    with pytest.raises(BlobError, match="damaged"):
        list(blobs.open(digest, 100, 100))


def test_a_damaged_chunk_spoils_its_own_ranges_and_no_other(
    blobs: BlobStore, spoil: Callable[[str, int], None]
) -> None:
    data = random.Random(9).randbytes(2 * CHUNK_BYTES + 100)
    digest = blake3(data).hexdigest()
    blobs.put(chunks(data), digest, len(data))
    spoil(digest, CHUNK_BYTES + 5)
    assert b"".join(blobs.open(digest, 3, 10)) == data[3:13]
    assert b"".join(blobs.open(digest, 2 * CHUNK_BYTES, 10)) == data[2 * CHUNK_BYTES :][:10]
    with pytest.raises(BlobError, match=f"from {CHUNK_BYTES} on"):
        list(blobs.open(digest, CHUNK_BYTES + 100, 10))
    spoil(f"{digest}.chunks", 3)
    with pytest.raises(BlobError, match="digests of its chunks"):
        list(blobs.open(digest, 3, 10))


NAMES = ["", "../../etc/passwd", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "ab/" + "c" * 61, DIGEST + "\n", "\0" * 64]


@pytest.mark.parametrize("digest", NAMES)
def test_only_a_digest_is_a_name(blobs: BlobStore, digest: str) -> None:
    for use in (check_digest, blobs.has, blobs.size, blobs.open, blobs.delete, lambda d: blobs.put([b""], d, 0)):
        with pytest.raises(BlobError, match="blake3"):
            use(digest)


def test_a_blob_that_is_not_there_is_not_found(blobs: BlobStore) -> None:
    missing = blake3(b"never put").hexdigest()
    for use in (blobs.size, blobs.open):
        with pytest.raises(NotFound, match=missing):
            use(missing)
    blobs.delete(missing)


def test_a_deleted_blob_is_gone_and_may_come_back(blobs: BlobStore) -> None:
    data = b"back again"
    digest = blake3(data).hexdigest()
    for _ in range(2):
        blobs.put([data], digest, len(data))
        blobs.check()
        blobs.delete(digest)
        assert not blobs.has(digest)


def test_no_address_shows_its_keys(blobs: BlobStore) -> None:
    for shown in (repr(blobs), blobs.where):
        assert "s3cret" not in shown
        assert "access_key" not in shown
