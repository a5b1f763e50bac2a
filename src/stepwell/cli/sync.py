"""`stepwell sync [DIR]`: what still waits in spools and staging goes to the service, or into the embedded store."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.markup import escape

from ..address import fetch_info, find_service
from ..errors import ServiceUnavailable, StoreBusy
from ..home import Home
from ..settings import Settings
from .output import bytes_text, terminal

__all__ = ["sync"]


@click.command()
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--server", metavar="URL", help="Send everything there, whatever the runs named.")
@click.pass_context
def sync(ctx: click.Context, directory: Path | None, server: str | None) -> None:
    """Sends what was recorded offline or is left over.

    DIRECTORY is a STEPWELL_HOME, a folder of spools or one spool, of this host or another's; without it, this
    home's. With no service in reach it goes into this home's own store. Running it twice does no harm.

    \b
      stepwell sync
      stepwell sync /shared/home/of/the/cluster/job
      stepwell sync --server https://stepwell.lab:7450
    """
    from ..platforms import needs_unix

    needs_unix("Sending what was recorded")
    home = Home()
    root = (directory or home.path).absolute()
    if _answers(home, server):
        done = _to_service(home, root, server)
    else:
        try:
            done = _to_store(home, root)
        except StoreBusy:
            if not _answers(home, server):  # else: a service that has just come up
                raise
            done = _to_service(home, root, server)
    ctx.exit(0 if done else 1)


def _answers(home: Home, server: str | None) -> bool:
    """Whether there is a service to send to. Raises ServiceUnavailable where one is named and does not answer."""
    named = server or os.environ.get("STEPWELL_SERVER", "")
    address = find_service(home, named)
    if address is None:
        return False
    try:
        fetch_info(address.url)
    except ServiceUnavailable:
        if named:
            raise
        return False
    return True


def _to_service(home: Home, root: Path, server: str | None) -> bool:
    from ..agent.sync import SyncReport
    from ..agent.sync import sync as send

    out = terminal()
    with out.status("sending what waits") as status:

        def said(report: SyncReport) -> None:
            status.update(f"{report.blocks:,} blocks, {report.artifacts} checkpoints, {bytes_text(report.bytes)}")

        report = send(home, [root], server, said)
    size = bytes_text(report.bytes + report.artifact_bytes)
    out.print(f"[green]✓[/] sent {report.blocks:,} blocks and {report.artifacts} checkpoints ({size})")
    _say_discarded(report.discarded)
    left = [*report.problems]
    if report.left_bytes or report.left_artifacts:
        left.append(f"{bytes_text(report.left_bytes)} and {report.left_artifacts} checkpoints wait for another try")
    if report.refused:
        left.append(f"{report.refused} refused by the service; `stepwell doctor` says where they are")
    if report.held:
        left.append(f"{report.held} held for a newer service: pip install -U stepwell there")
    _say_left(left)
    return report.complete


def _to_store(home: Home, root: Path) -> bool:
    from ..agent.sync import drain_rings
    from ..query.embedded import missing_extra

    try:
        from ..query.intake import Synced, sync_embedded
        from ..stores.local import LocalStores
    except ImportError as error:
        raise missing_extra("`stepwell sync` without a service", error) from error
    if root == home.path:
        drain_rings(home, Settings.load())
    out = terminal()
    with LocalStores(home) as stores, out.status("taking in what waits") as status:

        def said(done: Synced) -> None:
            status.update(f"{done.blocks:,} blocks, {bytes_text(done.bytes)}")

        done = sync_embedded(stores, root, progress=said)
    out.print(
        f"[green]✓[/] {done.blocks:,} blocks ({bytes_text(done.bytes)}) of {done.spools} spools and "
        f"{done.checkpoints} checkpoints are in {home.store}"
    )
    _say_discarded(done.discarded)
    _say_left(done.left)
    return not done.left


def _say_discarded(count: int) -> None:
    if count:
        terminal().print(f"[yellow]discarded[/] {count:,} of these blocks and checkpoints: their runs were purged")


def _say_left(lines: list[str]) -> None:
    out = terminal()
    for line in lines:
        out.print(f"[yellow]left[/] {escape(line)}", soft_wrap=True)
