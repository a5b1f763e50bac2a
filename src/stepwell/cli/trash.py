"""`stepwell trash`, `restore` and `purge`: the two steps of deleting runs, and the way back from the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .output import print_json, reading_options, terminal

if TYPE_CHECKING:
    from ..query.retention import Trashed

__all__ = ["purge", "restore", "trash"]


@click.command()
@click.argument("runs", nargs=-1, metavar="RUN...")
@click.option("-r", "--reason", default="", help="Why; it is kept with the run.")
@click.option("--list", "listed", is_flag=True, help="List what is in the trash instead.")
@click.option("-p", "--project", help="With --list: only of this project.")
@click.option("--json", "as_json", is_flag=True, help="With --list: as JSON.")
@reading_options
def trash(
    runs: tuple[str, ...],
    reason: str,
    listed: bool,
    project: str | None,
    as_json: bool,
    server: str | None,
    home: str | None,
) -> None:
    """Puts runs in the trash: hidden everywhere, and whole. `stepwell restore` brings them back.

    RUN is "project/id", or an id where it is unique.

    \b
      stepwell trash digits/06dtkq2mf4 --reason "wrong labels"
      stepwell trash --list
    """
    from ..query import Api

    if listed == bool(runs):
        raise click.UsageError("name the runs to put in the trash, or --list what is there")
    with Api(server, home) as api:
        if not listed:
            paths = api.trash(runs, reason=reason)
            terminal().print(f"in the trash: {escape(', '.join(paths))}", soft_wrap=True)
            terminal().print(f"[dim]back with: stepwell restore {escape(' '.join(paths))}[/]", soft_wrap=True)
            return
        found = api.trashed(project)
        if as_json:
            print_json([_as_json(one) for one in found])
        elif found:
            terminal().print(_table(found))
        else:
            terminal().print(f"the trash of {escape(api.where)} is empty", soft_wrap=True)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@reading_options
def restore(runs: tuple[str, ...], server: str | None, home: str | None) -> None:
    """Brings runs back from the trash, with all that was recorded into them meanwhile.

    \b
      stepwell restore digits/06dtkq2mf4
    """
    from ..query import Api

    with Api(server, home) as api:
        paths = api.restore(runs)
        terminal().print(f"back: {escape(', '.join(paths))}", soft_wrap=True)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-r", "--reason", default="", help="Why; it is kept with the tombstone.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@reading_options
def purge(runs: tuple[str, ...], reason: str, yes: bool, server: str | None, home: str | None) -> None:
    """Removes runs that are in the trash for good.

    Every row of them goes; a tombstone (when, who, why) stays, so that a spool that comes late does not bring them
    back. Their checkpoints' bytes go with the next `stepwell gc`, where nothing else has the same.

    \b
      stepwell purge digits/06dtkq2mf4
    """
    from ..query import Api

    with Api(server, home) as api:
        if not yes:
            what = runs[0] if len(runs) == 1 else f"{len(runs)} runs ({', '.join(runs[:5])}...)"
            click.confirm(f"Remove {what} from {api.where} for good?", abort=True)
        paths = api.purge(runs, reason=reason)
        terminal().print(f"gone: {escape(', '.join(paths))}", soft_wrap=True)


def _table(found: Sequence[Trashed]) -> Table:
    table = Table("run", "since", "by", "reason", box=None, header_style="bold", pad_edge=False)
    for one in found:
        table.add_row(Text(str(one.key)), f"{one.time:%Y-%m-%d %H:%M}", Text(one.who), Text(one.reason))
    return table


def _as_json(one: Trashed) -> dict[str, object]:
    return {"run": str(one.key), "time": one.time, "by": one.who, "reason": one.reason}
