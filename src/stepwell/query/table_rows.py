"""The first rows of a table as text, for the page: by the bytes of its first rows alone."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import BlobError, NotFound
from .artifact import Artifact
from .reader import Reader
from .records import ArtifactFile, RunKey

__all__ = ["first_rows"]

_ROWS = 200
_CELL = 1000  # characters


def first_rows(reader: Reader, key: RunKey, name: str, step: int, rank: int) -> dict[str, Any]:
    """columns, rows (each cell as text, None where there is none) and the total of rows. Raises NotFound, BlobError."""
    of_name = reader.media(key, "table", name)
    info = next((one for one in of_name if (one.step, one.rank) == (step, rank) and one.files), None)
    if info is None:
        raise NotFound(f"{key} has no table {name!r} of step {step} and rank {rank}")
    artifact = Artifact(key, info, reader)
    try:
        with pq.ParquetFile(_Ranges(artifact, info.files[0])) as file:
            total = file.metadata.num_rows
            batch = next(file.iter_batches(batch_size=_ROWS), None)
            columns = file.schema_arrow.names
    except (pa.ArrowException, OSError) as error:
        raise BlobError(f"table {name!r} of {key} cannot be read: {error}") from error
    values = [] if batch is None else [batch.column(place).to_pylist() for place in range(batch.num_columns)]
    rows = [[_text(cell) for cell in row] for row in zip(*values, strict=True)]
    return {"columns": columns, "rows": rows, "total": total}


def _text(value: Any) -> str | None:
    return None if value is None else (value if isinstance(value, str) else str(value))[:_CELL]


class _Ranges(io.RawIOBase):
    """A file of an artifact that is read by ranges."""

    def __init__(self, artifact: Artifact, file: ArtifactFile) -> None:
        self._artifact, self._file, self._at = artifact, file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._file.size - self._at)
        length = left if size is None or size < 0 else min(size, left)
        data = b"".join(self._artifact.read(self._file.path, self._at, length)) if length else b""
        self._at += len(data)
        return data
