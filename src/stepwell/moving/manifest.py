"""The folder of an export, and the manifest that is written last of all.

```text
DIR/manifest.json              what is there: while it is missing, the export has not ended
DIR/progress.jsonl             while an export is under way: a line a table of a run that is whole
DIR/runs/PROJECT/ID/           TABLE.CHECKSUM.N.parquet
DIR/store/                     the same of tables that are about no run
DIR/blobs/ab/cd/DIGEST         a store of blobs as the embedded one is
```
A file's name holds the checksum of its rows, so that what a later export writes into the folder stands beside what
the manifest vouches for, until the new manifest is there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blake3 import blake3

from ..errors import ExportError, ExportTooNew

__all__ = [
    "FORMAT", "MANIFEST", "PROGRESS", "Column", "DataFile", "Entry", "Journal", "Manifest", "RunName", "Sum", "Table",
    "cannot_write", "folder_of", "read_manifest", "write_manifest",
]  # fmt: skip

FORMAT = 1
MANIFEST = "manifest.json"
PROGRESS = "progress.jsonl"
_NAME_BYTES_MAX = 200
_UNSAFE = re.compile(r'[<>:"/\\|?*%\x00-\x1f\x7f]|^\.|[. ]$')


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    """ClickHouse's."""


@dataclass(frozen=True)
class Table:
    """key: of the columns that say which row it is, in the table's order."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def has_run(self) -> bool:
        return any(column.name == "run" and column.type == "UUID" for column in self.columns)

    @property
    def has_version(self) -> bool:
        return any(column.name == "version" for column in self.columns)


@dataclass(frozen=True)
class RunName:
    project: str
    id: str

    def __str__(self) -> str:
        return f"{self.project}/{self.id}"


@dataclass(frozen=True)
class Sum:
    """What tells whether two stores hold the same rows."""

    rows: int
    checksum: int


@dataclass(frozen=True)
class DataFile:
    """path: below the folder, with '/'."""

    path: str
    rows: int
    size: int
    blake3: str


@dataclass(frozen=True)
class Entry:
    """The rows of one table and run. blobs: the digests that they name."""

    run: str
    table: Table
    sum: Sum
    files: tuple[DataFile, ...]
    blobs: tuple[str, ...] = ()

    @property
    def at(self) -> tuple[str, str]:
        return self.run, self.table.name


@dataclass
class Manifest:
    """entries: by (run, table). blobs: sizes by digest. missing: named by rows, and not in the store's blobs."""

    stepwell: str
    schema: int
    source: str
    runs: dict[str, RunName] = field(default_factory=dict)
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    blobs: dict[str, int] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    @property
    def rows(self) -> int:
        return sum(entry.sum.rows for entry in self.entries.values())

    def said(self, run: str) -> str:
        """A run as people call it."""
        return str(self.runs.get(run) or run or "the store")


def folder_of(run: str, name: RunName | None) -> str:
    """Below the export's folder, with '/'."""
    if not run:
        return "store"
    if name is None:
        return f"runs/unnamed/{run}"
    project = _file_name(name.project, blake3(name.project.encode()).hexdigest()[:32])
    return f"runs/{project}/{_file_name(name.id, run)}"


def _file_name(text: str, instead: str) -> str:
    safe = _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), text)
    return safe if len(safe.encode()) <= _NAME_BYTES_MAX else instead


# --- as JSON


def _table_json(table: Table) -> dict[str, Any]:
    return {"name": table.name, "key": list(table.key), "columns": [[c.name, c.type] for c in table.columns]}


def _table_of(made: dict[str, Any]) -> Table:
    columns = tuple(Column(str(name), str(kind)) for name, kind in made["columns"])
    return Table(str(made["name"]), columns, tuple(map(str, made["key"])))


def _entry_json(entry: Entry) -> dict[str, Any]:
    files = [[file.path, file.rows, file.size, file.blake3] for file in entry.files]
    return {
        "run": entry.run, "rows": entry.sum.rows, "checksum": f"{entry.sum.checksum:016x}", "files": files,
        "blobs": list(entry.blobs),
    }  # fmt: skip


