"""The blob store: bytes under their own blake3 digest, written whole or not at all, checked on the way out."""

from __future__ import annotations

import errno
import io
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import unquote

from blake3 import blake3

from ..errors import BlobError, NotFound
from ..killpoints import killpoint
from .chunks import ChunkDigests, verified_range, verified_whole

if TYPE_CHECKING:
    from .direct import DirectUpload

__all__ = [
    "BlobEntry", "BlobStore", "BlobWriter", "DirectStore", "FileBlobs", "Leftover", "check_digest", "is_digest",
    "is_passing", "open_blobs", "put_all", "wrong_bytes",
]  # fmt: skip

_DIGEST = re.compile(r"[0-9a-f]{64}")
_READ_BYTES = 1 << 20
_OWNERS = "owners"
_TMP = "tmp"
_ABANDONED_S = 24 * 3600.0  # an upload that has not moved for a day is over


def check_digest(digest: str) -> str:
    """Returns it, or raises BlobError: 64 lower-case hexadecimal digits, so that it is safe as a file's name."""
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise BlobError(f"a blob is named by its blake3 digest, 64 digits of 0-9a-f, not {str(digest)[:80]!r}")
    return digest


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None


class BlobWriter(Protocol):
    """One blob on its way in. Nothing is visible before `commit` returns; `abort` is always safe."""

    def write(self, chunk: bytes | memoryview) -> None: ...
    def commit(self) -> None: ...
    def abort(self) -> None: ...


@dataclass(frozen=True)
class BlobEntry:
    """What the store has under one digest. used: seconds since 1970, when it was stored or last claimed.

    whole: the blob itself; else what an earlier one has left beside it.
    """

    digest: str
    size: int
    used: float
    whole: bool = True


@dataclass(frozen=True)
class Leftover:
    """What an upload has left that nobody has gone on with.

    name: where it lies in the store; moved: when it last did, in seconds since 1970.
    """

    name: str
    size: int
    moved: float


