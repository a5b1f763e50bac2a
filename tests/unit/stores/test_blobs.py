"""Blobs on files: whole or not at all, under a digest that cannot lead anywhere else, checked when read."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from stepwell.errors import BlobError, NotFound
from stepwell.stores.blobs import BlobStore, check_digest, is_passing, open_blobs

DATA = bytes(range(256)) * 10_000  # more than two chunks
DIGEST = blake3(DATA).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(root: Path) -> BlobStore:
    return open_blobs(f"file://{root}")


def files_of(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def chunks(data: bytes, size: int = 100_000) -> Iterator[bytes]:
    for offset in range(0, len(data), size):
        yield data[offset : offset + size]


@pytest.mark.parametrize("data", [b"", b"x", DATA])
def test_a_blob_comes_back_as_it_was_put(blobs: BlobStore, root: Path, data: bytes) -> None:
    digest = blake3(data).hexdigest()
    assert not blobs.has(digest)
    for _ in range(2):  # putting it again is harmless
        blobs.put(chunks(data), digest, len(data))
    assert blobs.has(digest)
    assert blobs.size(digest) == len(data)
    assert b"".join(blobs.open(digest)) == data
    assert files_of(root) == [digest]
    stored = next(path for path in root.rglob(digest))
    assert stored.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 10), (5, 0), (1_048_570, 20), (2_559_990, 100), (3_000_000, 1), (7, None)]
)
def test_a_range_is_that_part_of_it(blobs: BlobStore, offset: int, length: int | None) -> None:
    blobs.put(chunks(DATA), DIGEST, len(DATA))
    assert b"".join(blobs.open(DIGEST, offset, length)) == DATA[offset : None if length is None else offset + length]


@pytest.mark.parametrize(
    ("data", "size", "message"),
    [
        (DATA[:-1], len(DATA), "of the .* announced"),
        (DATA, len(DATA) - 1, "more than"),
        (DATA[:-1] + b"!", len(DATA), "have the digest"),
    ],
)
def test_bytes_that_are_not_the_blob_leave_nothing(
    blobs: BlobStore, root: Path, data: bytes, size: int, message: str
) -> None:
    with pytest.raises(BlobError, match=message) as caught:
        blobs.put(chunks(data), DIGEST, size)
    assert not is_passing(caught.value)
    assert files_of(root) == []


def test_an_upload_that_breaks_off_leaves_nothing(blobs: BlobStore, root: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield DATA[:1000]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.put(broken(), DIGEST, len(DATA))
    assert files_of(root) == []


NAMES = ["", "../../etc/passwd", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "ab/" + "c" * 61, DIGEST + "\n", "\0" * 64]


@pytest.mark.parametrize("digest", NAMES)
def test_only_a_digest_is_a_name(blobs: BlobStore, digest: str) -> None:
    for use in (check_digest, blobs.has, blobs.size, blobs.open, blobs.delete, lambda d: blobs.put([b""], d, 0)):
        with pytest.raises(BlobError, match="blake3"):
            use(digest)


def test_a_blob_that_is_not_there_is_not_found(blobs: BlobStore) -> None:
    for use in (blobs.size, blobs.open):
        with pytest.raises(NotFound, match=DIGEST):
            use(DIGEST)
    blobs.delete(DIGEST)


@pytest.mark.parametrize("offset", [0, len(DATA) - 1])
def test_a_damaged_blob_never_comes_back_whole(blobs: BlobStore, root: Path, offset: int) -> None:
    blobs.put(chunks(DATA), DIGEST, len(DATA))
    with next(root.rglob(DIGEST)).open("r+b") as file:
        file.seek(offset)
        file.write(b"\xee")
    got: list[bytes] = []
    with pytest.raises(BlobError, match="damaged"):
        got.extend(blobs.open(DIGEST))
    assert sum(map(len, got)) < len(DATA)


def test_a_disk_that_fails_is_a_passing_fault(blobs: BlobStore, root: Path) -> None:
    (root / "tmp").rmdir()
    with pytest.raises(BlobError, match="could not be kept") as caught:
        blobs.put([DATA], DIGEST, len(DATA))
    assert is_passing(caught.value)
    with pytest.raises(BlobError):
        blobs.check()


def test_uploads_abandoned_long_ago_are_removed_at_start(root: Path, blobs: BlobStore) -> None:
    old, new = root / "tmp" / "old", root / "tmp" / "new"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 100_000,) * 2)
    open_blobs(f"file://{root}")
    assert files_of(root) == ["new"]


KILLED = """
import os, signal, sys
from blake3 import blake3
from stepwell.stores.blobs import open_blobs
data = b"y" * 5_000_000
writer = open_blobs(sys.argv[1]).writer(blake3(data).hexdigest(), len(data))
writer.write(data)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_before_commit_leaves_no_blob(root: Path, blobs: BlobStore) -> None:
    subprocess.run([sys.executable, "-c", KILLED, f"file://{root}"], check=False)
    digest = blake3(b"y" * 5_000_000).hexdigest()
    assert not blobs.has(digest)
    blobs.put([b"y" * 5_000_000], digest, 5_000_000)
    assert blobs.has(digest)


@pytest.mark.parametrize("url", ["", "file://relative", "/abs", "s3:///bucket"])
def test_an_address_that_is_none_is_said_so(url: str) -> None:
    with pytest.raises(BlobError):
        open_blobs(url)
