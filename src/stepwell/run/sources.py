"""What the files of an artifact are made of: files that are copied, linked or left where they are, bytes that are
written; references that are noted are in reference.py.

Each knows its name in the artifact and places itself into a staging folder. Hashing is the agent's.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from ..errors import InvalidValue, StagingError
from ..filesystems import filesystem_of, is_network
from .copying import copy_file, files_below
from .reference import Reference

__all__ = ["BytesSource", "Copy", "FileSource", "Source", "kept_as", "own_part", "sources_of"]

Copy = Literal["auto", "link"] | bool
"""How files are kept: by a copy (True), in place (False), by a hard link, or as `kept_as` thinks best."""

_COPIES_MAX = 3  # of a file that is written while it is copied

# Whose file it is, in folders that all ranks write: torch.distributed.checkpoint and Megatron's, Orbax's.
_OWNERS = (re.compile(r"(?:^|/)__(\d+)_\d+\.distcp$"), re.compile(r"(?:^|/)ocdbt\.process_(\d+)/"))


class Source(Protocol):
    """One file of an artifact."""

    @property
    def name(self) -> str:
        """Relative, with `/`."""

    @property
    def size(self) -> int:
        """Bytes that it will need in staging."""

    def place(self, target: Path) -> dict[str, Any]:
        """Makes the file (its folder is there) and returns what the manifest says of it. Raises OSError."""


@dataclass(frozen=True)
class FileSource:
    """A file that is copied."""

    name: str
    path: Path
    size: int

    def place(self, target: Path) -> dict[str, Any]:
        for _ in range(_COPIES_MAX):
            before = _mark(self.path)
            size = copy_file(self.path, target)
            if _mark(self.path) == before:
                return {"path": self.name, "size": size}
            target.unlink()
        raise StagingError(
            errno.EBUSY, f"it is being written while it is copied ({_COPIES_MAX} times); log it once it is whole",
            str(self.path),
        )  # fmt: skip


@dataclass(frozen=True)
class LinkedSource:
    """A file that has a second name in staging, so that it may be removed or replaced, but not written over."""

    name: str
    path: Path
    size: int

    def place(self, target: Path) -> dict[str, Any]:
        try:
            os.link(self.path.resolve(), target)
        except OSError as error:
            if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                return FileSource(self.name, self.path, self.size).place(target)
            raise
        size, modified_ns = _mark(target)
        return {"path": self.name, "size": size, "modified_ns": modified_ns}


@dataclass(frozen=True)
class SourceInPlace:
    """A file that is read where it is when it is uploaded; it must stay as it is until then."""

    name: str
    path: Path
    size: int = 0

    def place(self, target: Path) -> dict[str, Any]:  # noqa: ARG002 - nothing is made
        size, modified_ns = _mark(self.path)
        with self.path.open("rb"):  # what cannot be read is not kept
            pass
        return {"path": self.name, "size": size, "source": str(self.path), "modified_ns": modified_ns}


@dataclass(frozen=True)
class BytesSource:
    """Bytes that are made for it."""

    name: str
    data: bytes | memoryview

    @property
    def size(self) -> int:
        return memoryview(self.data).nbytes

    def place(self, target: Path) -> dict[str, Any]:
        with target.open("xb", buffering=0) as file:
            view = memoryview(self.data).cast("B")
            while view:
                view = view[file.write(view) :]
        return {"path": self.name, "size": self.size}


def sources_of(paths: Iterable[str | os.PathLike[str] | Reference]) -> list[Source]:
    """Files, all files below folders, references. Raises OSError for what is not there or is no regular file."""
    found: list[Source] = []
    for path in paths:
        if isinstance(path, Reference):
            found.append(path)
            continue
        source = Path(path).expanduser().absolute()
        found += [FileSource(name, file, size) for name, file, size in files_below(source)]
    return found


def own_part(sources: Sequence[Source], rank: int) -> list[Source]:
    """Of a folder that all ranks write: the files of this one, and for rank 0 those of nobody. Else all of them."""
    owners = {source.name: _owner(source.name) for source in sources}
    if not any(owner not in (None, rank) for owner in owners.values()):
        return list(sources)
    return [source for source in sources if owners[source.name] == rank or (rank == 0 and owners[source.name] is None)]


def kept_as(sources: Sequence[Source], copy: Copy, staging: Path, fraction: float) -> list[Source]:
    """`auto`: in place what lies on a network filesystem, or is larger than this fraction of the free space."""
    if copy not in ("auto", "link", True, False):
        raise InvalidValue(f'copy is "auto", "link", True or False, not {copy!r}')
    in_place = copy is False
    if copy == "auto":
        free = shutil.disk_usage(staging).free
        in_place = sum(source.size for source in sources) > free * fraction
    folders: dict[Path, bool] = {}
    return [
        _kept_as(source, copy, in_place, folders) if isinstance(source, FileSource) else source for source in sources
    ]


def _kept_as(source: FileSource, copy: Copy, in_place: bool, folders: dict[Path, bool]) -> Source:
    folder = source.path.parent
    if copy == "auto" and not in_place and folder not in folders:
        folders[folder] = is_network(filesystem_of(folder))
    if in_place or (copy == "auto" and folders[folder]):
        return SourceInPlace(source.name, source.path)
    return LinkedSource(source.name, source.path, source.size) if copy == "link" else source


def _owner(name: str) -> int | None:
    for pattern in _OWNERS:
        match = pattern.search(name)
        if match:
            return int(match[1])
    return None


def _mark(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return seen.st_size, seen.st_mtime_ns