class BlobStore(Protocol):
    @property
    def where(self) -> str: ...
    def has(self, digest: str) -> bool: ...
    def size(self, digest: str) -> int:
        """Raises NotFound."""

    def writer(self, digest: str, size: int) -> BlobWriter: ...
    def put(self, stream: Iterable[bytes], digest: str, size: int) -> None:
        """Raises BlobError where the bytes are not these, or cannot be kept; then nothing is stored."""

    def open(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Chunks. Raises NotFound; BlobError before the last chunk of what is damaged, whole or in part."""

    def delete(self, digest: str) -> None: ...

    def claim(self, digest: str) -> int | None:
        """The size of the blob, stamped as used now; None where it is not there, or just being collected.

        What was claimed is not collected by a `collect` whose `before` is earlier, even one that is under way.
        """

    def collect(self, digest: str, before: float) -> bool:
        """Removes the blob unless it was used at `before` or later; whether it did. Any number may be at it."""

    def entries(self) -> Iterator[BlobEntry]:
        """Everything that is stored, in no order, while it changes."""

    def leftovers(self, before: float, *, remove: bool) -> Iterator[Leftover]:
        """What uploads have left that have not moved since `before`; with remove, each is gone when it is named.

        One that is taken up at that very moment is told so, and begins anew. Raises BlobError.
        """

    def register(self, owner: str) -> None:
        """Notes that the metric store of this id names blobs here."""

    def owners(self) -> set[str]:
        """Those that have registered."""

    def prepare(self) -> None:
        """Makes what blobs lie in, where it is not there yet."""

    def check(self) -> None:
        """Raises BlobError where nothing could be written now."""


@runtime_checkable
class DirectStore(Protocol):
    """A store of blobs whose bytes may come past the service (direct.py)."""

    def begin_direct(self, digest: str, size: int, first: int, expires_s: int) -> DirectUpload: ...
    def end_direct(self, digest: str, size: int) -> None: ...


class FileBlobs:
    """Files `ab/cd/<digest>` below one folder; uploads in `tmp/`, moved into place when whole."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tmp = root / _TMP
        try:
            self._tmp.mkdir(mode=0o700, parents=True, exist_ok=True)
            for _ in self.leftovers(time.time() - _ABANDONED_S, remove=True):
                pass
        except OSError as error:
            raise BlobError(f"cannot use the blob folder {root}: {error.strerror}") from error

    def __repr__(self) -> str:
        return f"FileBlobs({str(self._root)!r})"

    @property
    def where(self) -> str:
        return f"file://{self._root}"

    def has(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def size(self, digest: str) -> int:
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            raise _missing(digest) from None

    def writer(self, digest: str, size: int) -> BlobWriter:
        return _FileWriter(self._path(digest), self._tmp, digest, size)

    def put(self, stream: Iterable[bytes], digest: str, size: int) -> None:
        put_all(self.writer(digest, size), stream)

    def open(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        path = self._path(digest)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise _missing(digest) from None
        size = os.fstat(file.fileno()).st_size
        if offset == 0 and (length is None or length >= size):
            return verified_whole(_pieces(file), digest)
        return self._part(file, digest, size, offset, length)

    def _part(
        self, file: io.BufferedReader, digest: str, size: int, offset: int, length: int | None
    ) -> Iterator[bytes]:
        with file:
            yield from verified_range(
                digest,
                size,
                offset,
                length,
                digests=lambda: self._chunk_digests(digest),
                read=lambda at, count: os.pread(file.fileno(), count, at),
            )

    def _chunk_digests(self, digest: str) -> bytes:
        path = _chunks_path(self._path(digest))
        if not path.exists():  # stored by a version that kept none: they are made once
            chunks = ChunkDigests()
            for piece in self.open(digest):
                chunks.update(piece)
            _replace_synced(self._tmp / f"{digest[:16]}-{secrets.token_hex(8)}", chunks.encoded(digest), path)
        return path.read_bytes()

    def delete(self, digest: str) -> None:
        path = self._path(digest)
        path.unlink(missing_ok=True)
        _chunks_path(path).unlink(missing_ok=True)

    def claim(self, digest: str) -> int | None:
        path = self._path(digest)
        try:
            try:
                os.utime(path)
            except FileNotFoundError:
                self._take_back(path)
                os.utime(path)
            return path.stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _not_kept(digest, error) from error

    def collect(self, digest: str, before: float) -> bool:
        path = self._path(digest)
        gone = path.with_name(f"{digest}.gone-{secrets.token_hex(8)}")
        try:
            if path.stat().st_mtime >= before:
                return False
            os.rename(path, gone)  # from here on a claim has either been made, or takes it back
            killpoint("gc.renamed")
            if gone.stat().st_mtime >= before:
                os.rename(gone, path)
                return False
            gone.unlink()
        except FileNotFoundError:  # claimed, or another collect was quicker
            self._collect_left(path, before)
            return False
        except OSError as error:
            raise BlobError(f"cannot remove blob {digest}: {error.strerror}; it is kept") from error
        # The digests of its chunks are left to a later gc: an upload of the same blob may be writing its own now.
        return True

    def _take_back(self, path: Path) -> None:
        """What a collect has renamed that is under way or was killed. Raises FileNotFoundError where there is none."""
        gone = next(path.parent.glob(f"{path.name}.gone-*"), None)
        if gone is None:
            raise FileNotFoundError(path)
        os.rename(gone, path)

    def _collect_left(self, path: Path, before: float) -> None:
        """What lies beside a blob that is not there."""
        for beside in path.parent.glob(f"{path.name}.*"):
            try:
                if not path.exists() and beside.stat().st_mtime < before:
                    beside.unlink()
            except FileNotFoundError:
                continue

    def entries(self) -> Iterator[BlobEntry]:
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]")):
            names: dict[str, os.stat_result] = {}
            for entry in os.scandir(folder):
                try:
                    names[entry.name] = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
            for digest in sorted({name[:64] for name in names if _DIGEST.fullmatch(name[:64])}):
                whole = names.get(digest)
                if whole is not None:
                    yield BlobEntry(digest, whole.st_size, whole.st_mtime)
                    continue
                left = [status for name, status in names.items() if name.startswith(digest)]
                size, used = sum(one.st_size for one in left), max(one.st_mtime for one in left)
                yield BlobEntry(digest, size, used, whole=False)

    def leftovers(self, before: float, *, remove: bool) -> Iterator[Leftover]:
        for path in sorted(self._tmp.iterdir()):
            try:
                status = path.stat()
                if status.st_mtime >= before:
                    continue
                if remove:
                    path.unlink()
            except FileNotFoundError:  # moved into its place, or another process was first
                continue
            except OSError as error:
                raise BlobError(f"cannot remove {path}: {error.strerror}; it is kept") from error
            yield Leftover(f"{_TMP}/{path.name}", status.st_size, status.st_mtime)

    def register(self, owner: str) -> None:
        folder = self._root / _OWNERS
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / owner).touch(0o600)
        except OSError as error:
            raise BlobError(f"cannot write to the blob folder {self._root}: {error.strerror}") from error

    def owners(self) -> set[str]:
        folder = self._root / _OWNERS
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    def prepare(self) -> None:
        """The folders were made at opening."""

    def check(self) -> None:
        if not os.access(self._tmp, os.W_OK | os.X_OK):
            raise BlobError(f"cannot write to the blob folder {self._root}")

    def _path(self, digest: str) -> Path:
        check_digest(digest)
        return self._root / digest[:2] / digest[2:4] / digest


class _FileWriter:
    def __init__(self, path: Path, tmp: Path, digest: str, size: int) -> None:
        self._path = path
        self._digest = digest
        self._size = size
        self._hash, self._chunks = blake3(), ChunkDigests()
        self._written = 0
        self._tmp_path = tmp / f"{digest[:16]}-{secrets.token_hex(8)}"
        try:
            fd = os.open(self._tmp_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _not_kept(digest, error) from error
        self._file = os.fdopen(fd, "wb", buffering=0)

    def write(self, chunk: bytes | memoryview) -> None:
        self._written += len(chunk)
        if self._written > self._size:
            raise wrong_bytes(self._digest, f"more than the {self._size} bytes announced")
        self._hash.update(chunk)
        self._chunks.update(chunk)
        view = memoryview(chunk)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _not_kept(self._digest, error) from error

    def commit(self) -> None:
        if self._written != self._size:
            raise wrong_bytes(self._digest, f"{self._written} bytes came of the {self._size} announced")
        found = self._hash.hexdigest()
        if found != self._digest:
            raise wrong_bytes(self._digest, f"the bytes that came have the digest {found}")
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            for folder in (self._path.parent.parent, self._path.parent):
                try:
                    folder.mkdir(mode=0o700)
                except FileExistsError:
                    continue
                _sync_folder(folder.parent)
            encoded = self._chunks.encoded(self._digest)
            if encoded:  # before the blob: where that is seen, these are there
                _replace_synced(self._tmp_path.with_suffix(".chunks"), encoded, _chunks_path(self._path))
            os.replace(self._tmp_path, self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise _not_kept(self._digest, error) from error

    def abort(self) -> None:
        """Removes what was written, unless it has been committed."""
        self._file.close()
        self._tmp_path.unlink(missing_ok=True)


def _pieces(file: io.BufferedReader) -> Iterator[bytes]:
    with file:
        while piece := file.read(_READ_BYTES):
            yield piece


def _chunks_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.chunks")


def put_all(writer: BlobWriter, stream: Iterable[bytes]) -> None:
    try:
        for chunk in stream:
            writer.write(chunk)
        writer.commit()
    finally:
        writer.abort()


def wrong_bytes(digest: str, what: str) -> BlobError:
    return BlobError(f"blob {digest}: {what}; nothing was stored")


def _replace_synced(tmp: Path, data: bytes, path: Path) -> None:
    with tmp.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(tmp, path)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _missing(digest: str) -> NotFound:
    return NotFound(f"the store has no blob {digest}")


def _not_kept(digest: str, error: OSError) -> BlobError:
    more = " Free some space; the sender tries again." if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    failure = BlobError(f"blob {digest} could not be kept: {error.strerror or error}.{more}")
    failure.passing = True
    return failure


def is_passing(error: BlobError) -> bool:
    """Whether the same upload may work later: what it is stored on failed it, not the bytes."""
    return error.passing


def open_blobs(url: str) -> BlobStore:
    """`file:///abs/path` or `s3://BUCKET?endpoint=HOST:PORT`. Raises BlobError for an address that cannot be used."""
    scheme, colon, rest = url.partition("://")
    if colon and scheme == "s3":
        from .s3_blobs import S3Blobs

        return S3Blobs(url)
    path = unquote(rest)
    if not colon or scheme != "file" or not os.path.isabs(path):
        raise BlobError(
            f"a blob store is file:///absolute/path or s3://BUCKET?endpoint=HOST:PORT, not {scheme[:20] + colon!r}..."
        )
    return FileBlobs(Path(path))
