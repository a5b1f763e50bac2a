"""`stepwell doctor`: the command, and how findings are shown."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table
from rich.text import Text

from ..output import print_json, terminal
from .finding import NOTE, OK, WRONG, Finding

__all__ = ["doctor"]

_MARKS = {WRONG: ("✗", "bold red"), NOTE: ("!", "yellow"), OK: ("✓", "green")}  # in the order in which they are shown


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list of {of, level, text, do, looked}.")
@click.option("-v", "--verbose", is_flag=True, help="Also what each check looked at.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, verbose: bool) -> None:
    """Says what is wrong with this set-up and what to do, the worst first.

    Looks at versions, home, disk, shared memory, agent and its log, service, token, clock, what waits to be sent, and
    at what a training process started here would be: its run and rank, and how long its finish would wait. The exit
    code is 1 if anything is wrong; notes do not count.

    \b
      stepwell doctor
      stepwell doctor -v
      stepwell doctor --json
    """
    from ...home import Home
    from .examine import examine

    order = list(_MARKS)
    findings = sorted(examine(Home()), key=lambda finding: order.index(finding.level))
    wrong = sum(finding.level == WRONG for finding in findings)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _show(findings, wrong, verbose)
    ctx.exit(1 if wrong else 0)


def _show(findings: list[Finding], wrong: int, verbose: bool) -> None:
    out = terminal()
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark, style = _MARKS[finding.level]
        text = Text(finding.text, overflow="fold")  # a path that is cut short is no use
        if finding.do:
            text.append(f"\n→ {finding.do}", style="bold")
        if verbose and finding.looked:
            text.append(f"\nlooked at: {finding.looked}", style="dim")
        table.add_row(Text(mark, style=style), Text(finding.of, style="bold"), text)
    out.print(table)
    out.print(f"\n[bold red]{wrong} wrong[/]" if wrong else "\n[green]nothing is wrong[/]")
