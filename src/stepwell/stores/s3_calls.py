"""The S3 calls that blobs need, with what fails said in our own words. Nothing else knows the client's inner names.

The client retries what its server calls passing; a call that still fails is one for the sender to make again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import urllib3
from minio.commonconfig import CopySource
from minio.datatypes import ListPartsResult
from minio.error import MinioException, S3Error

from ..errors import BlobError, NotFound
from .s3_address import S3Address
from .s3_checksums import BEGINNING, CHECKSUM, CheckedClient, Stored, checksum_of, is_checked, list_of

__all__ = ["Begun", "Object", "S3Calls", "Upload"]

log = logging.getLogger("stepwell.stores")

_CONNECT_S, _READ_S = 5.0, 60.0
_TRIES = 4
_BACKOFF_S = 0.2  # doubled before each further try
_CONNECTIONS = 16
_MISSING = ("NoSuchKey", "NoSuchObject", "ResourceNotFound")
_UNKNOWN = ("NotImplemented", "InvalidArgument", "InvalidRequest")  # what is said of headers that are not known
_KEYS = "check the keys of the address or environment, and what they are allowed to do in the bucket"
_ADVICE = {
    "NoSuchBucket": "make it with `stepwell migrate apply`, or create it and grant the keys access to it",
    "AccessDenied": _KEYS,
    "InvalidAccessKeyId": _KEYS,
    "XAdminUserNotFound": _KEYS,  # versitygw's word for it
    "SignatureDoesNotMatch": "the secret key is not the access key's",
    "RequestTimeTooSkewed": "the clocks of this machine and of the S3 server differ by more than it allows: set them",
    "XMinioStorageFull": "free some space there; the sender tries again",
    "SlowDown": "the server asks for less; the sender tries again",
}


@dataclass(frozen=True)
class Object:
    """modified: by the server's clock, in seconds since 1970."""

    key: str
    size: int
    modified: float


@dataclass(frozen=True)
class Upload:
    """A multipart upload under way: its parts by number (from 1), as (MD5, size).

    checked: begun as one whose every part comes with a checksum.
    """

    id: str
    parts: dict[int, tuple[str, int]]
    checked: bool = False


@dataclass(frozen=True)
class Begun:
    """An upload that somebody has begun. size: bytes of the parts that have come; moved: when the last of them did."""

    key: str
    upload: Upload
    size: int
    moved: float


