"""An artifact's last step: its blobs are all there, so its row may say `complete`, with the time that orders versions.

Of the rows of one key (run, writer, row_seq) the highest version is seen: `staged` has that of its record, `complete`
the top bit, and the earlier its stamp the higher, so that of two services that complete the same one the first stays;
what is said later (`deleted`) has the second bit too, and the later the higher.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from blake3 import blake3

from ..errors import BlobError, InvalidValue
from ..ids import (
    ALIASES_MAX,
    ARTIFACT_FILES_MAX,
    check_alias,
    check_artifact_name,
    check_file_path,
    check_type,
    run_uuid,
)
from .blobs import BlobStore, check_digest
from .metrics import MetricStore

__all__ = ["ArtifactCommit", "ArtifactFile", "BlobsMissingError", "commit", "later_version",
           "manifest_digest"]  # fmt: skip

COMPLETE_BIT = 1 << 63
_LATER_BIT = 1 << 62
_STAMP_LIMIT = (1 << 62) - 1
PARTS_MAX = 1 << 20
_TEXT_BYTES_MAX = 1 << 20
_LOOKS = 16  # blobs that are looked for at one time: S3 answers each in its own time
_COLUMNS = (
    "run", "writer", "row_seq", "rank", "step", "time", "kind", "name", "state", "size", "files", "metadata", "version",
    "project", "type", "digest", "committed", "part", "parts",
)  # fmt: skip
_ALIAS_COLUMNS = ("project", "type", "name", "alias", "run", "writer", "row_seq", "by", "time", "version")

_HELD = """
SELECT toString(state) AS state, committed FROM artifacts FINAL
WHERE run = {run:UUID} AND writer = {writer:UInt64} AND row_seq = {row_seq:UInt64}
"""
# Of any project: a stamp that is later than it must be does no harm, and a clock that is behind must not reorder.
_NEWEST = "SELECT max(committed) AS newest FROM artifacts WHERE name = {name:String} AND type = {type:String}"
# The parts that are there of the save that this row is one of.
_PARTS = """
SELECT uniqExact(part) AS there FROM artifacts FINAL
WHERE run = {run:UUID} AND type = {type:String} AND name = {name:String} AND step = {step:Int64} AND state = 'complete'
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class BlobsMissingError(BlobError):
    """Some blobs of the manifest are not in the store (yet)."""

    def __init__(self, message: str, digests: list[str]) -> None:
        super().__init__(message)
        self.digests = digests


@dataclass(frozen=True)
class ArtifactFile:
    """digest: blake3, or, of a reference (uri), "algorithm:value" or nothing."""

    path: str
    digest: str
    size: int
    uri: str = ""


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
    type: str = ""
    aliases: tuple[str, ...] = ()
    part: int = 0
    parts: int = 0


def commit(request: ArtifactCommit, metrics: MetricStore, blobs: BlobStore) -> None:
    """Raises InvalidValue for a request that can never be taken, BlobsMissingError for one that comes too early."""
    _check(request)
    _check_blobs(request, blobs)
    key = {"run": str(uuid.UUID(bytes=request.run)), "writer": request.writer, "row_seq": request.row_seq}
    held = metrics.rows(_HELD, key)
    if held and held[0]["state"] != "staged":  # a repeat, whose first stamp stays
        committed = _microseconds(held[0]["committed"])
    else:
        committed = _stamp(request, metrics)
        metrics.insert_rows("artifacts", _COLUMNS, [_row(request, committed)])
    if request.aliases and _is_whole(request, metrics):
        _point(request, metrics, committed)


def later_version(now_us: int | None = None) -> int:
    """For a row that says something new of a completed artifact, such as `deleted`: above all that was said before.

    now_us: default: now.
    """
    now_us = time.time_ns() // 1000 if now_us is None else now_us
    return COMPLETE_BIT | _LATER_BIT | (now_us & _STAMP_LIMIT)


def manifest_digest(files: Iterable[ArtifactFile]) -> str:
    """The same for the same files, in whatever order: what tells a new version from the same content once more."""
    hasher = blake3()
    for file in sorted(files, key=lambda file: file.path):
        hasher.update(f"{file.path}\0{file.digest}\0{file.size}\0{file.uri}\0".encode())
    return hasher.hexdigest()


def _check_blobs(request: ArtifactCommit, blobs: BlobStore) -> None:
    # Claimed, not looked for: from here on no gc takes them before the row that names them is there.
    sizes = {file.digest: file for file in request.files if not file.uri}
    with ThreadPoolExecutor(_LOOKS) as looking:
        held = dict(zip(sizes, looking.map(blobs.claim, sizes), strict=True))
    missing = [digest for digest, size in held.items() if size is None]
    if missing:
        raise BlobsMissingError(
            f"{request.kind} {request.name!r} of {request.project}/{request.id}: {len(missing)} of its "
            f"{len(sizes)} blobs are not in the store; send them first, then commit again",
            missing,
        )
    for file in request.files:
        if not file.uri and held[file.digest] != file.size:
            raise InvalidValue(f"file {file.path!r}: blob {file.digest} has {held[file.digest]} bytes, not {file.size}")


