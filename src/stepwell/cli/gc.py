"""`stepwell gc` and `retention`: what the rules of projects no longer keep, shown first and then removed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..errors import InvalidValue
from .output import bytes_text, print_json, reading_options, terminal

if TYPE_CHECKING:
    from ..stores.retention.records import Going, Rule

__all__ = ["gc", "retention"]

_SHOWN = 20  # of each kind
_SAID = {
    "trash": ("run to the trash", "runs to the trash"),
    "purge": ("run out of the trash for good", "runs out of the trash for good"),
    "checkpoint": ("checkpoint", "checkpoints"),
    "blob": ("blob", "blobs"),
    "upload": ("upload that was given up", "uploads that were given up"),
}
_FREES = ("blob", "upload")
_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)([hdwy])")


@click.command()
@click.option("--apply", is_flag=True, help="Do it. Without this nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@reading_options
def gc(apply: bool, as_json: bool, server: str | None, home: str | None) -> None:
    """Shows what nothing keeps any more, and why; with --apply removes it.

    \b
      runs         not heard of for a project's --max-age go to the trash
      the trash    what has been in it for the project's --trash-days (or the setting trash_days) is purged
      checkpoints  beyond a project's --keep-last and --keep-best
      blobs        that no checkpoint or artifact names
      uploads      of blobs that nobody has gone on with

    \b
      stepwell gc
      stepwell gc --apply

    Never what is younger than the setting gc_grace_h (a day), held (`stepwell hold`), named by an alias, or used by
    another run. It may be ended at any time, and run twice at once.
    """
    from ..query.api import open_reader

    reader = open_reader(server, home)
    try:
        out = terminal()
        found = list(_told(reader.retention.gc(apply=apply), out if not as_json else terminal(stderr=True)))
        if as_json:
            print_json([{"what": one.what, "name": one.name, "why": one.why, "size": one.size} for one in found])
            return
        if not found:
            out.print(f"nothing to remove from {escape(reader.where)}", soft_wrap=True)
            return
        out.print(_table(found))
        out.print(_sum(found, "removed" if apply else "would go"))
        if not apply:
            out.print("[dim]nothing was changed; to do it: stepwell gc --apply[/]")
    finally:
        reader.close()


def _told(going: Iterator[Going], out: Console) -> Iterator[Going]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task, counts, size = progress.add_task("looking", total=None), Counter[str](), 0
        for one in going:
            counts[one.what] += 1
            size += one.size if one.what in _FREES else 0
            said = ", ".join(_count(what, number) for what, number in counts.items())
            progress.update(task, description=f"{said}, {bytes_text(size)}")
            yield one


def _table(found: list[Going]) -> Table:
    table = Table("what", "", "why", box=None, header_style="bold", pad_edge=False)
    table.add_column("size", justify="right")
    counts = Counter(one.what for one in found)
    shown: Counter[str] = Counter()
    for one in found:
        shown[one.what] += 1
        if shown[one.what] <= _SHOWN:
            size = bytes_text(one.size) if one.what in (*_FREES, "checkpoint") else ""
            table.add_row(one.what, Text(one.name), Text(one.why), size)
        elif shown[one.what] == _SHOWN + 1:
            table.add_row(one.what, Text(f"and {counts[one.what] - _SHOWN} more (--json has all)", style="dim"), "", "")
    return table


def _sum(found: list[Going], done: str) -> str:
    counts = Counter(one.what for one in found)
    freed = sum(one.size for one in found if one.what in _FREES)
    return f"{done}: {', '.join(_count(what, number) for what, number in counts.items())}; {bytes_text(freed)} of blobs"


def _count(what: str, number: int) -> str:
    return f"{number:,} {_SAID[what][number != 1]}"


@click.command()
@click.argument("project", required=False)
@click.option("--keep-last", type=click.IntRange(1), metavar="N", help="Keep the checkpoints of a run's last N steps.")
@click.option(
    "--keep-best", multiple=True, metavar="METRIC:min|max:N", help="And those where METRIC was best. May be repeated."
)
@click.option("--max-age", metavar="365d", help="Runs not heard of for longer go to the trash: h, d, w or y.")
@click.option("--trash-days", type=click.FloatRange(0), metavar="DAYS", help="How long the trash keeps them.")
@click.option("--clear", is_flag=True, help="Take the project's rules away.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@reading_options
def retention(
    project: str | None,
    keep_last: int | None,
    keep_best: tuple[str, ...],
    max_age: str | None,
    trash_days: float | None,
    clear: bool,
    as_json: bool,
    server: str | None,
    home: str | None,
) -> None:
    """Shows the rules by which `stepwell gc` removes, or changes those of a project.

    What is not named stays as it is. Without rules a project keeps everything but blobs that nothing names.

    \b
      stepwell retention
      stepwell retention digits --keep-last 5 --keep-best val/loss:min:3
      stepwell retention digits --max-age 365d --trash-days 30
      stepwell retention digits --clear
    """
    from ..query.api import open_reader
    from ..query.retention_http import rule_to_json
    from ..query.view import user_name
    from ..stores.retention.records import KeepBest, Rule

    given = keep_last is not None or keep_best or max_age is not None or trash_days is not None
    if (given or clear) and project is None:
        raise click.UsageError("name the project whose rules are to be changed")
    if given and clear:
        raise click.UsageError("--clear takes all rules away: say it alone")
    reader = open_reader(server, home)
    try:
        rules = {rule.project: rule for rule in reader.retention.rules()}
        if project is not None and (given or clear):
            was = Rule(project) if clear else rules.get(project, Rule(project))
            rules[project] = reader.retention.set_rule(
                Rule(
                    project,
                    was.keep_last if keep_last is None else keep_last,
                    tuple(map(KeepBest.parse, keep_best)) or was.keep_best,
                    was.max_age_s if max_age is None else _seconds(max_age),
                    was.trash_s if trash_days is None else round(trash_days * 86_400),
                ),
                by=user_name(),
            )
        shown = [rule for name, rule in sorted(rules.items()) if project in (None, name)]
        if as_json:
            print_json([rule_to_json(rule) for rule in shown])
        elif shown and not clear:
            terminal().print(_rules_table(shown))
        else:
            terminal().print(f"no rules{f' for {escape(project)}' if project else ''}", soft_wrap=True)
    finally:
        reader.close()


def _rules_table(rules: list[Rule]) -> Table:
    table = Table("project", "keep last", "keep best", "max age", "in the trash", "by", box=None, header_style="bold")
    for rule in rules:
        best = "\n".join(map(str, rule.keep_best))
        kept = "default" if rule.trash_s is None else _days(rule.trash_s)
        last, age = str(rule.keep_last or ""), _days(rule.max_age_s) if rule.max_age_s else ""
        table.add_row(Text(rule.project), last, Text(best), age, kept, Text(rule.who))
    return table


def _days(seconds: float) -> str:
    return f"{seconds / 86_400:g} d"


def _seconds(text: str) -> int:
    match = _LENGTH.fullmatch(text)
    if not match:
        raise InvalidValue(f"an age is a number and h, d, w or y, as 365d; not {text!r}")
    return round(float(match[1]) * _UNITS[match[2]])
