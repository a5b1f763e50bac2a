"""From a spool's destination to an address and a token, looked up anew at each try: services move and restart."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..address import fetch_info, find_service, is_loopback, local_service, token_for
from ..errors import ServiceUnavailable
from ..home import Home
from ..spool import Destination

__all__ = ["Endpoint", "NoAddress", "resolve"]


class NoAddress(ServiceUnavailable):
    """There is none to be tried: waiting helps only whoever waits for a service to be started."""


@dataclass(frozen=True)
class Endpoint:
    """One service as it can be reached right now."""

    url: str
    grpc: str
    """HOST:PORT; "" where only HTTP is offered."""
    token: str | None = field(repr=False)

    @property
    def secure(self) -> bool:
        return self.url.startswith("https://")

    @property
    def loopback(self) -> bool:
        return is_loopback(self.url)


def resolve(home: Home, destination: Destination) -> Endpoint:
    """Where the destination is now. Raises NoAddress, ServiceUnavailable, AuthError, saying what is missing."""
    local = local_service(home)
    if not destination.server:
        if local is None:
            raise NoAddress(f"no service of {home.path} is running (no {home.service_file.name})")
        return Endpoint(local.url, local.grpc, local.token or token_for(home, local.url))
    found = find_service(home, destination.server)
    if found is None:
        raise NoAddress(f"no service is known for {destination.server}")
    grpc = found.grpc or fetch_info(found.url).grpc
    return Endpoint(found.url, grpc, found.token or token_for(home, found.url))
