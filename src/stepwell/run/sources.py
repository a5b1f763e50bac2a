"""What the files of an artifact are made of: files that are copied, bytes that are written, references that are noted.

Each knows its name in the artifact and places itself into a staging folder. Hashing is the agent's.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..errors import StagingError
from .copying import copy_file, files_below

__all__ = ["BytesSource", "FileSource", "Source", "sources_of"]

_COPIES_MAX = 3  # of a file that is written while it is copied


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


def sources_of(paths: Iterable[str | os.PathLike[str]]) -> list[FileSource]:
    """Files, and all files below folders. Raises OSError for what is not there or is no regular file."""
    found = []
    for path in paths:
        source = Path(path).expanduser().absolute()
        found += [FileSource(name, file, size) for name, file, size in files_below(source)]
    return found


def _mark(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return seen.st_size, seen.st_mtime_ns
