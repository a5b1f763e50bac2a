"""Does a service answer, is it of this version, does it take the token, do the clocks agree?"""

from __future__ import annotations

import os
import socket
import time
import urllib.parse
from collections.abc import Iterator

from ...address import ServiceAddress, fetch_info, find_service, is_loopback, shown
from ...errors import AuthError, ServiceUnavailable
from ...home import Home
from ...version import VERSION
from .finding import NOTE, OK, WRONG, Finding

__all__ = ["local_clock", "service"]

_CLOCK_APART_S = 5.0
_CONNECT_S = 3.0
_EPOCH_2024_S = 1_704_067_200


def service(home: Home) -> Iterator[Finding]:
    address = find_service(home)
    looked = "STEPWELL_SERVER" if os.environ.get("STEPWELL_SERVER") else str(home.service_file)
    if address is None:
        yield Finding("service", OK, "none; Api and CLI read this home's own store", looked=looked)
        return
    where = shown(address.url)
    try:
        info = fetch_info(address.url)
    except (ServiceUnavailable, AuthError) as error:
        do = f"start it again: stepwell serve (or remove {home.service_file})"
        if looked == "STEPWELL_SERVER":
            do = f"check that `stepwell serve` runs there; try: curl {where}/healthz{_by_proxy(where)}"
        yield Finding("service", WRONG, str(error), do, f"{where}/api/v1/info")
        return
    yield Finding("service", OK, f"{where} answers, stepwell {info.version or 'of unknown version'}", looked=looked)
    if info.version and info.version.split(".")[:2] != VERSION.split(".")[:2]:
        text = f"the service is stepwell {info.version}, this is {VERSION}"
        yield Finding("service", NOTE, text, "what one does not know the other keeps; update the older one")
    yield from _grpc(info.grpc)
    yield from _token(address)


def local_clock(home: Home) -> Iterator[Finding]:
    if find_service(home) is None:
        yield from _clock()


def _grpc(target: str) -> Iterator[Finding]:
    if not target:
        yield Finding("grpc", NOTE, "the service offers no gRPC: blocks go over HTTP, at some more cost")
        return
    host, _, port = target.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, ValueError) as error:
        text = f"{target} cannot be reached ({error}): blocks go over HTTP, at some more cost"
        do = "open that port, or have the service name the one to dial: stepwell serve --advertise-grpc HOST:PORT"
        yield Finding("grpc", NOTE, text, do, target)
        return
    yield Finding("grpc", OK, f"{target} takes connections", looked=target)


def _token(address: ServiceAddress) -> Iterator[Finding]:
    from ...query.http import HttpReader

    where = shown(address.url)
    if not address.token:
        yield Finding("token", WRONG, f"none for {where}", f"stepwell login {where}, or set STEPWELL_TOKEN")
        return
    reader = HttpReader(address.url, address.token)
    try:
        reader.runs(limit=1)
    except AuthError:
        do = f"stepwell login {where}, or correct STEPWELL_TOKEN"
        yield Finding("token", WRONG, f"{where} refuses it", do, "STEPWELL_TOKEN, service.json, credentials.json")
    else:
        yield Finding("token", OK, f"{where} takes it", looked=f"{where}/api/v1/runs")
    finally:
        reader.close()
    yield from _clock(_date_of(address.url))


def _date_of(url: str) -> str | None:
    """What time the service says it is."""
    import urllib.error
    import urllib.request

    handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    try:
        with urllib.request.build_opener(*handlers).open(f"{url}/healthz", timeout=_CONNECT_S) as reply:
            date: str | None = reply.headers.get("Date")
            return date
    except (OSError, ValueError):
        return None


def _clock(date: str | None = None) -> Iterator[Finding]:
    from email.utils import parsedate_to_datetime

    if date:
        apart = time.time() - parsedate_to_datetime(date).timestamp()
        if abs(apart) > _CLOCK_APART_S:
            text = f"{abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} the service's"
            yield Finding("clock", NOTE, text, "times of points will look shifted: switch NTP on", date)
            return
    if time.time() < _EPOCH_2024_S:
        text = "it stands before 2024, so a resumed run's points may not outrank older ones"
        yield Finding("clock", WRONG, text, "set it")
    else:
        yield Finding("clock", OK, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()), looked=date or "")


def _by_proxy(url: str) -> str:
    from urllib.request import getproxies, proxy_bypass

    parts = urllib.parse.urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or is_loopback(url) or proxy_bypass(parts.hostname or ""):
        return ""
    return f" (through the proxy {shown(proxy)}; no_proxy={parts.hostname} goes past it)"
