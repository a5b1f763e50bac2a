"""Where the service listens: the address asked for or none, and without one the next free pair of ports."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass

from ..errors import PortBusy, SettingsError

__all__ = ["GRPC_PORT", "HTTP_PORT", "PORT_TRIES", "Address", "bind", "parse_address", "shown_url"]

HTTP_PORT = 7450
GRPC_PORT = 7451
PORT_TRIES = 50  # services of one host: 7450, 7452, ... and 7451, 7453, ...


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_wildcard(self) -> bool:
        return self.host in ("0.0.0.0", "::", "")


def parse_address(text: str) -> Address:
    """HOST:PORT, [V6]:PORT or :PORT. Raises SettingsError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise SettingsError(f"an address is HOST:PORT, such as 127.0.0.1:{HTTP_PORT}, not {text!r}")
    return Address(host.strip("[]") or "0.0.0.0", int(port))


def bind(asked: Address | None, host: str, first_port: int) -> socket.socket:
    """A listening socket. Raises PortBusy where the asked address is taken, or all of the usual ones are."""
    if asked is not None:
        return _listen(asked)
    for number in range(PORT_TRIES):
        try:
            return _listen(Address(host, first_port + 2 * number))
        except PortBusy as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EADDRINUSE:
                raise
    last = first_port + 2 * (PORT_TRIES - 1)
    raise PortBusy(f"ports {first_port} to {last} of {host} are all taken; name a free one with --http or --grpc")


def _listen(address: Address) -> socket.socket:
    try:
        family, kind, proto, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise PortBusy(f"{address} is not an address of this machine: {error.strerror}") from error
    listener = socket.socket(family, kind, proto)
    try:
        if os.name == "posix":  # a restart need not wait for the old connections to be forgotten
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            message = (
                f"{address} is in use by another process (see `ss -ltnp`). End it, name another port, or leave the "
                "address out: then the next free port is taken."
            )
        else:
            message = f"cannot listen at {address}: {error.strerror}"
        raise PortBusy(message) from error
    return listener


def shown_url(address: Address) -> str:
    """The URL by which this machine's own processes reach the address."""
    return f"http://{Address('127.0.0.1', address.port) if address.is_wildcard else address}"
