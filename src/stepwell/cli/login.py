"""`stepwell login URL`: tries a token and keeps it for this user."""

from __future__ import annotations

import sys

import click

from .output import terminal

__all__ = ["login"]


@click.command()
@click.argument("url")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input instead of asking for it.")
def login(url: str, token_stdin: bool) -> None:
    """Keeps the token of a service, after it was accepted.

    \b
      stepwell login https://stepwell.lab:7450
      cat token | stepwell login https://stepwell.lab:7450 --token-stdin
      export STEPWELL_SERVER=https://stepwell.lab:7450            # then runs are sent there
    """
    from ..address import fetch_info, is_loopback, shown
    from ..errors import StepwellError
    from ..home import Home
    from ..query.http import HttpReader
    from ..spool.layout import read_json, write_json

    address = fetch_info(url).url
    token = sys.stdin.readline().strip() if token_stdin else click.prompt("Token", hide_input=True).strip()
    if not token or any(character.isspace() or not character.isprintable() for character in token):
        raise StepwellError("a token is one word; this is none")
    reader = HttpReader(address, token)
    try:
        reader.runs(limit=1)
    finally:
        reader.close()
    home = Home()
    home.make()
    write_json(home.credentials_file, {**read_json(home.credentials_file), address: {"token": token}})
    out = terminal()
    out.print(f"[green]✓[/] {shown(address)} takes this token; it is kept in {home.credentials_file}")
    if address.startswith("http://") and not is_loopback(address):
        out.print("[yellow]The address is http: the token goes over the network in the clear.[/]")
    out.print(f"To record there: [bold]export STEPWELL_SERVER={shown(address)}[/]")
