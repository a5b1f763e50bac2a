"""Blobs on files: what they leave on the disk. What every kind of store does is in test_blob_stores.py."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from blake3 import blake3

from stepwell.errors import BlobError
from stepwell.stores.blobs import BlobStore, is_passing, open_blobs
from stepwell.stores.chunks import CHUNK_BYTES

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


def test_a_blob_is_one_private_file_and_its_chunks_another(blobs: BlobStore, root: Path) -> None:
    blobs.put([DATA], DIGEST, len(DATA))
    assert files_of(root) == [DIGEST]
    assert next(root.rglob(DIGEST)).stat().st_mode & 0o077 == 0
    large = bytes(CHUNK_BYTES + 1)
    digest = blake3(large).hexdigest()
    blobs.put([large], digest, len(large))
    assert files_of(root) == sorted([DIGEST, digest, f"{digest}.chunks"])
    next(root.rglob(f"{digest}.chunks")).unlink()  # as a version left it that kept none
    assert b"".join(blobs.open(digest, CHUNK_BYTES - 1, 2)) == b"\0\0"
    blobs.delete(digest)
    assert files_of(root) == [DIGEST]


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", DATA[:-1] + b"!"])
def test_bytes_that_are_not_the_blob_leave_no_file(blobs: BlobStore, root: Path, data: bytes) -> None:
    with pytest.raises(BlobError):
        blobs.put([data], DIGEST, len(DATA))
    assert files_of(root) == []


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


@pytest.mark.parametrize("url", ["", "file://relative", "/abs", "s3:///bucket", "s3://Bucket", "s3://b/x"])
def test_an_address_that_is_none_is_said_so(url: str) -> None:
    with pytest.raises(BlobError):
        open_blobs(url)
