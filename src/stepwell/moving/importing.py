"""A folder into a store: checked before it is inserted, inserted under its own keys, compared afterwards."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ..errors import BlobError, ExportError, ExportTooNew, NotFound
from ..killpoints import killpoint
from ..settings import Settings
from ..stores.blobs import BlobStore
from ..stores.metrics import MetricStore
from ..stores.migrate import LATEST
from .blobs import blobs_of
from .exporting import Told
from .manifest import Entry, Sum, Table, read_manifest
from .merged import first_lost_row
from .parquet import check_file, in_parts, read_rows
from .selection import Selection
from .tables import RUNS_TABLE, as_run, fitting, sums_of_runs, tables_of

__all__ = ["Imported", "import_store"]

_HOME_SHARD = 1  # takes what is about no run


@dataclass
class Imported:
    """Attributes:
    runs, rows, blobs: What the folder has of the runs that were asked for.
    inserted_rows, stored_blobs: What of it was not there yet, and is now (or would be, by a dry run).
    merged: Runs of which the store had, or has, rows that the folder has not: of each row the newer version counts.
    missing: Digests that rows name, and that were not in the store of the export either.
    problems: What could not be imported, or did not come out as it should; each names the file or run.
    """

    runs: int = 0
    rows: int = 0
    blobs: int = 0
    blob_bytes: int = 0
    inserted_rows: int = 0
    stored_blobs: int = 0
    merged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def import_store(
    metrics: MetricStore,
    blobs: BlobStore,
    folder: Path,
    selection: Selection,
    settings: Settings,
    told: Told,
    *,
    dry_run: bool = False,
) -> Imported:
    """Brings the folder's runs into the stores, whose schema is brought to this version's first.

    Running it again does no harm: what is there is left alone. Every file is read once to check it and once to insert
    it. A damaged one is named and left out; the rest is imported.

    Args:
        dry_run: Only check the folder, and say what an import would do; the stores are not changed.

    Raises:
        ExportError: The folder holds no whole export (ExportTooNew: one of a later version).
        StoreError, BlobError: A store fails; what was imported stays, and the next import goes on.
        NotFound: No run is as asked for.
    """
    return _Import(metrics, blobs, folder, selection, settings, told, dry_run).run()


class _Import:
    def __init__(
        self,
        metrics: MetricStore,
        blobs: BlobStore,
        folder: Path,
        selection: Selection,
        settings: Settings,
        told: Told,
        dry_run: bool,
    ) -> None:
        self._metrics, self._blobs, self._folder, self._dry = metrics, blobs, folder, dry_run
        self._settings, self._told = settings, told
        self._manifest = read_manifest(folder)
        self._check_schema()
        self._entries = self._chosen(selection)
        self._done = Imported()
        self._damaged: set[tuple[str, str]] = set()

    def _check_schema(self) -> None:
        manifest = self._manifest
        if manifest.schema > LATEST:
            raise ExportTooNew(
                f"{self._folder} was written from schema {manifest.schema} by stepwell {manifest.stepwell}, and this "
                f"version knows up to {LATEST}. Nothing was imported. Install that version (pip install -U stepwell)."
            )

    def _chosen(self, selection: Selection) -> list[Entry]:
        """Run by run, in each the table of runs last."""
        runs = selection.of(self._manifest.runs, str(self._folder))
        self._runs = runs
        everything = selection.everything
        entries = [entry for entry in self._manifest.entries.values() if everything or entry.run in runs]
        said = self._manifest.said
        return sorted(entries, key=lambda one: (said(one.run), one.run, one.table.name == RUNS_TABLE, one.table.name))

    def run(self) -> Imported:
        done = self._done
        done.runs, done.rows = len(self._runs), sum(entry.sum.rows for entry in self._entries)
        named = {digest for entry in self._entries for digest in entry.blobs}
        done.missing = sorted(named & self._manifest.missing)
        before = self._before()
        self._import_blobs(sorted(named - self._manifest.missing))
        self._import_rows(before)
        if not self._dry:
            self._compare()
            if self._manifest.schema < LATEST:
                self._metrics.fill_again(self._manifest.schema)
        return done

    def _before(self) -> dict[tuple[str, str], Sum]:
        """What the store has of these runs already. Raises ExportError for a table that would not fit."""
        if self._dry:
            if not min(self._metrics.migration_plan().versions.values()):
                return {}
        else:
            self._metrics.migrate()
            self._blobs.prepare()
            self._blobs.check()
        there = tables_of(self._metrics)
        for table in self._tables():
            wrong = fitting(table, there)
            if wrong and not (self._dry and self._metrics.migration_plan().pending):
                raise ExportError(
                    f"{self._folder} cannot be imported: {wrong}, which schema {self._manifest.schema} had. Nothing "
                    f"was imported. Import it with stepwell {self._manifest.stepwell}, then migrate."
                )
            if wrong:
                return {}
        return self._sums()

    def _tables(self) -> list[Table]:
        return list(dict.fromkeys(entry.table for entry in self._entries))

    def _sums(self) -> dict[tuple[str, str], Sum]:
        """By (run, table), over the columns that the folder has."""
        found: dict[tuple[str, str], Sum] = {}
        tables = self._tables()
        for number, table in enumerate(tables):
            self._told("comparing", number, len(tables))
            runs = [entry.run for entry in self._entries if entry.table == table]
            sums = sums_of_runs(self._metrics, table, runs)
            found.update({(run, table.name): its for run, its in sums.items() if run in set(runs)})
        self._told("comparing", len(tables), len(tables))
        return found

    # --- blobs

    def _import_blobs(self, digests: list[str]) -> None:
        self._done.blobs = len(digests)
        if not digests:
            return
        kept = blobs_of(self._folder)
        for number, digest in enumerate(digests):
            self._told("blobs", number, len(digests))
            size = self._manifest.blobs[digest]
            self._done.blob_bytes += size
            there = self._has(digest, size)
            if there and not self._dry:
                continue
            try:
                pieces = kept.open(digest)
                if self._dry:
                    for _ in pieces:
                        pass
                else:
                    self._blobs.put(pieces, digest, size)
                    killpoint("import.blob")
                self._done.stored_blobs += not there
            except NotFound:
                self._problem(f"{self._folder / 'blobs' / digest[:2] / digest[2:4] / digest} is missing")
            except BlobError as error:
                if error.passing:
                    raise
                self._problem(f"{self._folder / 'blobs'}: {error}")
        self._told("blobs", len(digests), len(digests))

    def _has(self, digest: str, size: int) -> bool:
        try:
            return self._blobs.has(digest) and self._blobs.size(digest) == size
        except BlobError:
            if self._dry:  # a bucket that an import would make
                return False
            raise

    # --- rows

    def _import_rows(self, before: Mapping[tuple[str, str], Sum]) -> None:
        total, inserted = sum(entry.sum.rows for entry in self._entries), 0
        for entry in self._entries:
            self._told("rows", inserted, total)
            if self._dry or before.get(entry.at) != entry.sum:
                self._import_entry(entry, count=before.get(entry.at) != entry.sum)
            inserted += entry.sum.rows
        self._told("rows", total, total)

    def _import_entry(self, entry: Entry, *, count: bool) -> None:
        for file in entry.files:
            try:
                check_file(self._folder, file)
            except ExportError as error:
                self._damaged.add(entry.at)
                self._problem(f"{error} ({file.rows:,} rows of {entry.table.name} of {self._said(entry.run)})")
                continue
            if not self._dry:
                run = as_run(entry.run)
                shard = self._metrics.shard_of(run) if run else _HOME_SHARD if self._metrics.sharded else 0
                columns = [column.name for column in entry.table.columns]
                for data in _streams(read_rows(self._folder, file), self._settings.import_batch_bytes):
                    self._metrics.insert_arrow(entry.table.name, columns, data, shard)
                    killpoint("import.insert")
            if count:
                self._done.inserted_rows += file.rows

    # --- the end

    def _compare(self) -> None:
        after = self._sums()
        merged = set()
        for entry in self._entries:
            now = after.get(entry.at)
            if now == entry.sum or entry.at in self._damaged:
                continue
            lost = first_lost_row(self._metrics, self._folder, entry)
            if lost:
                self._problem(f"{entry.table.name} of {self._said(entry.run)} did not come in whole: {lost}")
            else:
                merged.add(self._said(entry.run))
        self._done.merged = sorted(merged)

    def _said(self, run: str) -> str:
        return self._manifest.said(run)

    def _problem(self, text: str) -> None:
        self._done.problems.append(text)


def _streams(batches: Iterator[pa.RecordBatch], bytes_max: int) -> Iterator[bytes]:
    """Arrow streams of about so many bytes, each for one insert."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        for part in in_parts(batch, bytes_max):
            if waiting and size + part.nbytes > bytes_max:
                yield _encoded(waiting)
                waiting, size = [], 0
            waiting.append(part)
            size += part.nbytes
    if waiting:
        yield _encoded(waiting)


def _encoded(batches: list[pa.RecordBatch]) -> bytes:
    """Without the schema's metadata, as one batch: an insert is whole or not there only within a block."""
    table = pa.Table.from_batches(batches).replace_schema_metadata(None).combine_chunks()
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()
