"""One large blob to the service as the body of a plain HTTP request: a third less work for the agent than by gRPC.

Only where nothing is known to stand in between: behind TLS or a proxy somebody may hold whole bodies, or refuse large
ones. Whatever goes wrong here, the blob goes by gRPC, which says what is the matter.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from ..address import shown
from ..errors import ServiceUnavailable
from .destinations import Endpoint
from .http_sender import proxy_for

__all__ = ["NoPlainWay", "offers_plain_way", "put_plain"]

_CONNECT_S = 5.0
_SILENT_S = 120.0
"""A service that takes nothing for so long, or does not answer after the last byte, is asked by gRPC instead."""


class NoPlainWay(ServiceUnavailable):
    """The blob goes by gRPC."""


def offers_plain_way(endpoint: Endpoint) -> bool:
    return not endpoint.secure and (endpoint.loopback or not proxy_for(endpoint.url))


def put_plain(endpoint: Endpoint, digest: str, size: int, chunks: Iterator[bytes]) -> None:
    """On return the service has verified the blob and it is in the store.

    Raises NoPlainWay, and what `chunks` raises.
    """
    url = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=_CONNECT_S)
    try:
        _begin(connection, f"{url.path}/api/v1/blobs/{digest}", size, endpoint)
        for chunk in chunks:
            _send(connection, chunk, endpoint)
        _end(connection, endpoint)
    finally:
        connection.close()


def _begin(connection: http.client.HTTPConnection, path: str, size: int, endpoint: Endpoint) -> None:
    try:
        connection.connect()
        assert isinstance(connection.sock, socket.socket)
        connection.sock.settimeout(_SILENT_S)
        connection.putrequest("PUT", path, skip_accept_encoding=True)
        connection.putheader("Content-Length", str(size))
        connection.putheader("Content-Type", "application/octet-stream")
        connection.putheader("Connection", "close")
        if endpoint.token:
            connection.putheader("Authorization", f"Bearer {endpoint.token}")
        connection.endheaders()
    except (OSError, http.client.HTTPException) as error:
        raise _no_way(endpoint, error) from None


def _send(connection: http.client.HTTPConnection, chunk: bytes, endpoint: Endpoint) -> None:
    try:
        connection.send(chunk)
    except OSError as error:
        raise _no_way(endpoint, error) from None


def _end(connection: http.client.HTTPConnection, endpoint: Endpoint) -> None:
    try:
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise _no_way(endpoint, error) from None
    if status not in (200, 201):
        raise NoPlainWay(f"{shown(endpoint.url)} answers HTTP {status} to a blob")


def _no_way(endpoint: Endpoint, error: Exception) -> NoPlainWay:
    return NoPlainWay(f"{shown(endpoint.url)} takes no blob by HTTP ({type(error).__name__}: {error})")
