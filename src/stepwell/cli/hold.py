"""`stepwell hold` and `holds`: runs that nothing may remove before a date."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..errors import InvalidValue
from .output import print_json, reading_options, terminal

__all__ = ["hold", "holds"]


@click.command()
@click.argument("run")
@click.option("--until", metavar="DATE", help="Through this day (UTC), as 2036-12-31; or a time, as 2036-12-31T12:00Z.")
@click.option("-r", "--reason", default="", help="Why: it is what whoever wants to remove the run is told.")
@click.option("--release", is_flag=True, help="End the hold now instead.")
@reading_options
def hold(run: str, until: str | None, reason: str, release: bool, server: str | None, home: str | None) -> None:
    """Keeps a run from being removed before a date, by anybody or any rule.

    It wins over `stepwell trash`, `purge` and `gc`; a run in the trash comes back. Who held or released a run, when and
    why, is among its events.

    \b
      stepwell hold risk/06dtkq2mf4 --until 2036-12-31 --reason "technical file of model 7"
      stepwell hold risk/06dtkq2mf4 --release --reason "superseded by model 8"
    """
    from ..query import Api

    if release == (until is not None):
        raise click.UsageError("say --until when, or --release")
    with Api(server, home) as api:
        if until is None:
            path = api.release(run, reason=reason)
            terminal().print(f"released: {escape(path)}", soft_wrap=True)
            return
        held = api.hold(run, until=_moment(until), reason=reason)
        terminal().print(f"held until {held.until:%Y-%m-%d %H:%M} UTC: {escape(str(held.key))}", soft_wrap=True)


@click.command()
@click.option("-p", "--project", help="Only of this project.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@reading_options
def holds(project: str | None, as_json: bool, server: str | None, home: str | None) -> None:
    """Lists the holds that are in force, the next to end first.

    \b
      stepwell holds --project risk
    """
    from ..query import Api

    with Api(server, home) as api:
        found = api.holds(project)
        if as_json:
            print_json([
                {"run": str(one.key), "until": one.until, "time": one.time, "by": one.who, "reason": one.reason}
                for one in found
            ])  # fmt: skip
            return
        if not found:
            terminal().print(f"no run of {escape(api.where)} is held", soft_wrap=True)
            return
        table = Table("run", "until", "by", "since", "reason", box=None, header_style="bold", pad_edge=False)
        for one in found:
            since, end = f"{one.time:%Y-%m-%d}", f"{one.until:%Y-%m-%d %H:%M}"
            table.add_row(Text(str(one.key)), end, Text(one.who), since, Text(one.reason))
        terminal().print(table)


def _moment(text: str) -> datetime:
    """A day means through its end."""
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        raise InvalidValue(f"a hold ends on a day like 2036-12-31, not {text!r}") from None
    moment = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment
    return moment + timedelta(days=1) if len(text) == len("2036-12-31") else moment
