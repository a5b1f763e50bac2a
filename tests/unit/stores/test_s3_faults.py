"""What goes wrong between us and a real MinIO: the bucket, the keys, the clock, its answers, the connection.

What a server says of bucket, keys and clock is its own: there versitygw is asked too.
"""

from __future__ import annotations

import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from blake3 import blake3

from components.faulty_proxy import Fault, FaultyProxy
from components.s3_servers import SECRET_KEY, S3Server
from stepwell.errors import BlobError
from stepwell.stores.blobs import BlobStore, is_passing, open_blobs
from stepwell.stores.chunks import CHUNK_BYTES
from stepwell.stores.s3_address import S3Address
from stepwell.stores.s3_calls import S3Calls
from stepwell.stores.s3_checksums import CheckedClient

DATA = random.Random(1).randbytes(2 * CHUNK_BYTES + 500_000)
DIGEST = blake3(DATA).hexdigest()


@pytest.fixture
def bucket(minio_s3: S3Server) -> str:
    name = f"faults-{uuid.uuid4().hex}"
    open_blobs(minio_s3.url(name)).prepare()
    return name


@pytest.fixture
def proxy(minio_s3: S3Server) -> Iterator[FaultyProxy]:
    with FaultyProxy(minio_s3.port) as proxy:
        yield proxy


@pytest.fixture
def blobs(minio_s3: S3Server, bucket: str, proxy: FaultyProxy) -> BlobStore:
    return open_blobs(minio_s3.url(bucket, port=proxy.port))


def pieces(data: bytes = DATA) -> Iterator[bytes]:
    for offset in range(0, len(data), 1 << 20):
        yield data[offset : offset + (1 << 20)]


def parts_sent(proxy: FaultyProxy) -> list[str]:
    return [line for line in proxy.requests if line.startswith("PUT") and "partNumber" in line]


@pytest.fixture(params=["minio_s3", "versity_s3"])
def any_s3(request: pytest.FixtureRequest) -> S3Server:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture
def its_bucket(any_s3: S3Server) -> str:
    name = f"faults-{uuid.uuid4().hex}"
    open_blobs(any_s3.url(name)).prepare()
    return name


