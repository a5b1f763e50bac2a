"""`stepwell doctor`: what is wrong with this set-up, and what to do."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table
from rich.text import Text

from .output import print_json, terminal

__all__ = ["doctor"]

_MARKS = {"ok": ("✓", "green"), "note": ("!", "yellow"), "wrong": ("✗", "bold red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Says what is wrong with this set-up and what to do.

    Looks at versions, home, disk, shared memory, agent, service, token, clock and what waits to be sent. The exit
    code is 1 if anything is wrong; notes do not count.
    """
    from ..home import Home
    from .checks import examine

    findings = list(examine(Home()))
    wrong = sum(finding.level == "wrong" for finding in findings)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        out = terminal()
        table = Table(box=None, show_header=False, pad_edge=False)
        for finding in findings:
            mark, style = _MARKS[finding.level]
            text = Text(finding.text, overflow="fold")  # a path that is cut short is no use
            if finding.do:
                text.append(f"\n→ {finding.do}", style="bold")
            table.add_row(Text(mark, style=style), Text(finding.of, style="bold"), text)
        out.print(table)
        out.print(f"\n[bold red]{wrong} wrong[/]" if wrong else "\n[green]nothing is wrong[/]")
    ctx.exit(1 if wrong else 0)
