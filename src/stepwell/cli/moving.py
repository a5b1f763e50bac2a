"""`stepwell export --all DIR` and `stepwell import DIR`: whole stores into a folder and out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ..errors import StoreBusy
from .migrate import blobs_option, metrics_option
from .output import bytes_text, terminal

if TYPE_CHECKING:
    from ..home import Home
    from ..moving import Exported, Imported
    from ..stores.blobs import BlobStore
    from ..stores.metrics import MetricStore

__all__ = ["export_all", "import_"]

_SHOWN = 20  # names in a list; the count is said in full


def export_all(folder: Path, project: str, run: str, metrics: str | None, blobs: str | None) -> None:
    """What `stepwell export --all` does."""
    from ..query.embedded import missing_extra
    from ..settings import Settings

    try:
        from ..moving import Selection, export_store
    except ImportError as error:
        raise missing_extra("`stepwell export --all`", error) from error
    out = terminal(stderr=True)
    with _stores(metrics, blobs, "export", take_in=True) as (rows, files), _progress(out) as told:
        done = export_store(rows, files, folder, Selection(project, run), Settings.load(), told)
    _say_exported(out, folder, done)


@click.command("import")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check every file and say what would be imported; change nothing.")
@click.option("--project", metavar="P", default="", help="Only the runs of this project.")
@click.option("--run", metavar="R", default="", help="Only this run (project/id, or an id that is unique).")
@metrics_option
@blobs_option
@click.pass_context
def import_(
    ctx: click.Context,
    directory: Path,
    dry_run: bool,
    project: str,
    run: str,
    metrics: str | None,
    blobs: str | None,
) -> None:
    """Brings in what `stepwell export --all` wrote.

    It goes into this home's own stores, or into those that are named. Every file is checked against its digest before
    it is inserted, and what the stores hold is compared with it afterwards. Running it again does no harm and goes
    on where it ended. Of a row that is there already the newer version counts.

    \b
      stepwell import backup/ --dry-run
      stepwell import backup/
      stepwell import backup/ --metrics clickhouse://user:password@db:8123/stepwell --blobs "s3://stepwell?endpoint=minio:9000"

    The exit code is 1 where something is damaged or did not come in whole; what could be imported is.
    """
    from ..query.embedded import missing_extra
    from ..settings import Settings

    try:
        from ..moving import Selection, import_store
    except ImportError as error:
        raise missing_extra("`stepwell import`", error) from error
    out = terminal(stderr=True)
    with _stores(metrics, blobs, "import", take_in=False) as (rows, files), _progress(out) as told:
        done = import_store(rows, files, directory, Selection(project, run), Settings.load(), told, dry_run=dry_run)
        where = f"{rows.where} and {files.where}"
    _say_imported(out, where, done, dry_run=dry_run)
    ctx.exit(1 if done.problems else 0)


@contextmanager
def _stores(
    metrics: str | None, blobs: str | None, doing: str, *, take_in: bool
) -> Iterator[tuple[MetricStore, BlobStore]]:
    """Those that are named, else the home's own. take_in: what waits in the home's spools first."""
    from ..home import Home
    from ..stores.blobs import open_blobs
    from ..stores.local import local_urls
    from ..stores.metrics import open_metrics

    home = Home()
    home.make(home.store)
    own_metrics, own_blobs = local_urls(home)
    try:
        if take_in and not metrics:
            _take_in(home)
        store = open_metrics(metrics or own_metrics)
    except StoreBusy as error:
        raise StoreBusy(
            f"{error} `stepwell {doing}` needs it to itself: stop the service for as long as it takes. Runs go on "
            "meanwhile, and their agents keep what they record until the service is back."
        ) from error
    try:
        yield store, open_blobs(blobs or own_blobs)
    finally:
        store.close()


def _take_in(home: Home) -> None:
    from ..agent.sync import drain_rings
    from ..query.intake import Intake
    from ..settings import Settings
    from ..stores.local import LocalStores

    drain_rings(home, Settings.load())
    with LocalStores(home) as stores:
        Intake(stores, home).refresh()


@contextmanager
def _progress(out: Console) -> Iterator[Callable[[str, int, int], None]]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("opening", total=None)

        def told(doing: str, done: int, of: int) -> None:
            progress.update(task, description=doing, completed=done, total=of)

        yield told


def _say_exported(out: Console, folder: Path, done: Exported) -> None:
    blobs = f"{done.blobs:,} blobs ({bytes_text(done.blob_bytes)})"
    out.print(
        f"[green]✓[/] {escape(str(folder))}  [dim]{done.runs:,} runs, {done.rows:,} rows, {blobs}; written this time: "
        f"{done.written_rows:,} rows, {done.written_blobs:,} blobs[/]",
        soft_wrap=True,
    )
    _list(out, "missing", "not among the blobs (never uploaded, or kept elsewhere by reference)", done.missing)
    _list(out, "moved on", "recorded while it was read; export again to catch up", done.moved_on)


def _say_imported(out: Console, where: str, done: Imported, *, dry_run: bool) -> None:
    blobs = f"{done.blobs:,} blobs ({bytes_text(done.blob_bytes)})"
    new = f"{done.inserted_rows:,} rows and {done.stored_blobs:,} blobs"
    if dry_run:
        verdict = f"{done.runs:,} runs, {done.rows:,} rows, {blobs} were checked; {new} would go into {escape(where)}"
    else:
        verdict = (
            f"{done.runs:,} runs, {done.rows:,} rows, {blobs} are in {escape(where)}  [dim]{new} came in; counts and "
            "checksums of every table and run were compared[/]"
        )
    mark = "[red]✗[/]" if done.problems else "[green]✓[/]"
    out.print(f"{mark} {verdict}", soft_wrap=True)
    _list(out, "merged", "the store has other rows of it too; of each row the newer version counts", done.merged)
    _list(out, "missing", "was not among the blobs of the store that was exported", done.missing)
    for problem in done.problems:
        out.print(f"[red]problem[/] {escape(problem)}", soft_wrap=True)


def _list(out: Console, word: str, why: str, names: list[str]) -> None:
    for name in names[:_SHOWN]:
        out.print(f"[yellow]{word}[/] {escape(name)}  [dim]{why}[/]", soft_wrap=True)
    if len(names) > _SHOWN:
        out.print(f"[yellow]{word}[/] ... {len(names):,} in all", soft_wrap=True)
