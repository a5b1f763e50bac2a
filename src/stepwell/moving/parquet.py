"""Rows into Parquet files of bounded size, hashed as they are written; and out again, once the hash is known right."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3

from ..errors import ExportError
from .manifest import DataFile, Entry, RunName, Sum, Table, cannot_write, folder_of

__all__ = ["EntryWriter", "check_file", "in_parts", "read_rows"]

_GROUP_BYTES = 16 << 20  # of a row group, in memory; what a reader of the file holds at once
_GROUP_ROWS = 1 << 18
_READ_BYTES = 1 << 20
_READ_ROWS = 1 << 16
_NAMES_BLOBS = re.compile(r"artifact")
# In a manifest's JSON. What is kept elsewhere has a digest that names its algorithm, and is no blob.
_DIGEST = re.compile(r'"digest"\s*:\s*"([0-9a-f]{64})"')


class EntryWriter:
    """One run's rows of one table, in as many files as their size wants.

    The files have their names only once all of them are on the disk; `close` may be called at any time.
    """

    def __init__(self, folder: Path, table: Table, run: str, name: RunName | None, file_bytes: int) -> None:
        self._folder, self._table, self._run, self._name = folder, table, run, name
        self._file_bytes, self._group_bytes = file_bytes, min(_GROUP_BYTES, file_bytes)
        self._where = folder_of(run, name)
        self._parts: list[tuple[Path, DataFile]] = []
        self._open: _PartFile | None = None
        self._rows, self._checksum = 0, 0
        self._names_blobs = bool(_NAMES_BLOBS.match(table.name))
        self._blobs: set[str] = set()
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = self._waiting_rows = 0

    def add(self, rows: pa.RecordBatch, hashes: np.ndarray[Any, np.dtype[np.uint64]]) -> None:
        """Raises ExportError where they cannot be written."""
        self._rows += rows.num_rows
        self._checksum = (self._checksum + int(np.add.reduce(hashes))) & 0xFFFF_FFFF_FFFF_FFFF
        if self._names_blobs:
            for column in rows.columns:
                if pa.types.is_string(column.type):
                    for text in column.to_pylist():
                        self._blobs.update(_DIGEST.findall(text or ""))
        for part in in_parts(rows, self._group_bytes):
            self._waiting.append(part)
            self._waiting_bytes += part.nbytes
            self._waiting_rows += part.num_rows
            if self._waiting_bytes >= self._group_bytes or self._waiting_rows >= _GROUP_ROWS:
                self._write_group()

    def finish(self) -> Entry:
        """Makes the files visible."""
        if self._waiting:
            self._write_group()
        self._end_part()
        files = []
        target = self._folder / self._where
        for number, (path, file) in enumerate(self._parts):
            name = f"{self._table.name}.{self._checksum:016x}.{number}.parquet"
            try:
                path.replace(target / name)
            except OSError as error:
                raise cannot_write(target / name, error) from error
            files.append(DataFile(f"{self._where}/{name}", file.rows, file.size, file.blake3))
        self._parts = []
        total = Sum(self._rows, self._checksum)
        return Entry(self._run, self._table, total, tuple(files), tuple(sorted(self._blobs)))

    def close(self) -> None:
        """Removes what has not been finished. Idempotent."""
        if self._open is not None:
            self._open.drop()
            self._open = None
        for path, _ in self._parts:
            path.unlink(missing_ok=True)
        self._parts = []

    def _write_group(self) -> None:
        group = pa.Table.from_batches(self._waiting)
        self._waiting, self._waiting_bytes, self._waiting_rows = [], 0, 0
        if self._open is None:
            target = self._folder / self._where
            about = {
                "table": self._table.name, "run": self._run, "project": self._name.project if self._name else "",
                "id": self._name.id if self._name else "", "columns": [[c.name, c.type] for c in self._table.columns],
            }  # fmt: skip
            path = target / f".{self._table.name}.{len(self._parts)}.{os.getpid()}.part"
            self._open = _PartFile(path, group.schema, about)
        self._open.add(group)
        if self._open.size >= self._file_bytes:
            self._end_part()

    def _end_part(self) -> None:
        if self._open is not None:
            self._parts.append((self._open.path, self._open.end()))
            self._open = None


class _PartFile:
    """One Parquet file on its way."""

    def __init__(self, path: Path, schema: pa.Schema, about: dict[str, Any]) -> None:
        self.path = path
        self._rows = 0
        schema = schema.with_metadata({"stepwell": json.dumps(about, ensure_ascii=False)})
        # No dictionary for floats: it would take NaNs of different bits for one value. Neighbours have bytes in common.
        floats = [field.name for field in schema if pa.types.is_floating(field.type)]
        others = [field.name for field in schema if not _holds_floats(field.type)]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _HashedFile(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            self._writer = pq.ParquetWriter(
                self._file, schema, compression="zstd", use_dictionary=others, use_byte_stream_split=floats
            )
        except OSError as error:
            self.drop()
            raise cannot_write(path, error) from error

    @property
    def size(self) -> int:
        return self._file.size

    def add(self, group: pa.Table) -> None:
        try:
            self._writer.write_table(group, row_group_size=group.num_rows)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._rows += group.num_rows

    def end(self) -> DataFile:
        try:
            self._writer.close()
            self._file.sync()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        return DataFile("", self._rows, self.size, self._file.digest)

    def drop(self) -> None:
        self._file.abandon()
        self.path.unlink(missing_ok=True)


class _HashedFile:
    """What pyarrow writes to: the bytes are hashed as they pass."""

    closed = False

    def __init__(self, path: Path) -> None:
        self._hash = blake3()
        self._file = path.open("wb", buffering=0)
        self.size = 0

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self.size += view.nbytes
        while view:
            view = view[self._file.write(view) :]
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """pyarrow's end is not the file's: `sync` follows."""

    def sync(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        self._file.close()


def _holds_floats(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind.value_type if pa.types.is_list(kind) else kind))


def in_parts(batch: pa.RecordBatch, bytes_max: int) -> Iterator[pa.RecordBatch]:
    """Of at most so many bytes, or of one row."""
    if batch.nbytes <= bytes_max or batch.num_rows == 1:
        yield batch
        return
    middle = batch.num_rows // 2
    yield from in_parts(batch.slice(0, middle), bytes_max)
    yield from in_parts(batch.slice(middle), bytes_max)


def check_file(folder: Path, file: DataFile) -> None:
    """Reads the whole of it. Raises ExportError where it is not, byte for byte, what was written."""
    path, found, size = folder / file.path, blake3(), 0
    try:
        with path.open("rb") as opened:
            while piece := opened.read(_READ_BYTES):
                found.update(piece)
                size += len(piece)
    except FileNotFoundError:
        raise ExportError(f"{path} is missing") from None
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}") from error
    if size != file.size:
        raise ExportError(f"{path} is damaged: it has {size} bytes, and {file.size} were written")
    if found.hexdigest() != file.blake3:
        raise ExportError(f"{path} is damaged: its bytes are not those that were written")


def read_rows(folder: Path, file: DataFile) -> Iterator[pa.RecordBatch]:
    """A part of a row group at a time, of a file that `check_file` has passed."""
    with pq.ParquetFile(folder / file.path, pre_buffer=False) as opened:
        yield from opened.iter_batches(batch_size=_READ_ROWS)
