"""Claiming and collecting blobs, over files, MinIO and versitygw: what is claimed stays, whoever collects."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from blake3 import blake3

from components.s3_servers import S3Server
from stepwell.errors import BlobError
from stepwell.stores.blobs import BlobStore, BlobWriter, is_passing, open_blobs
from stepwell.stores.direct import INCOMING
from stepwell.stores.s3_address import S3Address
from stepwell.stores.s3_calls import S3Calls

LATER = 10 * 86_400.0  # from now: everything is old by then, also where no time can be set back


@pytest.fixture(scope="module", params=["files", "minio", "versitygw"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "files":
        return f"file://{tmp_path_factory.mktemp('blobs')}"
    server = request.getfixturevalue("minio_s3" if request.param == "minio" else "versity_s3")
    return str(server.url(f"bucket-{uuid.uuid4().hex}/below"))


@pytest.fixture
def blobs(address: str) -> BlobStore:
    store = open_blobs(address)
    store.prepare()
    return store


@pytest.fixture
def blob(blobs: BlobStore) -> str:
    return put(blobs, 1000)


def put(blobs: BlobStore, size: int) -> str:
    data = random.randbytes(size)
    digest = blake3(data).hexdigest()
    blobs.put([data], digest, size)
    return digest


def of(blobs: BlobStore, digest: str) -> list[tuple[int, bool]]:
    return [(entry.size, entry.whole) for entry in blobs.entries() if entry.digest == digest]


def test_a_claim_gives_the_size_and_stamps_the_blob(blobs: BlobStore, blob: str) -> None:
    assert blobs.claim(blob) == 1000
    [entry] = [entry for entry in blobs.entries() if entry.digest == blob]
    assert abs(entry.used - time.time()) < 600
    assert blobs.claim(blake3(b"never put").hexdigest()) is None


def test_an_old_blob_goes_and_a_young_one_stays(blobs: BlobStore, blob: str) -> None:
    assert not blobs.collect(blob, time.time() - 60)
    assert blobs.has(blob)
    assert of(blobs, blob) == [(1000, True)]
    assert blobs.collect(blob, time.time() + LATER)
    assert not blobs.has(blob)
    assert blobs.claim(blob) is None
    assert of(blobs, blob) == []
    assert not blobs.collect(blob, time.time() + LATER), "again is harmless"


def test_the_digests_of_chunks_go_with_a_later_collect(blobs: BlobStore) -> None:
    large = put(blobs, (16 << 20) + 5)
    assert blobs.collect(large, time.time() + LATER)
    assert [whole for _, whole in of(blobs, large)] == [False]
    blobs.collect(large, time.time() + LATER)
    assert of(blobs, large) == []


def test_a_blob_that_comes_back_is_like_new(blobs: BlobStore) -> None:
    data = b"back again"
    digest = blake3(data).hexdigest()
    for _ in range(2):
        blobs.put([data], digest, len(data))
        assert blobs.claim(digest) == len(data)
        assert blobs.collect(digest, time.time() + LATER)


def test_what_an_agent_puts_into_a_bucket_itself_is_no_blob_yet(minio_s3: S3Server) -> None:
    url = minio_s3.url(f"bucket-{uuid.uuid4().hex}")
    blobs = open_blobs(url)
    blobs.prepare()
    blob = put(blobs, 1000)
    address = S3Address.parse(url)
    S3Calls(address).put(f"{address.prefix}{INCOMING}{blake3(b'on its way').hexdigest()}", b"a part")
    assert [entry.digest for entry in blobs.entries()] == [blob]


def test_owners_are_told_apart(blobs: BlobStore) -> None:
    before = blobs.owners()
    blobs.register("a")
    blobs.register("b")
    blobs.register("a")
    assert blobs.owners() - before == {"a", "b"}
    assert all(entry.digest not in ("a", "b") for entry in blobs.entries())


# --- what uploads leave that nobody ends

LARGE = random.Random(3).randbytes((16 << 20) + 5)
LARGE_DIGEST = blake3(LARGE).hexdigest()


def broken_off(blobs: BlobStore, digest: str = LARGE_DIGEST) -> BlobWriter:
    """An upload whose process was killed when it had sent two parts of three."""
    writer = blobs.writer(digest, len(LARGE))
    writer.write(LARGE)
    while getattr(writer, "_flying", ()):
        writer._land()  # type: ignore[attr-defined]
    return writer


def left_in(blobs: BlobStore, *, remove: bool = False, before: float | None = None) -> list[tuple[str, int]]:
    before = time.time() + LATER if before is None else before
    return [(left.name.rpartition("tmp/")[1], left.size) for left in blobs.leftovers(before, remove=remove)]


def test_what_a_killed_upload_left_goes_once_it_is_old(blobs: BlobStore, address: str, blob: str) -> None:
    broken_off(blobs)
    # On files the whole of it; on S3 the parts that were full.
    size = len(LARGE) if address.startswith("file") else 16 << 20
    place = "tmp/" if address.startswith("file") else ""
    assert left_in(blobs, before=time.time() - 60) == [], "it is going on"
    assert left_in(blobs) == [(place, size)]
    assert left_in(blobs) == [(place, size)], "a look changes nothing"
    assert left_in(blobs, remove=True) == [(place, size)]
    assert left_in(blobs) == []
    assert blobs.has(blob)
    blobs.put([LARGE], LARGE_DIGEST, len(LARGE))
    assert blobs.collect(LARGE_DIGEST, time.time() + LATER)


def test_an_upload_that_goes_on_when_it_is_removed_is_told_so_and_begins_anew(blobs: BlobStore) -> None:
    writer = broken_off(blobs)
    assert left_in(blobs, remove=True)
    with pytest.raises(BlobError) as caught:
        writer.commit()
    assert is_passing(caught.value), "its sender makes it again"
    writer.abort()
    assert not blobs.has(LARGE_DIGEST)
    blobs.put([LARGE], LARGE_DIGEST, len(LARGE))
    assert b"".join(blobs.open(LARGE_DIGEST)) == LARGE
    assert left_in(blobs) == []
    assert blobs.collect(LARGE_DIGEST, time.time() + LATER)


@pytest.mark.parametrize("address", ["minio", "versitygw"], indirect=True)
def test_what_agents_put_into_a_bucket_and_left_goes_and_what_is_others_stays(address: str, blobs: BlobStore) -> None:
    s3 = S3Address.parse(address)
    calls = S3Calls(s3)
    begun = blobs.begin_direct(LARGE_DIGEST, len(LARGE), 1, 3600)  # type: ignore[attr-defined]
    assert urllib3.request("PUT", begun.addresses[1], body=LARGE[: begun.part_bytes]).status == 200
    joined = blake3(b"joined").hexdigest()
    calls.put(f"{s3.prefix}{INCOMING}{joined}", b"joined, and never read back")
    calls.put(f"{s3.prefix}{INCOMING}notes.txt", b"somebody else's")
    others = calls.begin_upload(f"{s3.prefix}backup/{LARGE_DIGEST}")
    assert sorted(left_in(blobs, remove=True)) == [("tmp/", len(b"joined, and never read back")), ("tmp/", 8 << 20)]
    assert left_in(blobs) == []
    assert [found.key for found in calls.list(f"{s3.prefix}{INCOMING}")] == [f"{s3.prefix}{INCOMING}notes.txt"]
    assert [one.upload.id for one in calls.uploads("")] == [others.id]
    calls.drop_upload(f"{s3.prefix}backup/{LARGE_DIGEST}", others)
    with pytest.raises(BlobError, match="0 bytes have come") as caught:
        blobs.end_direct(LARGE_DIGEST, len(LARGE))  # type: ignore[attr-defined]
    assert is_passing(caught.value)


def test_a_direct_upload_removed_while_it_is_read_back_is_no_blob_and_begins_anew(
    minio_s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = minio_s3.url(f"bucket-{uuid.uuid4().hex}")
    blobs = open_blobs(url)
    blobs.prepare()
    begun = blobs.begin_direct(LARGE_DIGEST, len(LARGE), 1, 3600)  # type: ignore[attr-defined]
    for number, put_to in begun.addresses.items():
        part = LARGE[(number - 1) * begun.part_bytes : number * begun.part_bytes]
        assert urllib3.request("PUT", put_to, body=part).status == 200
    stopped_at(monkeypatch, "service.joined", lambda: left_in(blobs, remove=True))
    with pytest.raises(BlobError, match="removed while it was read") as caught:
        blobs.end_direct(LARGE_DIGEST, len(LARGE))  # type: ignore[attr-defined]
    assert is_passing(caught.value)
    assert not blobs.has(LARGE_DIGEST)
    assert not blobs.begin_direct(LARGE_DIGEST, len(LARGE), 1, 3600).there  # type: ignore[attr-defined]


def stopped_at(monkeypatch: pytest.MonkeyPatch, place: str, act: Callable[[], object]) -> None:
    """`act` happens where a collect passes `place`."""

    def passed(name: str) -> None:
        if name == place:
            act()

    for module in ("blobs", "s3_blobs", "direct"):
        monkeypatch.setattr(f"stepwell.stores.{module}.killpoint", passed)


def place_of(address: str) -> str:
    return "gc.renamed" if address.startswith("file") else "gc.marked"


def test_a_claim_in_the_middle_of_a_collect_is_heeded_or_says_missing(
    blobs: BlobStore, address: str, blob: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[int | None] = []
    stopped_at(monkeypatch, place_of(address), lambda: said.append(blobs.claim(blob)))
    collected = blobs.collect(blob, time.time() - 0.001 if said else time.time() + LATER)
    # Either the claim says that it is not there, and the agent sends it again, or it stays.
    assert said == [None] or blobs.has(blob)
    assert collected != blobs.has(blob)


def test_a_blob_put_anew_in_the_middle_of_a_collect_is_never_claimed_and_gone(
    blobs: BlobStore, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = random.randbytes(500)
    digest = blake3(data).hexdigest()
    blobs.put([data], digest, len(data))
    said: list[int | None] = []

    def again() -> None:
        blobs.put([data], digest, len(data))
        said.append(blobs.claim(digest))

    stopped_at(monkeypatch, place_of(address), again)
    blobs.collect(digest, time.time() + LATER)
    assert said == [None] or blobs.has(digest)


def collected_and_killed(address: str, digest: str, place: str, before: float) -> None:
    import os

    from stepwell.stores import blobs, s3_blobs

    def killpoint(name: str) -> None:
        if name == place:
            os.kill(os.getpid(), signal.SIGKILL)

    blobs.killpoint = s3_blobs.killpoint = killpoint  # type: ignore[assignment]
    open_blobs(address).collect(digest, before)


@pytest.mark.parametrize("place", ["gc.renamed", "gc.marked", "gc.removed"])
def test_a_killed_collect_leaves_a_blob_or_none(blobs: BlobStore, address: str, blob: str, place: str) -> None:
    before = time.time() + LATER
    spawned = multiprocessing.get_context("spawn")
    process = spawned.Process(target=collected_and_killed, args=(address, blob, place, before))
    process.start()
    process.join(60)
    reached = (place == "gc.renamed") == address.startswith("file")
    assert process.exitcode == (-signal.SIGKILL if reached else 0)
    if place == "gc.renamed" and reached:
        assert blobs.claim(blob) == 1000, "who needs it takes it back"
        assert b"".join(blobs.open(blob))
    for _ in range(3):
        blobs.collect(blob, before)
    assert of(blobs, blob) == []


def collected_by(address: str, digests: list[str], before: float, done: Any) -> None:
    store = open_blobs(address)
    done.put([digest for digest in digests if store.collect(digest, before)])


def test_two_collects_at_once_remove_each_blob_once(blobs: BlobStore, address: str) -> None:
    digests = [put(blobs, 100 + number) for number in range(8)]
    spawned = multiprocessing.get_context("spawn")
    done = spawned.Queue()
    before = time.time() + LATER
    both = [spawned.Process(target=collected_by, args=(address, digests, before, done)) for _ in range(2)]
    for process in both:
        process.start()
    removed = [done.get(timeout=120), done.get(timeout=120)]
    for process in both:
        process.join(60)
    assert set(removed[0]) | set(removed[1]) == set(digests)
    assert [digest for digest in digests if blobs.has(digest)] == []
