"""A store into a folder: what is whole stays whole, whenever it ends, and is not written again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import BlobError, ExportError, NotFound, StoreError
from ..killpoints import killpoint
from ..settings import Settings
from ..stores.blobs import BlobStore
from ..stores.metrics import MetricStore
from ..version import VERSION
from .blobs import blobs_of
from .manifest import (
    MANIFEST,
    PROGRESS,
    Entry,
    Journal,
    Manifest,
    Sum,
    Table,
    cannot_write,
    read_manifest,
    write_manifest,
)
from .parquet import EntryWriter, check_file
from .selection import Selection
from .tables import RUNS_PER_QUERY, all_sums, run_names, stream_rows, sums_of_runs, tables_of

__all__ = ["Exported", "Told", "export_store"]

Told = Callable[[str, int, int], None]
"""(what is being done, how much of it is done, of how much)"""

_GROUP_ROWS = 1 << 18  # runs smaller than this share a query


@dataclass
class Exported:
    """Attributes:
    runs, rows, blobs: What this folder's manifest vouches for, of the runs that were asked for.
    written_rows, written_blobs: What of it had to be written this time.
    missing: Digests that rows name and the store of blobs does not have: files that were never uploaded, or that
        lie elsewhere by reference.
    moved_on: Runs that were written to while they were read.
    """

    runs: int = 0
    rows: int = 0
    blobs: int = 0
    blob_bytes: int = 0
    written_rows: int = 0
    written_blobs: int = 0
    missing: list[str] = field(default_factory=list)
    moved_on: list[str] = field(default_factory=list)


def export_store(
    metrics: MetricStore, blobs: BlobStore, folder: Path, selection: Selection, settings: Settings, told: Told
) -> Exported:
    """Writes the runs that are asked for into the folder, which may hold an earlier export or a part of one.

    Memory is bounded by a row group of a file and a piece of a blob. The store is not changed, and may be in use.

    Raises:
        ExportError: The folder cannot be written, or holds something else.
        StoreError: The store fails, or has no schema (StoreTooNew: one that this version does not know).
        NotFound: No run is as asked for.
    """
    return _Export(metrics, blobs, folder, selection, settings, told).run()


class _Export:
    def __init__(
        self, metrics: MetricStore, blobs: BlobStore, folder: Path, selection: Selection, settings: Settings, told: Told
    ) -> None:
        self._metrics, self._blobs, self._folder = metrics, blobs, folder
        self._selection, self._settings, self._told = selection, settings, told
        self._manifest = Manifest(VERSION, _schema_of(metrics), metrics.where)
        self._done = Exported()

    def run(self) -> Exported:
        names = run_names(self._metrics)
        self._manifest.runs = self._selection.of(names, self._metrics.where)
        tables = tables_of(self._metrics)
        before, kept = self._prepare()
        journal = Journal(self._folder)
        try:
            for number, table in enumerate(tables):
                self._told("rows", number, len(tables))
                self._export_table(table, kept, journal)
            self._told("rows", len(tables), len(tables))
            self._export_blobs()
            self._compare(tables)
            self._report()
            self._keep_what_is_gone(before)
            write_manifest(self._folder, self._manifest)
            self._remove_superseded(before, kept)
        finally:
            journal.close()
        journal.remove()
        return self._done

    def _prepare(self) -> tuple[Manifest | None, dict[tuple[str, str], Entry]]:
        """The last manifest, and all entries that the folder has, the newest of each kind."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            known = {MANIFEST, PROGRESS, "runs", "store", "blobs"}
            strange = sorted(entry.name for entry in self._folder.iterdir() if entry.name.lstrip(".") not in known)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        before = read_manifest(self._folder) if (self._folder / MANIFEST).exists() else None
        if before is None and strange and not (self._folder / PROGRESS).exists():
            raise ExportError(f"{self._folder} holds something else ({strange[0]}): name a new or empty folder")
        kept = dict(before.entries) if before else {}
        kept.update((entry.at, entry) for entry in Journal.read(self._folder))
        return before, kept

    # --- rows

    def _export_table(self, table: Table, kept: dict[tuple[str, str], Entry], journal: Journal) -> None:
        there = self._sums(table)
        wanted: dict[str, int] = {}
        for run in sorted(there, key=self._manifest.said):
            entry = kept.get((run, table.name))
            if entry is not None and entry.table == table and entry.sum == there[run] and self._is_whole(entry):
                self._manifest.entries[entry.at] = entry
            else:
                wanted[run] = there[run].rows
        for group in _groups(wanted):
            self._export_group(table, group, journal)

    def _sums(self, table: Table) -> dict[str, Sum]:
        """Of the runs that were asked for; what is about no run goes with everything."""
        if not table.has_run:
            return all_sums(self._metrics, table) if self._selection.everything else {}
        if self._selection.everything:
            return all_sums(self._metrics, table)
        return sums_of_runs(self._metrics, table, self._manifest.runs)

    def _is_whole(self, entry: Entry) -> bool:
        try:
            for file in entry.files:
                check_file(self._folder, file)
        except ExportError:
            return False
        return True

    def _export_group(self, table: Table, runs: Sequence[str], journal: Journal) -> None:
        writer: EntryWriter | None = None
        current: str | None = None
        try:
            # Closed with the loop: a stream left half read keeps its client.
            with closing(stream_rows(self._metrics, table, runs)) as rows:
                for run, batch, hashes in rows:
                    if writer is None or run != current:
                        self._finish(writer, journal)
                        current, writer = run, self._writer(table, run)
                    writer.add(batch, hashes)
            self._finish(writer, journal)
            writer = None
        finally:
            if writer is not None:
                writer.close()

    def _writer(self, table: Table, run: str) -> EntryWriter:
        name = self._manifest.runs.get(run)
        return EntryWriter(self._folder, table, run, name, self._settings.export_file_bytes)

    def _finish(self, writer: EntryWriter | None, journal: Journal) -> None:
        if writer is None:
            return
        entry = writer.finish()
        self._manifest.entries[entry.at] = entry
        self._done.written_rows += entry.sum.rows
        try:
            journal.add(entry)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        killpoint("export.entry")

    # --- blobs

    def _export_blobs(self) -> None:
        kept = blobs_of(self._folder)
        named = sorted({digest for entry in self._manifest.entries.values() for digest in entry.blobs})
        for number, digest in enumerate(named):
            self._told("blobs", number, len(named))
            try:
                size = self._blobs.size(digest)
            except NotFound:
                self._manifest.missing.add(digest)
                continue
            self._manifest.blobs[digest] = size
            if kept.has(digest) and kept.size(digest) == size:
                continue
            try:
                kept.put(self._blobs.open(digest), digest, size)
            except BlobError as error:
                raise ExportError(f"cannot take out a blob: {error}") from error
            self._done.written_blobs += 1
            killpoint("export.blob")
        self._told("blobs", len(named), len(named))

    # --- the end

    def _compare(self, tables: Sequence[Table]) -> None:
        """With the store as it is now: a run that is being recorded has gone on."""
        moved = set()
        for number, table in enumerate(tables):
            self._told("comparing", number, len(tables))
            now = self._sums(table)
            written = {run: entry.sum for (run, name), entry in self._manifest.entries.items() if name == table.name}
            moved |= {run for run in now.keys() | written.keys() if now.get(run) != written.get(run)}
        self._told("comparing", len(tables), len(tables))
        self._done.moved_on = sorted(self._manifest.said(run) for run in moved)

    def _report(self) -> None:
        manifest = self._manifest
        self._done.runs = len(manifest.runs)
        self._done.rows = manifest.rows
        self._done.blobs, self._done.blob_bytes = len(manifest.blobs), sum(manifest.blobs.values())
        self._done.missing = sorted(manifest.missing)

    def _keep_what_is_gone(self, before: Manifest | None) -> None:
        """A run that this store does not have, or that was not asked for, stays in the folder."""
        if before is None:
            return
        now, asked = self._manifest, set(self._manifest.runs)
        for at, entry in before.entries.items():
            taken_over = entry.run in asked and "run" not in entry.table.key  # by a row of another run
            if not taken_over:
                now.entries.setdefault(at, entry)
        now.runs = {**before.runs, **now.runs}
        now.blobs = {**before.blobs, **now.blobs}
        now.missing |= before.missing - now.blobs.keys()

    def _remove_superseded(self, before: Manifest | None, kept: dict[tuple[str, str], Entry]) -> None:
        used = {file.path for entry in self._manifest.entries.values() for file in entry.files}
        old = [*kept.values(), *(before.entries.values() if before else ())]
        for path in {file.path for entry in old for file in entry.files} - used:
            (self._folder / path).unlink(missing_ok=True)


def _schema_of(metrics: MetricStore) -> int:
    """Raises StoreError where there is none, StoreTooNew for a later one."""
    version = min(metrics.migration_plan().versions.values())
    if not version:
        raise StoreError(f"{metrics.where} has no schema of stepwell: nothing was ever recorded there")
    return version


def _groups(rows: dict[str, int]) -> Iterator[list[str]]:
    """Runs that share a query: a large one has its own."""
    group: list[str] = []
    size = 0
    for run, count in rows.items():
        if group and (len(group) == RUNS_PER_QUERY or size + count > _GROUP_ROWS):
            yield group
            group, size = [], 0
        group.append(run)
        size += count
    if group:
        yield group