WRONG = {
    "another secret key": ({"secret_key": "wrong-" + SECRET_KEY}, "SignatureDoesNotMatch.*secret key is not"),
    "an unknown access key": ({"access_key": "nobody"}, "(InvalidAccessKeyId|XAdminUserNotFound).*check the keys"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_wrong_keys_are_said_and_not_shown(
    any_s3: S3Server, its_bucket: str, options: dict[str, str], message: str
) -> None:
    blobs = open_blobs(any_s3.url(its_bucket, **options))
    for use in (blobs.check, lambda: blobs.put([b"x"], blake3(b"x").hexdigest(), 1)):
        with pytest.raises(BlobError, match=message) as caught:
            use()
        assert is_passing(caught.value), "what was to be stored is kept by its sender"
        assert SECRET_KEY not in str(caught.value)


def test_keys_come_from_the_environment_where_the_address_names_none(
    minio_s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = f"s3://{bucket}?endpoint=127.0.0.1:{minio_s3.port}&secure=0"
    for names in (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY")):
        for name in names:
            monkeypatch.delenv(name, raising=False)
    with pytest.raises(BlobError, match="AWS_ACCESS_KEY_ID"):
        open_blobs(bare)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "stepwell-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    open_blobs(bare).check()


def test_a_missing_bucket_says_how_it_is_made(any_s3: S3Server) -> None:
    blobs = open_blobs(any_s3.url(f"missing-{uuid.uuid4().hex}"))
    for use in (blobs.check, lambda: blobs.put([b"x"], blake3(b"x").hexdigest(), 1)):
        with pytest.raises(BlobError, match=r"NoSuchBucket.*stepwell migrate") as caught:
            use()
        assert is_passing(caught.value)


def test_a_clock_that_is_off_is_named(any_s3: S3Server, its_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minio.time.utcnow", lambda: datetime.now(timezone.utc) + timedelta(hours=1))
    with pytest.raises(BlobError, match=r"RequestTimeTooSkewed.*clocks") as caught:
        open_blobs(any_s3.url(its_bucket)).check()
    assert is_passing(caught.value)


def test_a_server_that_is_away_is_a_passing_fault(minio_s3: S3Server, bucket: str) -> None:
    minio_s3.kill()
    try:
        with pytest.raises(BlobError, match="cannot use the bucket") as caught:
            open_blobs(minio_s3.url(bucket)).check()
        assert is_passing(caught.value)
        assert "X-Amz" not in str(caught.value)
    finally:
        minio_s3.start()


PASSING = {
    "a part is answered with an error": Fault("PUT", 2, status=500, code="InternalError"),
    "the server asks for less": Fault("PUT", 2, status=503, code="SlowDown"),
    "no checksums are known there": Fault("POST", 1, status=501, code="NotImplemented"),
    "the beginning fails": Fault("POST", 1, status=500, code="InternalError"),
    "a part is cut in the middle": Fault("PUT", 1, body_bytes=3_000_000),
    "the question whether it is there fails": Fault("HEAD", 1, status=503),
    "a listing fails": Fault("GET", 1, status=503, code="SlowDown"),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_passes_is_tried_again(blobs: BlobStore, proxy: FaultyProxy, fault: Fault) -> None:
    proxy.faults = [Fault(**vars(fault))]
    blobs.put(pieces(), DIGEST, len(DATA))
    assert proxy.faults[0].times == 0 or fault.request == "HEAD"
    assert b"".join(blobs.open(DIGEST)) == DATA


class Unknowing(CheckedClient):
    """As of a server that takes no notice of checksums and says none back."""

    def _create_multipart_upload(self, bucket: str, key: str, headers: dict[str, Any]) -> str:
        return str(super()._create_multipart_upload(bucket, key, {}))

    def _put_object(self, bucket: str, key: str, data: bytes, headers: Any = None, query_params: Any = None) -> Any:
        return super()._put_object(bucket, key, data, None, query_params)


@pytest.mark.parametrize(
    ("client", "message"),
    [(CheckedClient, "XAmzContentChecksumMismatch|BadDigest"), (Unknowing, "XAmzContentSHA256Mismatch")],
)
def test_a_byte_that_changes_on_its_way_is_found_at_once(
    any_s3: S3Server, its_bucket: str, client: type[CheckedClient], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepwell.stores.s3_calls.CheckedClient", client)
    with FaultyProxy(any_s3.port) as proxy:
        blobs = open_blobs(any_s3.url(its_bucket, port=proxy.port))
        proxy.faults = [Fault("PUT", 1, changed_byte=1_234_567)]
        with pytest.raises(BlobError, match=f"cannot store part.*({message})") as caught:
            blobs.put(pieces(), DIGEST, len(DATA))
        assert proxy.faults[0].times == 0
        assert is_passing(caught.value), "its sender sends it again"
        assert not blobs.has(DIGEST)
        blobs.put(pieces(), DIGEST, len(DATA))
    assert b"".join(open_blobs(any_s3.url(its_bucket)).open(DIGEST)) == DATA


def test_an_end_whose_answer_was_lost_is_an_end(blobs: BlobStore, proxy: FaultyProxy) -> None:
    """The second try of the same call finds no upload any more: then the object is what counts."""

    def until_the_last() -> Iterator[bytes]:
        *first, last = pieces()
        yield from first
        proxy.faults = [Fault("POST", 1, answer_bytes=0)]
        yield last

    blobs.put(until_the_last(), DIGEST, len(DATA))
    assert proxy.faults[0].times == 0
    assert b"".join(blobs.open(DIGEST)) == DATA


def test_what_does_not_pass_shows_nothing_and_goes_on_later(blobs: BlobStore, proxy: FaultyProxy) -> None:
    proxy.faults = [Fault("PUT", 1_000, status=503, code="SlowDown")]
    with pytest.raises(BlobError, match=r"SlowDown.*asks for less") as caught:
        blobs.put(pieces(), DIGEST, len(DATA))
    assert is_passing(caught.value)
    proxy.faults = []
    assert not blobs.has(DIGEST)
    blobs.put(pieces(), DIGEST, len(DATA))
    assert b"".join(blobs.open(DIGEST)) == DATA


def test_a_read_that_is_cut_goes_on_where_it_was(blobs: BlobStore, proxy: FaultyProxy) -> None:
    blobs.put(pieces(), DIGEST, len(DATA))
    proxy.faults = [Fault("GET", 2, answer_bytes=5_000_000)]
    assert b"".join(blobs.open(DIGEST)) == DATA
    assert proxy.faults[0].times == 0


def test_a_read_that_is_cut_for_good_is_an_error(blobs: BlobStore, proxy: FaultyProxy) -> None:
    blobs.put(pieces(), DIGEST, len(DATA))
    proxy.faults = [Fault("GET", 1_000, answer_bytes=600)]
    with pytest.raises(BlobError, match="cannot read"):
        list(blobs.open(DIGEST))


KILLED = """
import os, random, signal, sys
from blake3 import blake3
from stepwell.stores.blobs import open_blobs
from stepwell.stores.chunks import CHUNK_BYTES
data = random.Random(1).randbytes(2 * CHUNK_BYTES + 500_000)
writer = open_blobs(sys.argv[1]).writer(blake3(data).hexdigest(), len(data))
writer.write(data)
while writer._flying:
    writer._land()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_upload_goes_on_after_its_process_was_killed(
    minio_s3: S3Server, bucket: str, blobs: BlobStore, proxy: FaultyProxy
) -> None:
    subprocess.run([sys.executable, "-c", KILLED, minio_s3.url(bucket)], check=False)
    assert not blobs.has(DIGEST)
    blobs.put(pieces(), DIGEST, len(DATA))
    assert len(parts_sent(proxy)) == 1, "of five parts four were there"
    assert b"".join(blobs.open(DIGEST)) == DATA


def test_an_upload_that_was_begun_without_checksums_goes_on_without(any_s3: S3Server, its_bucket: str) -> None:
    calls = S3Calls(S3Address.parse(any_s3.url(its_bucket)))
    key = f"{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST}"
    calls.put_part(key, calls.begin_upload(key), 1, DATA[: 8 << 20])
    with FaultyProxy(any_s3.port) as proxy:
        open_blobs(any_s3.url(its_bucket, port=proxy.port)).put(pieces(), DIGEST, len(DATA))
        assert len(parts_sent(proxy)) == 4, "of five parts one was there"
    assert b"".join(open_blobs(any_s3.url(its_bucket)).open(DIGEST)) == DATA


def test_parts_of_other_bytes_under_the_same_name_are_not_taken_for_ours(
    blobs: BlobStore, proxy: FaultyProxy, minio_s3: S3Server, bucket: str
) -> None:
    wrong = bytes(len(DATA))
    writer = open_blobs(minio_s3.url(bucket)).writer(DIGEST, len(DATA))
    for piece in pieces(wrong):
        writer.write(piece)
    writer.abort()  # its sender died before the digest could be seen to be wrong
    blobs.put(pieces(), DIGEST, len(DATA))
    assert b"".join(blobs.open(DIGEST)) == DATA


def test_two_services_may_send_the_same_blob_at_once(blobs: BlobStore, minio_s3: S3Server, bucket: str) -> None:
    writers = [store.writer(DIGEST, len(DATA)) for store in (blobs, open_blobs(minio_s3.url(bucket)))]
    for piece in pieces():
        for writer in writers:
            writer.write(piece)
    for writer in writers:
        writer.commit()
    assert b"".join(blobs.open(DIGEST)) == DATA


MEMORY = """
import resource, sys
from blake3 import blake3
from stepwell.stores.blobs import open_blobs
store = open_blobs(sys.argv[1])
small = b"x" * 1000
store.put([small], blake3(small).hexdigest(), 1000)
piece = bytes(range(256)) * 4096
count = 160
whole = blake3()
for number in range(count):
    whole.update(piece)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.put((piece for _ in range(count)), whole.hexdigest(), count * len(piece))
for _ in store.open(whole.hexdigest()):
    pass
list(store.open(whole.hexdigest(), 40 << 20, 10))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_large_blob_passes_through_little_memory(minio_s3: S3Server, bucket: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, minio_s3.url(bucket)], check=True, capture_output=True, text=True
    )
    assert int(ran.stdout) <= 80, "MiB over what the process had, for 160 MiB"
