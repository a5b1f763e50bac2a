"""Images and tables as people read them back. Asks a Reader; knows no SQL and no address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import BlobError
from ..notebook.lists import Listing, media_list
from .artifact import Artifact
from .logged import Logged
from .reader import Reader
from .records import ArtifactFile, RunKey

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LoggedImage", "LoggedTable", "images_of", "tables_of"]


@dataclass(frozen=True)
class LoggedImage(Logged):
    """One image of those logged under a name at a step; a notebook shows it."""

    index: int
    """Its place in the list it was logged in; 0 of a single one."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    caption: str
    file: ArtifactFile

    @property
    def format(self) -> str:
        """png, jpeg or webp."""
        return self.file.path.rpartition(".")[2]

    def data(self) -> bytes:
        """The bytes of its file, every one checked.

        Raises:
            NotFound: It waits on its host still.
            BlobError: The bytes are not those that were recorded.
        """
        return b"".join(self.artifact.read(self.file.path))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes its file, and returns the path.

        Args:
            path: Of the file; one that is there is replaced.

        Raises:
            NotFound: It waits on its host still.
            BlobError: The bytes are not those that were recorded; then nothing is written.
        """
        target = Path(path)
        target.write_bytes(self.data())
        return target

    def __repr__(self) -> str:
        return f"<image {self.name!r} step {self.step} {self.width}x{self.height} {self.caption!r}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, bytes]:
        kind = {"png": "image/png", "jpeg": "image/jpeg"}.get(self.format)  # what notebooks know
        return {kind: self.data()} if kind and self.complete else {}


@dataclass(frozen=True)
class LoggedTable(Logged):
    """A table logged under a name at a step."""

    rows: int
    """How many there are."""
    columns: tuple[str, ...]
    """Their names."""

    def to_arrow(self) -> pa.Table:
        """All of it, as an Arrow table.

        Raises:
            NotFound: It waits on its host still.
            BlobError: The bytes are not those that were recorded.
        """
        data = b"".join(self.artifact.read(self.artifact.files[0].path))
        try:
            return pq.read_table(pa.BufferReader(data))
        except pa.ArrowException as error:
            raise BlobError(f"table {self.name!r} of {self.artifact.run} cannot be read: {error}") from error

    def to_pandas(self) -> pd.DataFrame:
        """The same as a data frame. Needs pandas."""
        return self.to_arrow().to_pandas()

    def __repr__(self) -> str:
        return f"<table {self.name!r} step {self.step}, {self.rows} x {list(self.columns)}>"


def images_of(reader: Reader, key: RunKey, name: str | None) -> list[LoggedImage]:
    found = []
    for info in reader.media(key, "image", name):
        artifact = Artifact(key, info, reader)
        said = info.metadata.get("images")
        files = sorted(info.files, key=_index)
        if not isinstance(said, list) or len(said) != len(files):
            continue  # announced only, and more than a record lists
        for one, file in zip(said, files, strict=True):
            found.append(_image(artifact, file, one))
    return Listing(found, media_list)


def tables_of(reader: Reader, key: RunKey, name: str | None) -> list[LoggedTable]:
    made = []
    for info in reader.media(key, "table", name):
        said = info.metadata
        columns = tuple(str(column) for column in said.get("columns", ()))
        made.append(LoggedTable(Artifact(key, info, reader), int(said.get("rows", 0)), columns))
    return Listing(made, media_list)


def _image(artifact: Artifact, file: ArtifactFile, said: Mapping[str, Any]) -> LoggedImage:
    return LoggedImage(
        artifact,
        index=_index(file),
        width=int(said.get("width", 0)),
        height=int(said.get("height", 0)),
        caption=str(said.get("caption", "")),
        file=file,
    )


def _index(file: ArtifactFile) -> int:
    stem = file.path.partition(".")[0]
    return int(stem) if stem.isdecimal() else 0
