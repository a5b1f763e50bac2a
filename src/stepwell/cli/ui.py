"""`stepwell ui`: a service if none runs, and a browser that is let in."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import subprocess
import sys
import time
import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich.markup import escape

from .output import bytes_text, terminal

if TYPE_CHECKING:
    from ..address import ServiceAddress
    from ..home import Home

__all__ = ["ui"]

START_S = 30.0  # a first start makes the store's tables
TAKE_IN_S = 15.0  # what was recorded without a service is there when the page opens, unless it is a lot


@click.command()
@click.argument("run", required=False, metavar="[PROJECT[/RUN]]")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def ui(run: str | None, no_browser: bool) -> None:
    """Opens the page. Starts a service of this home if none runs; it stays up when this command has ended.

    \b
      stepwell ui
      stepwell ui digits/2q0pgw8ev3
      STEPWELL_SERVER=https://stepwell.lab:7450 stepwell ui
    """
    from ..home import Home

    home = Home()
    address = _running(home)
    if address is None:
        address = _started(home)
        _take_in(home)
    link = f"{address.url}/login?ticket={_ticket(address)}{_place(run)}"
    out = terminal()
    if "SSH_CONNECTION" in os.environ and not os.environ.get("DISPLAY"):
        _say_tunnel(address.url)
    elif not no_browser and _opened(link):
        out.print(f"[green]✓[/] the page is open: {address.url}")
        out.print("[dim]If no browser came up, open this within two minutes:[/]")
    out.print(link, soft_wrap=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "USER"  # one without a name, in a container


def _place(run: str | None) -> str:
    """The fragment, which a redirect keeps."""
    from urllib.parse import quote

    if not run:
        return ""
    return "#/" + "/".join(quote(part, safe="") for part in run.split("/", 1))


def _running(home: Home) -> ServiceAddress | None:
    """The service that answers, with its token. One that is named must answer; another is not started for it."""
    from ..address import fetch_info, find_service, shown
    from ..errors import AuthError, ServiceUnavailable

    found = find_service(home)
    if found is None:
        return None
    try:
        fetch_info(found.url)
    except ServiceUnavailable:
        if os.environ.get("STEPWELL_SERVER"):
            raise
        return None  # service.json of one that was killed
    if not found.token:
        raise AuthError(f"there is no token for {shown(found.url)}; run: stepwell login {shown(found.url)}")
    return found


def _started(home: Home) -> ServiceAddress:
    from ..errors import ServiceUnavailable
    from ..platforms import needs_unix

    needs_unix("A service of this home")
    home.make(home.log)
    log = home.log / "serve.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "stepwell", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C and the end of this terminal do not take it along
            env={**os.environ, "STEPWELL_HOME": str(home.path)},
        )
    terminal().print(f"[dim]starting a service (its log: {log})[/]")
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        address = _running(home)
        if address is not None:
            return address
        time.sleep(0.1)
    last = ""
    with contextlib.suppress(OSError):
        last = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
    raise ServiceUnavailable(f"the service did not start; {log} ends with: {last or '(nothing)'}")


def _take_in(home: Home) -> None:
    """Waits until the new service has what was waiting for it; what takes longer comes while the page is open."""
    end = time.monotonic() + TAKE_IN_S
    with terminal().status("taking in what was recorded before"):
        while waiting := _waiting_bytes(home):
            if time.monotonic() > end:
                terminal().print(f"[dim]{bytes_text(waiting)} recorded before are still on their way to the page[/]")
                return
            time.sleep(0.05)


def _waiting_bytes(home: Home) -> int:
    """In spools that are meant for the service of this home."""
    from ..errors import SpoolError
    from ..spool import Spool, find_spools

    total = 0
    for path in find_spools(home.spool):
        with contextlib.suppress(SpoolError, OSError):  # the agent has just removed it
            spool = Spool.open_readonly(path)
            if not spool.destination.offline and not spool.destination.server:
                total += spool.pending_bytes
    return total


def _ticket(address: ServiceAddress) -> str:
    import urllib3

    from ..errors import AuthError, ServiceUnavailable

    headers = {"Authorization": f"Bearer {address.token}"}
    try:
        answer = urllib3.request("POST", f"{address.url}/api/v1/login", headers=headers, timeout=10, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise ServiceUnavailable(f"{address.url} does not answer: {error}") from None
    if answer.status == 401:
        raise AuthError(f"{address.url} does not take the token; run: stepwell login {address.url}")
    if answer.status != 200:
        raise ServiceUnavailable(f"{address.url} gives no login (HTTP {answer.status}); is it an older stepwell?")
    return str(json.loads(answer.data)["ticket"])


def _opened(link: str) -> bool:
    try:
        return webbrowser.open(link)
    except webbrowser.Error:
        return False


def _say_tunnel(url: str) -> None:
    parts = urlsplit(url)
    port, host = parts.port or 80, parts.hostname or "127.0.0.1"
    there = f"[{host}]" if ":" in host else host
    line = f"ssh -N -L {port}:{there}:{port} {_user()}@{socket.gethostname()}"
    out = terminal()
    out.print("On your own machine, run this and leave it open:")
    out.print(f"  [bold]{escape(line)}[/]", soft_wrap=True)
    out.print("then open this there, within two minutes:")
