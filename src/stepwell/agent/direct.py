"""One blob straight into the service's bucket: parts to presigned addresses, then the service verifies what came.

Memory is one part. State is in the bucket: an agent that begins again asks what is there, and sends the rest.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from ..address import is_loopback
from ..errors import ServiceUnavailable
from ..killpoints import killpoint
from ..v1 import blob_pb2

__all__ = ["DirectBroken", "NoDirectWay", "Ways", "put_direct"]

_log = logging.getLogger("stepwell.agent")

_TIMEOUT = urllib3.Timeout(connect=5.0, read=60.0)
_TRIES = 4
"""Of one part, each with an address that is asked for anew."""
_PIECE_BYTES = 256 << 10
"""Of a part, between two looks whether scalars are to go first."""


class NoDirectWay(ServiceUnavailable):
    """The bucket cannot be reached from here: the blob goes through the service."""


class DirectBroken(ServiceUnavailable):
    """It could be reached and failed: the same way is tried again later, with what is there already."""


class Ways:
    """To which services a way is known to be no good, and until when; what was said of it is not said again."""

    def __init__(self, instead: str) -> None:
        """instead: what is done meanwhile, for the log."""
        self._instead = instead
        self._lock = threading.Lock()
        self._closed_until: dict[str, float] = {}

    def open(self, service: str) -> bool:
        with self._lock:
            return time.monotonic() >= self._closed_until.get(service, 0.0)

    def close(self, service: str, why: str, for_s: float) -> None:
        with self._lock:
            said = service in self._closed_until
            self._closed_until[service] = time.monotonic() + for_s
        if not said:
            _log.warning("%s at %s: %s", self._instead, service, why)


@dataclass
class _Part:
    number: int
    data: bytearray


Ask = Callable[[Any], Any]
"""(a request of ours) -> the service's reply. Raises what the link raises."""


def put_direct(
    begin: Ask,
    end: Ask,
    digest: str,
    size: int,
    chunks: Callable[[], Iterator[bytes]],
    before_piece: Callable[[], None],
) -> None:
    """On return the service has verified the blob and it is in the store.

    Raises NoDirectWay, DirectBroken, and what `begin`, `end` and `chunks` raise.
    """
    _Upload(begin, digest, size, before_piece).run(chunks)
    try:
        # Its digest is computed again over there: that takes what reading it takes.
        end(blob_pb2.EndDirectRequest(digest=digest, size=size))
    except ServiceUnavailable as error:
        raise DirectBroken(str(error)) from error


class _Upload:
    def __init__(self, begin: Ask, digest: str, size: int, before_piece: Callable[[], None]) -> None:
        self._begin, self._digest, self._size, self._before_piece = begin, digest, size, before_piece
        self._pool: Any = None
        self._reached = False
        self._addresses: dict[int, str] = {}

    def run(self, chunks: Callable[[], Iterator[bytes]]) -> None:
        """Every part is in the bucket when this returns."""
        reply = self._ask(1)
        if reply.held or reply.whole:
            return
        there = {part.number: (part.md5, part.size) for part in reply.there}
        try:
            for part in _parts(chunks(), int(reply.part_bytes)):
                md5 = hashlib.md5(part.data, usedforsecurity=False).hexdigest()
                if there.get(part.number) == (md5, len(part.data)):
                    continue
                if not self._put(part, md5):
                    return
                killpoint("agent.part")
        finally:
            if self._pool is not None:
                self._pool.clear()

    def _ask(self, first: int) -> Any:
        request = blob_pb2.BeginDirectRequest(digest=self._digest, size=self._size, first_part=first)
        reply = self._begin(request)
        self._addresses = {address.number: address.url for address in reply.addresses}
        return reply

    def _put(self, part: _Part, md5: str) -> bool:
        """False where somebody else has brought the blob meanwhile."""
        why = ""
        for attempt in range(_TRIES):
            if attempt or part.number not in self._addresses:
                reply = self._ask(part.number)
                if reply.held or reply.whole:
                    return False
            why = self._put_once(self._addresses[part.number], part, md5)
            if not why:
                self._reached = True
                return True
        raise DirectBroken(f"part {part.number} of blob {self._digest} does not get into the bucket: {why}")

    def _put_once(self, address: str, part: _Part, md5: str) -> str:
        """Why it did not work, or "". Raises NoDirectWay where the bucket was never reached."""
        url = urlsplit(address)
        if self._pool is None:
            self._pool = _pool_for(address)
        headers = {"Content-Length": str(len(part.data)), "Content-Type": "application/octet-stream"}
        try:
            reply = self._pool.request("PUT", address, body=self._pieces(part.data), headers=headers)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            if not self._reached:
                raise NoDirectWay(f"its bucket at {url.netloc} does not answer from here ({_short(error)})") from None
            return _short(error)
        except urllib3.exceptions.SSLError as error:
            if not self._reached:
                raise NoDirectWay(f"its bucket at {url.netloc} cannot be trusted from here ({_short(error)})") from None
            return _short(error)
        except urllib3.exceptions.HTTPError as error:
            return _short(error)
        if reply.status != 200:  # 403: the address is too old; 404: the upload has been joined by another
            return f"{url.netloc} answers HTTP {reply.status}"
        tag = str(reply.headers.get("ETag", "")).strip('"')
        if len(tag) == len(md5) and tag != md5:
            return f"{url.netloc} got other bytes than were sent"
        return ""

    def _pieces(self, data: bytearray) -> Iterator[bytes]:
        view = memoryview(data)
        for start in range(0, len(view), _PIECE_BYTES):
            self._before_piece()
            yield bytes(view[start : start + _PIECE_BYTES])


def _parts(chunks: Iterator[bytes], part_bytes: int) -> Iterator[_Part]:
    number, data = 1, bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            room = part_bytes - len(data)
            data += view[:room]
            view = view[room:]
            if len(data) == part_bytes:
                yield _Part(number, data)
                number, data = number + 1, bytearray()
    if data:
        yield _Part(number, data)


def _pool_for(address: str) -> Any:
    url = urlsplit(address)
    options: dict[str, Any] = {"retries": False, "timeout": _TIMEOUT, "maxsize": 1}
    bypass = is_loopback(address) or urllib.request.proxy_bypass(url.hostname or "")
    proxy = "" if bypass else urllib.request.getproxies().get(url.scheme, "")
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _short(error: Exception) -> str:
    """Without the address, whose query lets whoever reads it write."""
    return type(error).__name__
