"""An artifact of any kind as people read it, and its way to a folder: every byte checked before a file has its name."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from blake3 import blake3

from ..errors import BlobError, InvalidValue, NotFound
from .progress import progress_of
from .reader import Reader
from .records import ArtifactFile, ArtifactInfo, RunKey

__all__ = ["Artifact"]


@dataclass(frozen=True)
class Artifact:
    """A checkpoint, a data set, any set of files that was kept under a name.

    `complete`: its bytes are in the blob store; else they wait on their host, or some ranks' parts are not in.
    """

    run: RunKey
    info: ArtifactInfo
    _reader: Reader = field(repr=False)

    def __repr__(self) -> str:
        return f"<{self.type} {self.path!r}, {self.state}, {self.size} bytes>"

    def _repr_html_(self) -> str:
        from ..notebook.lists import artifact_list

        return artifact_list([self])

    @property
    def path(self) -> str:
        """ "project/name:v3": what `Api.artifact` takes; without the version while it is not complete."""
        version = "" if self.info.version is None else f":v{self.info.version}"
        return f"{self.run.project}/{self.info.name}{version}"

    @property
    def kind(self) -> str:
        """How it was logged: checkpoint, artifact, ..."""
        return self.info.kind

    @property
    def type(self) -> str:
        """What it is to people: checkpoint, dataset, model, ..."""
        return self.info.type or self.info.kind

    @property
    def version(self) -> int | None:
        """3 of v3; None while it is not complete."""
        return self.info.version

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names that point to it: latest, best, ..."""
        return self.info.aliases

    @property
    def digest(self) -> str:
        """blake3 of its manifest (paths, digests and sizes); "" while it is not complete."""
        return self.info.digest

    @property
    def parts(self) -> int:
        """How many ranks' parts it is made of; 0: it is whole."""
        return self.info.parts

    @property
    def parts_in(self) -> int:
        """How many of them are in the blob store."""
        return self.info.parts_in

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

    @cached_property
    def files(self) -> tuple[ArtifactFile, ...]:
        """path, size in bytes and blake3 digest of each; asked for where this one is of a list of versions."""
        info = self.info
        if info.files or info.version is None or info.state != "complete":
            return info.files
        return self._reader.artifact(self.run.project, info.name, f"v{info.version}", type=info.type).files

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The dict it was kept with."""
        return self.info.metadata

    @property
    def state(self) -> str:
        """staged (its bytes are on its host still) | partial (of some ranks) | complete | deleted."""
        return self.info.state

    @property
    def complete(self) -> bool:
        """Whether its bytes are in the blob store."""
        return self.info.state == "complete"

    def download(self, directory: str | os.PathLike[str], *patterns: str, progress: bool | None = None) -> list[Path]:
        """Writes its files below the directory and returns their paths. Memory: one piece at a time.

        References are left out: their data is elsewhere.

        Args:
            directory: Made if it is not there; files that are there under the same names are replaced.
            patterns: Only files whose paths match one of these (`weights/*`). Default: all.
            progress: Show a bar on stderr. Default: where that is a terminal.

        Raises:
            NotFound: It waits on its host still; no file matches.
            BlobError: The bytes are not those that were recorded; then that file is not there.

        Example:
            ```python
            api.artifact("digits/model.npz:best").download("restored")
            ```
        """
        self._check_complete()
        root = Path(directory)
        wanted = [file for file in self.files if not patterns or any(fnmatchcase(file.path, one) for one in patterns)]
        if patterns and not wanted:
            raise NotFound(f"no file of {self.path} matches {' or '.join(patterns)}")
        wanted = [file for file in wanted if not file.uri]
        with progress_of(self.path, sum(file.size for file in wanted), progress) as advance:
            return [self._fetch(file, root, advance) for file in wanted]

    def read(self, path: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of one of its files, or a range of them, in pieces. A range reads no more than its chunks.

        Args:
            path: Of the file in the artifact, as `files` says it.
            offset: First byte, from 0.
            length: Bytes. Default: to the end.

        Raises:
            NotFound: It has no such file, or that is a reference.
            InvalidValue: The range is not within the file.
            BlobError: Before the last piece, if the bytes are damaged.

        Example:
            ```python
            header = b"".join(artifact.read("model.safetensors", 0, 8))
            ```
        """
        self._check_complete()
        file = next((file for file in self.files if file.path == path), None)
        if file is None:
            raise NotFound(f"{self.path} has no file {path!r}")
        if file.uri:
            raise NotFound(f"{path!r} of {self.path} is a reference: its data is at {file.uri}")
        if offset == 0 and (length is None or length == file.size):
            return _checked(file, self._reader.blob(file.digest))
        length = file.size - offset if length is None else length
        if offset < 0 or length < 0 or offset + length > file.size:
            raise InvalidValue(f"{path!r} of {self.path} has {file.size} bytes, and not {length} from {offset} on")
        return _counted(file, self._reader.blob(file.digest, offset, length), length)

    def used_by(self) -> list[RunKey]:
        """The runs that have said they use this version, in that order; `run` is the one that made it."""
        if self.info.version is None:
            return []
        return self._reader.users(self.run.project, self.info.name, self.info.version, type=self.type)

    def _check_complete(self) -> None:
        if self.info.state == "partial":
            raise NotFound(
                f"{self.type} {self.name!r} of {self.run} is not whole: {self.parts_in} of {self.parts} parts are in. "
                "`stepwell sync` on the hosts of the others sends them."
            )
        if not self.complete:
            raise NotFound(
                f"{self.type} {self.name!r} of {self.run} has not been uploaded yet: its bytes are on the host that "
                "recorded it. `stepwell sync` there sends it."
            )

    def _fetch(self, file: ArtifactFile, root: Path, advance: Callable[[int], None]) -> Path:
        parts = PurePosixPath(file.path).parts
        if not parts or file.path.startswith("/") or ".." in parts or "\\" in file.path:
            raise BlobError(f"file {file.path!r} of {self.path} would lie outside {root}: not written")
        target = root.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{secrets.token_hex(8)}.part")  # not of its name, which may be as long as can be
        try:
            with partial.open("xb") as out:
                for piece in _checked(file, self._reader.blob(file.digest)):
                    out.write(piece)
                    advance(len(piece))
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


def _counted(file: ArtifactFile, pieces: Iterator[bytes], length: int) -> Iterator[bytes]:
    """A range, whose chunks were checked where they were read: here only that all of it has come."""
    for piece in pieces:
        length -= len(piece)
        yield piece
    if length:
        raise BlobError(f"a range of file {file.path!r} broke off {length} bytes before its end")
