"""`stepwell export RUN`: every point of a run into a file of your own. `--all DIR`: a whole store into a folder."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ..errors import StepwellError
from .migrate import blobs_option, metrics_option
from .moving import export_all
from .output import bytes_text, reading_options, terminal

if TYPE_CHECKING:
    import pyarrow as pa

    from ..query import Run

__all__ = ["export"]

_Counted = Callable[[int], None]


@click.command()
@click.argument("run", required=False)
@click.option(
    "-f", "--format", "kind", type=click.Choice(["parquet", "csv", "json"]), default="parquet", show_default=True
)
@click.option("-m", "--metric", "names", multiple=True, help="These only; patterns like 'train/*' are taken.")
@click.option(
    "--long", is_flag=True, help="A row a point (metric, rank, step, time, value) instead of a column a metric."
)
@click.option("-o", "--output", metavar="FILE", help="Where to; - is standard output  [ID.FORMAT]")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@reading_options
@click.option(
    "--all",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Everything of the stores into a folder, for `stepwell import`.",
)
@click.option("--project", metavar="P", default="", help="With --all: only the runs of this project.")
@click.option("--run", "chosen", metavar="R", default="", help="With --all: only this run.")
@metrics_option
@blobs_option
@click.pass_context
def export(
    ctx: click.Context,
    run: str | None,
    kind: str,
    names: tuple[str, ...],
    long: bool,
    output: str | None,
    force: bool,
    server: str | None,
    home: str | None,
    folder: Path | None,
    project: str,
    chosen: str,
    metrics: str | None,
    blobs: str | None,
) -> None:
    """Writes the exact history of RUN; nothing is sampled. With --all DIR: everything that the stores hold.

    \b
      stepwell export digits/06dtkq2mf4                            # 06dtkq2mf4.parquet
      stepwell export 06dtkq2mf4 --format csv -m 'val/*' -o -      # to standard output
      stepwell export 06dtkq2mf4 --format json                     # with config and summary

    Parquet carries config and summary in its schema's metadata (key "stepwell"). What was not logged is null (empty
    in CSV); NaN is NaN ("NaN" in JSON, which has no such number).

    \b
      stepwell export --all backup/                                # this home's own stores
      stepwell export --all backup/ --project digits               # into the same folder again: only what is new
      stepwell export --all backup/ --metrics clickhouse://user:password@db:8123/stepwell --blobs "s3://stepwell?endpoint=minio:9000"

    The folder has every row of every table as Parquet, every blob, and a manifest by which `stepwell import` checks
    them. One that broke off is gone on with by the same command.
    """
    if folder is not None:
        _refuse(ctx, "--all", ("run", "kind", "names", "long", "output", "force", "server", "home"))
        export_all(folder, project, chosen, metrics, blobs)
        return
    if run is None:
        raise click.UsageError("name a RUN, or --all DIR for everything", ctx)
    _refuse(ctx, "RUN", ("project", "chosen"))
    _export_run(run, kind, names, long, output, force, server, home)


def _refuse(ctx: click.Context, beside: str, parameters: tuple[str, ...]) -> None:
    """Raises UsageError for what was given and would be left unheeded."""
    for parameter in ctx.command.params:
        given = ctx.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if parameter.name in parameters and given:
            raise click.UsageError(f"{parameter.opts[0]} says nothing beside {beside}", ctx)


def _export_run(
    run: str,
    kind: str,
    metrics: tuple[str, ...],
    long: bool,
    output: str | None,
    force: bool,
    server: str | None,
    home: str | None,
) -> None:
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
    partial = target.with_name(f".{secrets.token_hex(8)}.part")  # not of its name, which may be as long as can be
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