def _entry_of(made: dict[str, Any], table: Table) -> Entry:
    files = tuple(DataFile(str(path), int(rows), int(size), str(digest)) for path, rows, size, digest in made["files"])
    total = Sum(int(made["rows"]), int(made["checksum"], 16))
    return Entry(str(made["run"]), table, total, files, tuple(map(str, made["blobs"])))


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replaces the one that is there, at once. Raises ExportError."""
    tables = list(dict.fromkeys(entry.table for entry in manifest.entries.values()))
    number = {table: index for index, table in enumerate(tables)}
    body = {
        "format": FORMAT,
        "stepwell": manifest.stepwell,
        "schema": manifest.schema,
        "source": manifest.source,
        "runs": {run: [name.project, name.id] for run, name in manifest.runs.items()},
        "tables": [_table_json(table) for table in tables],
        "entries": [{**_entry_json(entry), "table": number[entry.table]} for entry in manifest.entries.values()],
        "blobs": manifest.blobs,
        "missing": sorted(manifest.missing),
    }
    text = _dumped(body)
    sealed = f'{{"blake3":"{blake3(text.encode()).hexdigest()}",\n"manifest":{text}}}\n'
    partial = folder / f".{MANIFEST}.part"
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / MANIFEST)
    except OSError as error:
        raise cannot_write(folder / MANIFEST, error) from error
    finally:
        partial.unlink(missing_ok=True)


def read_manifest(folder: Path) -> Manifest:
    """Raises ExportError where there is none or it is damaged, ExportTooNew for a later format."""
    path = folder / MANIFEST
    try:
        sealed = json.loads(path.read_text("utf-8"))
        body = sealed["manifest"]
        if int(body["format"]) > FORMAT:
            raise ExportTooNew(
                f"{path} has format {body['format']}, written by stepwell {body['stepwell']}; this version reads "
                f"up to {FORMAT}. Nothing was imported. Install that version (pip install -U stepwell)."
            )
        if blake3(_dumped(body).encode()).hexdigest() != sealed["blake3"]:
            raise ExportError(f"{path} is damaged: it is not what was written. Nothing was imported.")
        return _manifest_of(body)
    except FileNotFoundError:
        raise _no_manifest(folder) from None
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ExportError(f"{path} is damaged: {type(error).__name__}, {error}. Nothing was imported.") from error


def _manifest_of(body: dict[str, Any]) -> Manifest:
    manifest = Manifest(str(body["stepwell"]), int(body["schema"]), str(body["source"]))
    tables = [_table_of(made) for made in body["tables"]]
    manifest.runs = {str(run): RunName(str(project), str(id)) for run, (project, id) in body["runs"].items()}
    for made in body["entries"]:
        entry = _entry_of(made, tables[made["table"]])
        manifest.entries[entry.at] = entry
    manifest.blobs = {str(digest): int(size) for digest, size in body["blobs"].items()}
    manifest.missing = set(map(str, body["missing"]))
    return manifest


def _no_manifest(folder: Path) -> ExportError:
    if (folder / PROGRESS).exists():
        return ExportError(
            f"the export in {folder} has not ended: its manifest, which is written last, is missing. Run "
            f"`stepwell export --all {folder}` again where the store is; it goes on from what is there."
        )
    return ExportError(f"{folder} is no export: there is no {MANIFEST} (made by `stepwell export --all`)")


def cannot_write(path: Path, error: OSError) -> ExportError:
    return ExportError(
        f"cannot write {path}: {error.strerror or error}. What was whole before stays, and the next "
        "`stepwell export --all` into this folder goes on from it."
    )


class Journal:
    """Entries as they are finished; one that was torn by the end of its writer is left out when read."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PROGRESS
        self._file = self._path.open("a", encoding="utf-8")

    @staticmethod
    def read(folder: Path) -> Iterator[Entry]:
        path = folder / PROGRESS
        if not path.exists():
            return
        for line in path.read_text("utf-8", errors="replace").splitlines():
            try:
                made = json.loads(line)
                yield _entry_of(made, _table_of(made["table"]))
            except (ValueError, KeyError, TypeError):
                continue

    def add(self, entry: Entry) -> None:
        # A line break first: what a killed process left of its last line stays a line of its own.
        self._file.write("\n" + _dumped({**_entry_json(entry), "table": _table_json(entry.table)}) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self.close()
        self._path.unlink(missing_ok=True)
