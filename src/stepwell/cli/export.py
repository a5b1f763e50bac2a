"""`stepwell export RUN`: every point of a run into a file of your own."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ..errors import StepwellError
from .output import bytes_text, reading_options, terminal

if TYPE_CHECKING:
    import pyarrow as pa

    from ..query import Run

__all__ = ["export"]

_Counted = Callable[[int], None]


@click.command()
@click.argument("run")
@click.option(
    "-f", "--format", "kind", type=click.Choice(["parquet", "csv", "json"]), default="parquet", show_default=True
)
@click.option("-m", "--metric", "metrics", multiple=True, help="These only; patterns like 'train/*' are taken.")
@click.option(
    "--long", is_flag=True, help="A row a point (metric, rank, step, time, value) instead of a column a metric."
)
@click.option("-o", "--output", metavar="FILE", help="Where to; - is standard output  [ID.FORMAT]")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@reading_options
def export(
    run: str,
    kind: str,
    metrics: tuple[str, ...],
    long: bool,
    output: str | None,
    force: bool,
    server: str | None,
    home: str | None,
) -> None:
    """Writes the exact history of RUN; nothing is sampled.

    \b
      stepwell export digits/06dtkq2mf4                            # 06dtkq2mf4.parquet
      stepwell export 06dtkq2mf4 --format csv -m 'val/*' -o -      # to standard output
      stepwell export 06dtkq2mf4 --format json                     # with config and summary

    Parquet carries config and summary in its schema's metadata (key "stepwell"). What was not logged is null (empty
    in CSV); NaN is NaN ("NaN" in JSON, which has no such number).
    """
    from ..query import Api

    with Api(server, home) as api:
        found = api.run(run)
        batches = api.reader.history([found.key], metrics, long=long)
        if output == "-":
            _WRITERS[kind](found, batches, sys.stdout.buffer, lambda _: None)
            sys.stdout.buffer.flush()
            return
        target = Path(output or f"{found.id}.{kind}")
        if target.exists() and not force:
            raise StepwellError(f"{target} exists already; --force writes over it, -o names another")
        out = terminal(stderr=True)
        total = sum(info.points for info in found.metrics if info.kind == "scalar") if long and not metrics else None
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=out, transient=True) as progress, _written(target) as file:
            task = progress.add_task(f"{target}", total=total)
            rows = 0

            def counted(more: int) -> None:
                nonlocal rows
                rows += more
                progress.update(task, advance=more, description=f"{target}  {rows:,} rows")

            _WRITERS[kind](found, batches, file, counted)
        out.print(f"[green]✓[/] {target}  [dim]{rows:,} rows, {bytes_text(target.stat().st_size)}[/]", soft_wrap=True)


@contextmanager
def _written(target: Path) -> Iterator[IO[bytes]]:
    """A file that has its name once it is whole."""
    partial = target.with_name(f".{target.name[:80]}.{secrets.token_hex(6)}.part")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(target)
    except OSError as error:
        raise StepwellError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _about(run: Run) -> dict[str, Any]:
    return {
        "run": run.path, "name": run.name, "state": run.state, "created": run.created.isoformat(),
        "tags": list(run.tags), "config": run.config, "summary": run.summary,
    }  # fmt: skip


def _parquet(run: Run, batches: pa.RecordBatchReader, file: IO[bytes], counted: _Counted) -> None:
    import pyarrow.parquet as pq

    schema = batches.schema.with_metadata({"stepwell": json.dumps(_about(run))})
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))
            counted(batch.num_rows)


def _csv(run: Run, batches: pa.RecordBatchReader, file: IO[bytes], counted: _Counted) -> None:
    from pyarrow import csv

    with csv.CSVWriter(file, batches.schema, write_options=csv.WriteOptions(quoting_style="needed")) as writer:
        for batch in batches:
            writer.write_batch(batch)
            counted(batch.num_rows)


def _json(run: Run, batches: pa.RecordBatchReader, file: IO[bytes], counted: _Counted) -> None:
    from .output import plain_json

    head = json.dumps(plain_json(_about(run)), ensure_ascii=False, indent=1)
    file.write(head[:-2].encode() + b',\n "history": [')
    first = True
    for batch in batches:
        for part in range(0, batch.num_rows, 10_000):
            rows = batch.slice(part, 10_000).to_pylist()
            lines = ",\n  ".join(json.dumps(plain_json(row), ensure_ascii=False) for row in rows)
            file.write((("\n  " if first else ",\n  ") + lines).encode())
            first = False
            counted(len(rows))
    file.write(b"\n ]\n}\n")


_WRITERS: dict[str, Callable[[Run, pa.RecordBatchReader, IO[bytes], _Counted], None]] = {
    "parquet": _parquet,
    "csv": _csv,
    "json": _json,
}
