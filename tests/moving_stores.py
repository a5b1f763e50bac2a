"""A store to move, with a record of every kind in it, and what is asked of two that should hold the same."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from blake3 import blake3

from making_blocks import Making
from stepwell import _core
from stepwell.blocks import seal
from stepwell.ids import run_uuid
from stepwell.moving import Exported, Imported, Selection, export_store, import_store
from stepwell.settings import Settings
from stepwell.stores.artifacts import ArtifactCommit, ArtifactFile, commit
from stepwell.stores.blobs import BlobStore, open_blobs
from stepwell.stores.ingest import Ingest
from stepwell.stores.metrics import MetricStore, open_metrics

__all__ = ["BLOBS", "IDS", "PROJECT", "SMALL", "TABLES", "VALUES", "MakePlace", "Place", "fill"]

PROJECT = "prö:ject"
IDS = ["every kind", "rewound", "trashed", ".odd%id", "plain"]
NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_DEAD_BEEF))[0]
VALUES = [0.1, -0.0, 0.0, float("inf"), float("-inf"), float("nan"), NAN, 5e-324, 1.7976931348623157e308]
BLOBS = {"empty": b"", "one byte": b"x", "größe/数据 \N{SNOWMAN}.bin": bytes(range(256)) * (40 << 12)}
TABLES = [
    "scalars", "texts", "histograms", "console", "fields", "events", "artifacts", "runs", "rewinds", "removals",
    "lasts", "aliases", "uses", "system",
]  # fmt: skip
SMALL = Settings(export_file_bytes=20_000, import_batch_bytes=8_000)
"""So that small runs have several files, and files several inserts."""


@dataclass
class Place:
    """Where a store lies. One embedded store may be open in a process, so each is opened for as long as needed."""

    metrics_url: str
    blobs_url: str

    @contextmanager
    def open(self, *, migrate: bool = False) -> Iterator[tuple[MetricStore, BlobStore]]:
        metrics, blobs = open_metrics(self.metrics_url), open_blobs(self.blobs_url)
        try:
            if migrate:
                metrics.migrate()
                blobs.prepare()
            yield metrics, blobs
        finally:
            metrics.close()

    def export(self, folder: Path, selection: Selection | None = None, settings: Settings = SMALL) -> Exported:
        with self.open() as (metrics, blobs):
            return export_store(metrics, blobs, folder, selection or Selection(), settings, lambda *_: None)

    def bring(self, folder: Path, selection: Selection | None = None, *, dry_run: bool = False) -> Imported:
        with self.open() as (metrics, blobs):
            chosen = selection or Selection()
            return import_store(metrics, blobs, folder, chosen, SMALL, lambda *_: None, dry_run=dry_run)

    def contents(self) -> dict[str, list[Any]]:
        """Every table's FINAL rows in the order of all their columns, floats as their bits."""
        with self.open() as (metrics, _):
            found = {}
            for table in TABLES:
                rows = metrics.query_arrow(f"SELECT * FROM {table} FINAL").to_pylist()
                found[table] = sorted(repr(_bits(list(row.items()))) for row in rows)
            return found

    def blobs(self) -> dict[str, bytes]:
        with self.open() as (_, blobs):
            digests = [blake3(data).hexdigest() for data in BLOBS.values()]
            return {digest: b"".join(blobs.open(digest)) for digest in digests}


def _bits(value: Any) -> Any:
    if isinstance(value, float):
        return struct.pack("<d", value).hex()
    return [_bits(below) for below in value] if isinstance(value, (list, tuple)) else value


MakePlace = Callable[[str], Place]


def fill(metrics: MetricStore, blobs: BlobStore) -> None:
    outcomes = Ingest(metrics, blobs).write(list(_blocks()))
    assert [outcome.reason for outcome in outcomes] == [None] * len(outcomes)
    files = []
    for path, data in BLOBS.items():
        digest = blake3(data).hexdigest()
        blobs.put([data], digest, len(data))
        files.append(ArtifactFile(path, digest, len(data)))
    files.append(ArtifactFile("elsewhere", f"sha256:{'0' * 64}", 5, "s3://bucket/elsewhere"))
    commit(artifact(tuple(files)), metrics, blobs)
    now = datetime(2026, 2, 3, tzinfo=timezone.utc)
    figure = [run_uuid(PROJECT, IDS[0]), "host", "gpu0", "power", now, NAN, 1]
    metrics.insert_rows("system", ("run", "host", "device", "metric", "time", "value", "version"), [figure])
    row = [run_uuid(PROJECT, "trashed"), "trashed", 0, now, "me", "by a test", 1]
    metrics.insert_rows("removals", ("run", "state", "attempt", "time", "who", "reason", "version"), [row])


def artifact(files: tuple[ArtifactFile, ...]) -> ArtifactCommit:
    run = run_uuid(PROJECT, IDS[0])
    return ArtifactCommit(
        PROJECT, IDS[0], run.bytes, 5, 6, 0, 7, 8, 1_767_225_600_000, "checkpoint", "ein Gewicht \N{SNOWMAN}",
        '{"größe": 1}', files, type="model", aliases=("latest", "best"),
    )  # fmt: skip


def _blocks() -> Iterator[bytes]:
    for number, id in enumerate(IDS):
        making = Making(project=PROJECT, id=id, writer=number + 1)
        yield making.records((_core.KIND_EVENT, (b"start", b"{}")))
        yield making.block(3000 if number == 0 else 20, ("loss", "val/acc"))
        yield making.records((_core.KIND_FIELD, (b"config/lr", b"0.1", b"user", struct.pack("<d", 0.1))))
    making = Making(project=PROJECT, id=IDS[0], writer=21, attempt=1001, row_seq=10_000)
    builder = making.builder()
    for step, value in enumerate(VALUES):
        builder.add_row([("odd values", value)], 10_001 + step, step, 1_767_225_600_000)
    making.row_seq = 20_000
    yield seal(builder, 3)
    making.row_seq = 0  # steps of before once more, in a later attempt
    yield making.block(50, ("loss",))
    making.row_seq = 30_000
    values = memoryview(struct.pack("5d", 1.0, NAN, float("inf"), -3.0, 1e-9)).cast("d")
    yield making.records(
        (_core.KIND_CONSOLE, (b"1", "eine Zeile \N{SNOWMAN}\n".encode())),
        (_core.KIND_TEXT, (b"sample", b"a text")),
        (_core.KIND_TEXT, (b"sample", b"")),
        (_core.KIND_HISTOGRAM, (b"weights", _core.histogram(values))),
        (_core.KIND_FIELD, ("config/größe".encode(), b"NaN", b"user", struct.pack("<d", NAN))),
        (_core.KIND_EVENT, (b"alert", b'{"text":"hot"}')),
        (_core.KIND_EVENT, (b"use_artifact", b'{"project":"p","type":"model","name":"other","as":"base"}')),
        (_core.KIND_CHECKPOINT, (b"checkpoint", b"staged only", b'[{"path":"a","size":5}]', b"{}", b"5")),
        (_core.KIND_EVENT, (b"finish", b"{}")),
    )
    rewound = Making(project=PROJECT, id="rewound", writer=102, attempt=2000, row_seq=10)
    yield rewound.records((_core.KIND_EVENT, (b"rewind", b"{}")))
    yield rewound.block(3, ("loss",))