class S3Calls:
    """Thread-safe. Every call raises BlobError with `passing` set where the bucket cannot be used now."""

    def __init__(self, address: S3Address) -> None:
        self._bucket = address.bucket
        self._where = address.where
        pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS,
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
            cert_reqs="CERT_REQUIRED" if address.verify else "CERT_NONE",
            ca_certs=address.ca,
            # Every call here may be made twice: a key always means the same bytes.
            retries=urllib3.Retry(
                total=_TRIES - 1, backoff_factor=_BACKOFF_S, status_forcelist=(429, 500, 502, 503, 504),
                allowed_methods=None, raise_on_status=False,
            ),
        )  # fmt: skip

        def client(endpoint: str) -> CheckedClient:
            try:
                return CheckedClient(
                    endpoint,
                    access_key=address.access_key,
                    secret_key=address.secret_key,
                    session_token=address.session_token,
                    secure=address.secure,
                    region=address.region,
                    http_client=pool,
                )
            except ValueError as error:
                raise BlobError(f"the S3 endpoint is HOST:PORT: {error}") from None

        self._client = client(address.endpoint)
        self._signer = client(address.public)  # an address is signed for the host that will be asked
        self._region = address.region
        self._checks = True  # until the server turns out to know no checksums

    def make_bucket(self) -> bool:
        """Whether it had to be made."""
        with self._said("cannot make the bucket"):
            try:
                self._list("")
                return False
            except S3Error as error:
                if error.code != "NoSuchBucket":
                    raise
            try:
                self._client.make_bucket(self._bucket, None if self._region == "us-east-1" else self._region)
            except S3Error as error:
                if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                    raise
            return True

    def _list(self, prefix: str) -> None:
        # Not asking whether the bucket exists: that answer has no body, so no reason either.
        next(iter(self._client.list_objects(self._bucket, prefix=prefix)), None)

    def check(self, prefix: str) -> None:
        with self._said("cannot use the bucket"):
            self._list(prefix)

    def size(self, key: str) -> int | None:
        """None where there is no such object."""
        found = self.look(key)
        return None if found is None else found.size

    def list(self, prefix: str) -> Iterator[Object]:
        """Whatever lies below, by key. Memory: a page of the listing."""
        with self._said(f"cannot list {prefix}"):
            for found in self._client.list_objects(self._bucket, prefix=prefix or None, recursive=True):
                if not found.is_dir and found.object_name and found.last_modified:
                    yield Object(found.object_name, int(found.size or 0), found.last_modified.timestamp())

    def look(self, key: str) -> Object | None:
        """None where there is no such object."""
        with self._said(f"cannot look for {key}"):
            try:
                found = self._client.stat_object(self._bucket, key)
                return Object(
                    key, int(found.size or 0), found.last_modified.timestamp() if found.last_modified else 0.0
                )
            except S3Error as error:
                if error.code in _MISSING:
                    return None
                raise

    def get(self, key: str, offset: int, length: int, piece_bytes: int) -> Iterator[bytes]:
        """Exactly `length` bytes. A connection that breaks is taken up where it broke, a few times."""
        at, end, broken = offset, offset + length, 0
        while at < end:
            try:
                for piece in self._get_once(key, at, end - at, piece_bytes):
                    at += len(piece)
                    broken = 0
                    yield piece
            except BlobError as error:
                broken += 1
                if not error.passing or broken == _TRIES:
                    raise

    def _get_once(self, key: str, offset: int, length: int, piece_bytes: int) -> Iterator[bytes]:
        with self._said(f"cannot read {key}"):
            try:
                response = self._client.get_object(self._bucket, key, offset=offset, length=length)
            except S3Error as error:
                if error.code in _MISSING:
                    raise NotFound(f"the store has no {key} any more") from None
                raise
            left = length
            try:
                while left:
                    piece = response.read(min(piece_bytes, left))
                    if not piece:
                        raise urllib3.exceptions.ProtocolError(f"the answer ended {left} bytes too soon")
                    left -= len(piece)
                    yield piece
            finally:
                response.close()
                response.release_conn()

    def put(self, key: str, data: bytes | bytearray) -> None:
        with self._said(f"cannot store {key}"):
            for left in reversed(range(_TRIES)):
                try:
                    self._client._put_object(self._bucket, key, data)
                    return
                except S3Error as error:
                    # A server over folders removes one with its last object, and another call may be putting into it.
                    if error.code != "ExistingObjectIsDirectory" or not left:
                        raise

    def remove(self, key: str) -> None:
        with self._said(f"cannot remove {key}"):
            self._client.remove_object(self._bucket, key)

    def begin_upload(self, key: str, *, checked: bool = False) -> Upload:
        """checked: with a checksum of each part that is put by us, where the server knows of any."""
        with self._said(f"cannot store {key}"):
            if checked and self._checks:
                try:
                    return Upload(self._client._create_multipart_upload(self._bucket, key, dict(BEGINNING)), {}, True)
                except S3Error as error:
                    if error.code not in _UNKNOWN:
                        raise
                    self._unchecked(str(error.code))
            return Upload(self._client._create_multipart_upload(self._bucket, key, {}), {})

    def find_upload(self, key: str) -> Upload | None:
        """The newest that somebody began and did not end."""
        with self._said(f"cannot look for uploads of {key}"):
            listed = self._client._list_multipart_uploads(self._bucket, prefix=key).uploads
            begun = [upload for upload in listed if upload.object_name == key]
            if not begun:
                return None
            newest = max(begun, key=lambda upload: _seconds(upload.initiated_time))
            found = self._begun(key, str(newest.upload_id), 0.0)
            return None if found is None else found.upload

    def uploads(self, prefix: str) -> Iterator[Begun]:
        """Those of keys below the prefix that have not ended.

        MinIO tells of none that were begun before its last start; it drops uploads by itself, after a day.
        """
        with self._said("cannot look for uploads"):
            marker: str | None = None
            while True:
                # Of the whole bucket: MinIO takes a prefix for the name of one object.
                page = self._client._list_multipart_uploads(self._bucket, key_marker=marker)
                for one in page.uploads:
                    if one.object_name.startswith(prefix):
                        found = self._begun(one.object_name, str(one.upload_id), _seconds(one.initiated_time))
                        if found is not None:
                            yield found
                if not page.is_truncated or not page.next_key_marker or page.next_key_marker == marker:
                    return
                marker = page.next_key_marker

    def _begun(self, key: str, upload_id: str, begun: float) -> Begun | None:
        """None where it has ended since."""
        parts: dict[int, tuple[str, int]] = {}
        moved = begun
        asked = {"uploadId": upload_id, "max-parts": "1000"}
        while True:
            try:
                answer = self._client._execute("GET", self._bucket, key, query_params=dict(asked))
            except S3Error as error:
                if error.code == "NoSuchUpload":
                    return None
                raise
            page = ListPartsResult(answer)
            for part in page.parts:
                parts[part.part_number] = (part.etag.strip('"'), int(part.size or 0))
                moved = max(moved, _seconds(part.last_modified))
            if not page.is_truncated:
                upload = Upload(upload_id, parts, is_checked(answer.data))
                return Begun(key, upload, sum(size for _, size in parts.values()), moved)
            asked["part-number-marker"] = str(page.next_part_number_marker)

    def put_part(self, key: str, upload: Upload, number: int, data: bytes | bytearray) -> Stored:
        """What `end_upload` is to be told of it."""
        place = {"partNumber": str(number), "uploadId": upload.id}
        with self._said(f"cannot store part {number} of {key}"):
            if upload.checked and self._checks:
                checksum = checksum_of(data)
                sent = self._client._put_object(self._bucket, key, data, {CHECKSUM: checksum}, dict(place))
                if sent.http_headers.get(CHECKSUM) == checksum:
                    return Stored(sent.etag, checksum)
                self._unchecked("it does not say a checksum back")
            return Stored(self._client._put_object(self._bucket, key, data, None, place).etag)

    def _unchecked(self, why: str) -> None:
        """From now on parts are protected by the SHA-256 of their signature, as in any plain request."""
        self._checks = False
        log.info("%s checks no CRC32C of parts (%s): they are sent with SHA-256", self._where, why)

    def part_address(self, key: str, upload: Upload, number: int, expires_s: int) -> str:
        """A URL by which whoever has it may put this one part, for so long. Asks nobody."""
        wanted = {"partNumber": str(number), "uploadId": upload.id}
        expires = timedelta(seconds=expires_s)
        with self._said(f"cannot sign an address for {key}"):
            return str(self._signer.get_presigned_url("PUT", self._bucket, key, expires, extra_query_params=wanted))

    def copy(self, source: str, key: str) -> None:
        """Within the bucket, by the server itself; in parts beyond 5 GiB."""
        with self._said(f"cannot copy {source}"):
            self._client.copy_object(self._bucket, key, CopySource(self._bucket, source))

    def end_upload(self, key: str, upload: Upload, parts: Mapping[int, Stored]) -> None:
        """Makes the object visible."""
        headers, where = {"Content-Type": "application/xml"}, {"uploadId": upload.id}
        with self._said(f"cannot end the upload of {key}"):
            answer = self._client._execute(
                "POST", self._bucket, key, body=list_of(parts), headers=headers, query_params=where
            )
            if b"<Error>" in answer.data:  # of what failed after its head was sent
                raise MinioException(answer.data.decode(errors="replace")[:500])

    def drop_upload(self, key: str, upload: Upload) -> None:
        with self._said(f"cannot drop the upload of {key}"):
            try:
                self._client._abort_multipart_upload(self._bucket, key, upload.id)
            except S3Error as error:
                if error.code != "NoSuchUpload":
                    raise

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
            code = error.code if isinstance(error, S3Error) else ""
            advice = _ADVICE.get(str(code), "")
            failure = BlobError(f"{what} in {self._where}: {_reason(error)}{' - ' if advice else ''}{advice}")
            failure.passing = True
            raise failure from error


def _seconds(time: datetime | None) -> float:
    return time.timestamp() if time else 0.0


def _reason(error: Exception) -> str:
    if isinstance(error, S3Error):
        return f"{error.code}, {error.message}"[:500]
    text = str(error.reason) if isinstance(error, urllib3.exceptions.MaxRetryError) else str(error)
    refused = re.search(r"\[Errno -?\d+\] [\w ]+|timed out", text)
    if refused:
        return f"no answer ({refused[0]})"
    # The client quotes whole requests, whose query may be signed.
    return re.sub(r"\?\S+", "?...", text.splitlines()[0] if text else type(error).__name__)[:500]
