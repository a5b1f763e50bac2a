"""A stored checkpoint, and its way to a folder: every byte checked before a file has its name."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from blake3 import blake3

from ..errors import BlobError, NotFound
from .records import ArtifactFile, ArtifactInfo, RunKey

__all__ = ["Checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of a run. `complete`: its bytes are in the blob store; else they wait on their host."""

    run: RunKey
    info: ArtifactInfo
    _blob: Callable[[str], Iterator[bytes]] = field(repr=False)

    def _repr_html_(self) -> str:
        from ..notebook.lists import checkpoint_list

        return checkpoint_list([self])

    @property
    def name(self) -> str:
        """As given, else the file's own."""
        return self.info.name

    @property
    def step(self) -> int:
        """At which it was kept."""
        return self.info.step

    @property
    def rank(self) -> int:
        """Of the process that kept it."""
        return self.info.rank

    @property
    def time(self) -> datetime:
        """When it was kept; UTC."""
        return self.info.time

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self.info.size

    @property
    def files(self) -> tuple[ArtifactFile, ...]:
        """path, size in bytes and blake3 digest of each."""
        return self.info.files

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The dict it was kept with."""
        return self.info.metadata

    @property
    def state(self) -> str:
        """staged (its bytes are on its host still) | complete."""
        return self.info.state

    @property
    def complete(self) -> bool:
        """Whether its bytes are in the blob store."""
        return self.info.state == "complete"

    def download(self, directory: str | os.PathLike[str]) -> list[Path]:
        """Writes its files below the directory and returns their paths. Memory: one piece at a time.

        Args:
            directory: Made if it is not there; files that are there under the same names are replaced.

        Raises:
            NotFound: It waits on its host still.
            BlobError: The bytes are not those that were recorded; then that file is not there.
        """
        if not self.complete:
            raise NotFound(
                f"checkpoint {self.name!r} of {self.run} has not been uploaded yet: its bytes are on the host that "
                "recorded it. `stepwell sync` there sends it."
            )
        root = Path(directory)
        return [self._fetch(file, root) for file in self.files]

    def read(self, path: str) -> Iterator[bytes]:
        """The bytes of one of its files, in pieces.

        Args:
            path: Of the file in the checkpoint, as `files` says it.

        Raises:
            NotFound: It has no such file.
            BlobError: Before the last piece, if the bytes are damaged.
        """
        for file in self.files:
            if file.path == path:
                return _checked(file, self._blob(file.digest))
        raise NotFound(f"checkpoint {self.name!r} of {self.run} has no file {path!r}")

    def _fetch(self, file: ArtifactFile, root: Path) -> Path:
        parts = PurePosixPath(file.path).parts
        if not parts or file.path.startswith("/") or ".." in parts or "\\" in file.path:
            raise BlobError(f"file {file.path!r} of checkpoint {self.name!r} would lie outside {root}: not written")
        target = root.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name[:80]}.{secrets.token_hex(6)}.part")
        try:
            with partial.open("xb") as out:
                for piece in _checked(file, self._blob(file.digest)):
                    out.write(piece)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target


def _checked(file: ArtifactFile, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Holds the last piece back until digest and size are known to be right."""
    hasher, size, held = blake3(), 0, b""
    for piece in pieces:
        hasher.update(piece)
        size += len(piece)
        if held:
            yield held
        held = piece
    if size != file.size or hasher.hexdigest() != file.digest:
        raise BlobError(f"file {file.path!r} is damaged in the blob store: {size} bytes of {file.size}, digest differs")
    if held:
        yield held