def _stamp(request: ArtifactCommit, metrics: MetricStore) -> int:
    """Now, or just after the newest of this name: versions that somebody has seen keep their numbers."""
    named = {"name": request.name, "type": request.type or request.kind}
    [newest] = metrics.rows(_NEWEST, named)
    return max(time.time_ns() // 1000, _microseconds(newest["newest"]) + 1)


def _is_whole(request: ArtifactCommit, metrics: MetricStore) -> bool:
    """An alias must not point to a part: whoever completes the last one moves it."""
    if request.parts <= 1:
        return True
    asked = {
        "run": str(uuid.UUID(bytes=request.run)), "type": request.type or request.kind, "name": request.name,
        "step": request.step,
    }  # fmt: skip
    return int(metrics.rows(_PARTS, asked)[0]["there"]) >= request.parts


def _point(request: ArtifactCommit, metrics: MetricStore, committed: int) -> None:
    moment = datetime.fromtimestamp(request.time_ms / 1000, timezone.utc)
    rows = [
        [
            request.project, request.type or request.kind, request.name, alias, uuid.UUID(bytes=request.run),
            request.writer, request.row_seq, f"{request.project}/{request.id}", moment, committed,
        ]
        for alias in request.aliases
        if alias != "latest"
    ]  # fmt: skip
    if rows:
        metrics.insert_rows("aliases", _ALIAS_COLUMNS, rows)


def _row(request: ArtifactCommit, committed: int) -> Sequence[Any]:
    files = [
        {"path": file.path, "digest": file.digest, "size": file.size, **({"uri": file.uri} if file.uri else {})}
        for file in request.files
    ]
    return [
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
        COMPLETE_BIT | (_STAMP_LIMIT - committed),
        request.project,
        request.type or request.kind,
        manifest_digest(request.files),
        _EPOCH + timedelta(microseconds=committed),
        request.part,
        request.parts,
    ]


def _microseconds(moment: datetime) -> int:
    aware = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment
    return max(0, (aware - _EPOCH) // timedelta(microseconds=1))


def _check(request: ArtifactCommit) -> None:
    if len(request.run) != 16 or uuid.UUID(bytes=request.run) != run_uuid(request.project, request.id):
        raise InvalidValue(f"the run's key is not that of {request.project!r}/{request.id!r}")
    for name, value, bits in (
        ("writer", request.writer, 64),
        ("row_seq", request.row_seq, 34),
        ("rank", request.rank, 32),
        ("version", request.version, 63),
        ("part", request.part, 32),
    ):
        if not 0 <= value < 1 << bits:
            raise InvalidValue(f"{name} has {bits} bits, and {value} does not fit")
    if not -(1 << 63) <= request.step < 1 << 63:
        raise InvalidValue(f"a step has 64 bits, and {request.step} does not fit")
    if not -(1 << 41) < request.time_ms < 1 << 42:
        raise InvalidValue(f"{request.time_ms} ms is not a time of this age")
    check_type(request.kind)
    check_type(request.type or request.kind)
    check_artifact_name(request.name)
    if len(request.aliases) > ALIASES_MAX:
        raise InvalidValue(f"an artifact is given at most {ALIASES_MAX} aliases at once")
    for alias in request.aliases:
        check_alias(alias)
    if request.parts > PARTS_MAX or request.part >= max(1, request.parts):
        raise InvalidValue(f"part {request.part} of {request.parts} is none; parts are counted from 0")
    if len(_utf8("metadata", request.metadata)) > _TEXT_BYTES_MAX:
        raise InvalidValue(f"an artifact's metadata has at most {_TEXT_BYTES_MAX} bytes")
    try:
        if request.metadata and not isinstance(json.loads(request.metadata), dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise InvalidValue(f"an artifact's metadata is a JSON object: {error}") from None
    if not 1 <= len(request.files) <= ARTIFACT_FILES_MAX:
        raise InvalidValue(f"an artifact has 1 to {ARTIFACT_FILES_MAX} files, not {len(request.files)}")
    seen: set[str] = set()
    for file in request.files:
        _check_file(file)
        if file.path in seen:
            raise InvalidValue(f"file {file.path!r} is named twice")
        seen.add(file.path)


def _check_file(file: ArtifactFile) -> None:
    check_file_path(file.path)
    if not file.uri:
        check_digest(file.digest)
    elif len(_utf8("uri", file.uri)) > 4096 or len(_utf8("digest", file.digest)) > 256:
        raise InvalidValue(
            f"the reference {file.path[:200]!r} has a URI of more than 4096 bytes, or a digest beyond 256"
        )
    elif file.digest and ":" not in file.digest:
        raise InvalidValue(f"the digest of reference {file.path[:200]!r} names its algorithm: sha256:..., etag:...")
    if not 0 <= file.size < 1 << 63:
        raise InvalidValue(f"file {file.path[:200]!r} has no size that could be: {file.size}")


def _utf8(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidValue(f"an artifact's {name} is not valid Unicode") from None
