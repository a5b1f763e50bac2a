"""Large request bodies read from their socket by threads: one copy of each byte, where ASGI and h11 make four of it.

Knows uvicorn's protocol class from within. Where something is not as it is known here, or a body comes in chunks or by
TLS, `raw_body` says None, and the body is read the usual way. The guard, the routes and the answer are the usual ones.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["BodyCutError", "Connection", "RawBody", "raw_body"]

_CONNECTION = "stepwell.connection"
_AWAITED_BYTES = 256 << 10
"""A thread is sent for so many at least, but at the end: going there and back costs as much as reading 100 KiB."""
_SILENT_S = 120.0


class BodyCutError(Exception):
    """The body ended before its length was reached, or nothing more of it came."""


class Connection(H11Protocol):
    """Tells the application by which connection a request has come."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        app = self.app

        async def with_connection(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "extensions": {**scope.get("extensions", {}), _CONNECTION: self}}, receive, send)

        self.app = with_connection


def raw_body(scope: Any, size: int) -> RawBody | None:
    """The body of a request that says it is of `size` bytes; None where it has to be read the usual way.

    To be called before anything of the body was read. The connection ends with the answer, which must say so
    (`Connection: close`). `close` it.
    """
    connection = scope.get("extensions", {}).get(_CONNECTION)
    if connection is None or connection.scheme != "http" or sys.platform == "win32":
        return None
    cycle, sock = connection.cycle, connection.transport.get_extra_info("socket")
    if sock is None or not cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
        return None
    if any(name == b"transfer-encoding" for name, _ in scope["headers"]):
        return None
    try:
        own = socket.socket(fileno=os.dup(sock.fileno()))
    except OSError:  # closed meanwhile
        return None
    connection.flow.pause_reading()
    cycle.keep_alive = False  # to the parser the body never ends
    begun, cycle.body = bytes(cycle.body), bytearray()
    return RawBody(own, begun, size)


class RawBody:
    """What is left of one body on a socket that nobody else reads."""

    def __init__(self, sock: socket.socket, begun: bytes, size: int) -> None:
        """begun: what was read of it before."""
        self._sock, self._begun, self._left = sock, begun, size - len(begun)

    async def feed(self, take: Callable[[bytes | memoryview], None], piece_bytes: int) -> None:
        """Gives all of it to `take`, which is called in threads, one at a time, with what is good until it returns.

        Raises BodyCutError, and what `take` raises.
        """
        if self._begun:
            await asyncio.to_thread(take, self._begun)
        buffer = memoryview(bytearray(min(piece_bytes, max(self._left, 1))))
        while self._left:
            await self._readable(min(_AWAITED_BYTES, self._left, len(buffer)))
            await asyncio.to_thread(self._read, buffer, take)

    def close(self) -> None:
        self._sock.close()

    async def _readable(self, least: int) -> None:
        """Returns when so many bytes are there, or the end."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least)
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._sock, ready.set)
        try:
            await asyncio.wait_for(ready.wait(), _SILENT_S)
        except asyncio.TimeoutError:
            raise BodyCutError(f"nothing came for {_SILENT_S:.0f} s, and {self._left} bytes were to come") from None
        finally:
            loop.remove_reader(self._sock)

    def _read(self, buffer: memoryview, take: Callable[[bytes | memoryview], None]) -> None:
        """What is there, up to a buffer full."""
        got = 0
        while self._left and got < len(buffer):
            try:
                count = self._sock.recv_into(buffer[got:], min(len(buffer) - got, self._left))
            except BlockingIOError:
                break
            except OSError as error:
                raise BodyCutError(f"{error.strerror}, and {self._left} bytes were to come") from None
            if not count:
                raise BodyCutError(f"the connection ended, and {self._left} bytes were to come")
            got += count
            self._left -= count
        if got:
            take(buffer[:got])
