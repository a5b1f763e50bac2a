"""A checkpoint's last step: its blobs are all there, so its row may say `complete`."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone

from ..errors import BlobError, InvalidValue
from ..ids import run_uuid
from .blobs import BlobStore, check_digest
from .metrics import MetricStore

__all__ = ["ArtifactCommit", "ArtifactFile", "BlobsMissingError", "commit"]

COMPLETE_BIT = 1 << 63  # in the version: a complete row outranks the staged one, whichever comes first
FILES_MAX = 100_000
_TEXT_BYTES_MAX = 1 << 20
_COLUMNS = (
    "run", "writer", "row_seq", "rank", "step", "time", "kind", "name", "state", "size", "files", "metadata", "version",
)  # fmt: skip


class BlobsMissingError(BlobError):
    """Some blobs of the manifest are not in the store (yet)."""

    def __init__(self, message: str, digests: list[str]) -> None:
        super().__init__(message)
        self.digests = digests


@dataclass(frozen=True)
class ArtifactFile:
    path: str
    digest: str
    size: int


@dataclass(frozen=True)
class ArtifactCommit:
    """The fields of the wire's CommitRequest (proto/stepwell/v1/blob.proto)."""

    project: str
    id: str
    run: bytes
    writer: int
    row_seq: int
    rank: int
    version: int
    step: int
    time_ms: int
    kind: str
    name: str
    metadata: str
    files: tuple[ArtifactFile, ...]


def commit(request: ArtifactCommit, metrics: MetricStore, blobs: BlobStore) -> None:
    """Raises InvalidValue for a request that can never be taken, BlobsMissingError for one that comes too early."""
    _check(request)
    missing = [file.digest for file in request.files if not blobs.has(file.digest)]
    if missing:
        raise BlobsMissingError(
            f"{request.kind} {request.name!r} of {request.project}/{request.id}: {len(missing)} of its "
            f"{len(request.files)} blobs are not in the store; send them first, then commit again",
            missing,
        )
    for file in request.files:
        held = blobs.size(file.digest)
        if held != file.size:
            raise InvalidValue(f"file {file.path!r}: blob {file.digest} has {held} bytes, not {file.size}")
    files = [{"path": file.path, "digest": file.digest, "size": file.size} for file in request.files]
    row = [
        uuid.UUID(bytes=request.run),
        request.writer,
        request.row_seq,
        request.rank,
        request.step,
        datetime.fromtimestamp(request.time_ms / 1000, timezone.utc),
        request.kind,
        request.name,
        "complete",
        sum(file.size for file in request.files),
        json.dumps(files, ensure_ascii=False),
        request.metadata or "{}",
        request.version | COMPLETE_BIT,
    ]
    metrics.insert_rows("artifacts", _COLUMNS, [row])


def _check(request: ArtifactCommit) -> None:
    if len(request.run) != 16 or uuid.UUID(bytes=request.run) != run_uuid(request.project, request.id):
        raise InvalidValue(f"the run's key is not that of {request.project!r}/{request.id!r}")
    for name, value, bits in (
        ("writer", request.writer, 64),
        ("row_seq", request.row_seq, 34),
        ("rank", request.rank, 32),
        ("version", request.version, 63),
    ):
        if not 0 <= value < 1 << bits:
            raise InvalidValue(f"{name} has {bits} bits, and {value} does not fit")
    if not -(1 << 63) <= request.step < 1 << 63:
        raise InvalidValue(f"a step has 64 bits, and {request.step} does not fit")
    if not -(1 << 41) < request.time_ms < 1 << 42:
        raise InvalidValue(f"{request.time_ms} ms is not a time of this age")
    for name, text, limit in (
        ("kind", request.kind, 64),
        ("name", request.name, 512),
        ("metadata", request.metadata, _TEXT_BYTES_MAX),
    ):
        if len(_utf8(name, text)) > limit:
            raise InvalidValue(f"an artifact's {name} has at most {limit} bytes")
    if not request.kind or not request.name:
        raise InvalidValue("an artifact has a kind and a name")
    try:
        if request.metadata and not isinstance(json.loads(request.metadata), dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise InvalidValue(f"an artifact's metadata is a JSON object: {error}") from None
    if not 1 <= len(request.files) <= FILES_MAX:
        raise InvalidValue(f"an artifact has 1 to {FILES_MAX} files, not {len(request.files)}")
    seen: set[str] = set()
    for file in request.files:
        check_digest(file.digest)
        _check_path(file.path)
        if file.path in seen:
            raise InvalidValue(f"file {file.path!r} is named twice")
        seen.add(file.path)


def _check_path(path: str) -> None:
    """Somebody will download the artifact into a folder: no name may lead out of it."""
    parts = path.split("/")
    if (
        not 1 <= len(_utf8("path", path)) <= 4096
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(c) < 32 or c in "\\\x7f" for c in path)
    ):
        raise InvalidValue(f"file {path[:200]!r} is not a plain relative path")


def _utf8(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidValue(f"an artifact's {name} is not valid Unicode") from None
