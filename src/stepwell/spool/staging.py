"""Staged artifacts: folders whose `manifest.json` says that their files are whole and wait for the blob store."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from ..errors import SpoolError
from .layout import Destination, read_json, write_json
from .lock import FileLock

__all__ = ["Staged", "StagedFile", "find_staged", "remove_orphans"]

MANIFEST = "manifest.json"
_DIGESTS = "digests.json"
_REFUSED = "refused.json"
_LOCK = "upload.lock"
_CHUNK_BYTES = 1 << 20
_HASH_THREADS = 2
"""Of a large file, in larger chunks: nothing else is done for it meanwhile, and a processor would be idle."""
_HASH_CHUNK_BYTES = 4 << 20
_CHANGED = "log it again once it is whole (copy=True takes a copy at once)"


@dataclass(frozen=True)
class StagedFile:
    path: str
    """Relative, with `/`, as shown to people."""
    size: int
    source: str = ""
    """Where its bytes are read; "" is the copy in the folder's `data`."""
    modified_ns: int = 0
    """Of what is no copy, when it was logged: other bytes than those are not uploaded. 0 of a copy."""
    uri: str = ""
    """Of a reference: nothing is uploaded, and `digest` is what was said of it."""
    digest: str = ""


@dataclass(frozen=True)
class Staged:
    """One staged artifact: all that its commit says, but the digests."""

    folder: Path
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
    """A JSON object."""
    files: tuple[StagedFile, ...]
    destination: Destination
    type: str = ""
    aliases: tuple[str, ...] = ()
    part: int = 0
    parts: int = 0

    @classmethod
    def load(cls, folder: Path) -> Staged:
        """Raises SpoolError where the manifest is missing or cannot be trusted."""
        try:
            values = json.loads((folder / MANIFEST).read_text())
            metadata = values.get("metadata", "{}")
            files = tuple(map(_file, values["files"]))
            return cls(
                folder=folder,
                project=str(values["project"]),
                id=str(values["id"]),
                run=bytes.fromhex(values["run"]),
                writer=_writer(values["writer"]),
                row_seq=int(values["row_seq"]),
                rank=int(values["rank"]),
                version=int(values["version"]),
                step=int(values["step"]),
                time_ms=int(values["time_ms"]),
                kind=str(values.get("kind", "checkpoint")),
                name=str(values["name"]),
                metadata=metadata if isinstance(metadata, str) else json.dumps(metadata),
                files=files,
                destination=Destination(str(values.get("server") or ""), str(values.get("mode", "online"))),
                type=str(values.get("type", "")),
                aliases=tuple(map(str, values.get("aliases", ()))),
                part=int(values.get("part", 0)),
                parts=int(values.get("parts", 0)),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SpoolError(f"the manifest of {folder} cannot be read: {error!r}") from error

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def uploads(self) -> tuple[StagedFile, ...]:
        """The files whose bytes go into the blob store: all but references."""
        return tuple(file for file in self.files if not file.uri)

    @property
    def refused(self) -> str:
        """Why it will not be tried again; "" while it will."""
        return str(read_json(self.folder / _REFUSED).get("reason", ""))

    def lock(self) -> FileLock | None:
        """To be held while it is uploaded; None where another process does. Raises OSError."""
        return FileLock.take(self.folder / _LOCK)

    def chunks(self, file: StagedFile, chunk_bytes: int = _CHUNK_BYTES) -> Iterator[bytes]:
        """The bytes of one file. Raises SpoolError where they are not what the manifest says."""
        left = file.size
        try:
            with self._open(file) as source:
                while chunk := source.read(chunk_bytes):
                    left -= len(chunk)
                    if left < 0:
                        break
                    yield chunk
                changed = file.modified_ns not in (0, os.fstat(source.fileno()).st_mtime_ns)
        except OSError as error:
            raise SpoolError(f"{self._where(file)} cannot be read: {error.strerror or error}") from error
        if left or changed:
            raise SpoolError(
                f"{self._where(file)} is not what it was when it was logged, {file.size} bytes; {_CHANGED}"
            )

    def _open(self, file: StagedFile) -> BinaryIO:
        if file.source:
            return open(file.source, "rb")  # the original, which may be reached by a link
        return open(self.folder / "data" / file.path, "rb", opener=_no_link)

    def _where(self, file: StagedFile) -> str:
        return f"{file.source}, the original of {file.path}," if file.source else f"{file.path} of {self.folder}"

    def digests(self) -> dict[str, str]:
        """blake3 of every file by its path, kept beside them so that a retry need not read them again."""
        from blake3 import blake3

        kept = read_json(self.folder / _DIGESTS)
        found: dict[str, str] = {}
        for file in self.files:
            if file.uri:
                found[file.path] = file.digest
                continue
            digest = kept.get(file.path)
            if not isinstance(digest, str):
                large = file.size > _HASH_CHUNK_BYTES  # threads are started for each hasher that has any
                hasher = blake3(max_threads=_HASH_THREADS if large else 1)
                for chunk in self.chunks(file, _HASH_CHUNK_BYTES):
                    hasher.update(chunk)
                digest = hasher.hexdigest()
            found[file.path] = digest
        if found != kept:
            write_json(self.folder / _DIGESTS, found)
        return found

    def refuse(self, reason: str) -> None:
        """Keeps it, and why it is not tried again. Raises OSError."""
        write_json(self.folder / _REFUSED, {"reason": reason, "at": time.time()})

    def remove(self) -> None:
        """After its commit. Raises OSError."""
        gone = self.folder.with_name(f".{self.folder.name}.gone")
        os.rename(self.folder, gone)  # from here on nobody takes it for whole
        shutil.rmtree(gone)


def find_staged(home: Path) -> list[Path]:
    """Folders below `home`/staging (or of a staging folder itself) with a manifest, oldest first."""
    found = []
    for parent in (home / "staging", home):
        try:
            entries = list(os.scandir(parent))
        except OSError:
            continue  # not there: nothing staged
        for entry in entries:
            manifest = Path(entry.path) / MANIFEST
            try:
                found.append((manifest.stat().st_mtime_ns, Path(entry.path)))
            except OSError:
                continue  # not announced yet, or not a staging folder
    return [folder for _, folder in sorted(found) if not folder.name.startswith(".")]


def remove_orphans(staging: Path, older_than_s: float) -> list[Path]:
    """Removes folders that were never announced (their process died first), and what a killed `remove` left."""
    removed = []
    try:
        entries = list(os.scandir(staging))
    except OSError:
        return []
    for entry in entries:
        folder = Path(entry.path)
        orphan = entry.is_dir(follow_symlinks=False) and not (folder / MANIFEST).exists()
        if not orphan and not entry.name.endswith(".gone"):
            continue
        if time.time() - _newest(folder) > older_than_s:
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _newest(folder: Path) -> float:
    times = [0.0]
    for parent, _, names in os.walk(folder):
        for path in (parent, *(os.path.join(parent, name) for name in names)):
            try:
                times.append(os.lstat(path).st_mtime)
            except OSError:
                continue  # gone while we looked
    return max(times)


def _file(value: dict[str, Any]) -> StagedFile:
    return StagedFile(
        path=_relative(value["path"]),
        size=int(value["size"]),
        source=str(value.get("source", "")),
        modified_ns=int(value.get("modified_ns", 0)),
        uri=str(value.get("uri", "")),
        digest=str(value.get("digest", "")),
    )


def _relative(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or not parts.parts or ".." in parts.parts or "\0" in path:
        raise ValueError(f"a file path that leaves its folder: {path!r}")
    return str(parts)


def _writer(value: int | str) -> int:
    return value if isinstance(value, int) else int(value, 16)


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
