"""Gets one outbox to its service, for as long as it takes: address, stream, fallback, backoff."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import _core
from ..address import shown
from ..errors import ApiError, AuthError, ServiceUnavailable
from ..home import Home
from ..settings import Settings
from .destinations import Endpoint, NoAddress, resolve
from .outbox import Outbox
from .priority import be_nice

if TYPE_CHECKING:
    from .grpc_stream import GrpcStream

__all__ = ["Sender"]

_log = logging.getLogger("stepwell.agent")

_LOOK_S = 0.25
"""While it waits, how often it looks whether service.json has changed."""
_TRIES_UNTIL_IDLE = 4
_PAUSE_UNTIL_IDLE_S = 1.0
"""Somebody waits for it."""
_REFUSED_BY_SIZE = 3
"""A lone frame on which a stream broke this often for its size is refused here."""
_NOT_A_MATTER_OF_GRPC = {"UNAUTHENTICATED", "PERMISSION_DENIED"}


class Sender(threading.Thread):
    """A thread that sends one outbox until `stop`; with `until_idle`, until nothing is left or nobody answers."""

    def __init__(
        self,
        home: Home,
        outbox: Outbox,
        settings: Settings,
        *,
        agent: str,
        on_stop: Callable[[bytes, str], None] = lambda *_: None,
        until_idle: bool = False,
    ) -> None:
        super().__init__(name=f"send-{outbox.destination.key}", daemon=True)
        self.outbox = outbox
        self.service = _core.SERVICE_UNKNOWN
        """What the rings of this destination are told."""
        self.problem = ""
        """Why it does not get through; "" while it does."""
        self.lost_at: float | None = None
        """When the service was found unreachable, by the monotonic clock; None while it is not."""
        self.failures = 0
        """Tries in a row that got nothing through."""
        self._home, self._settings, self._agent, self._on_stop = home, settings, agent, on_stop
        self._until_idle = until_idle
        self._ending = threading.Event()
        self._stream: GrpcStream | None = None
        self._nowhere = False  # the last try had no address
        self._one_at_a_time = False
        self._too_large: dict[tuple[str, int, int], int] = {}

    # --- from other threads

    @property
    def connected(self) -> bool:
        return self.service == _core.SERVICE_CONNECTED

    def watch(self) -> None:
        """Called about once a second: breaks a stream that is stuck."""
        stream = self._stream
        if stream is not None:
            stream.watch()

    def stop(self) -> None:
        """Ends the thread soon; `join` it. What is not acked stays on disk."""
        self._ending.set()
        stream = self._stream
        if stream is not None:
            stream.stop()
        self.outbox.notify()

    def kill(self) -> None:
        """For a stream that did not end after `stop`."""
        stream = self._stream
        if stream is not None:
            stream.cancel("the agent ends")

    # --- the thread

    def run(self) -> None:
        be_nice()
        while not self._ending.is_set():
            try:
                progressed = self._try()
            except Exception as error:  # noqa: BLE001 - a bug of ours must not end the sending: it is said, and tried again later
                _log.exception("sending to %s failed", self._where())
                self._unreachable(repr(error))
                progressed = False
            self.failures = 0 if progressed else self.failures + 1
            hopeless = self._nowhere or self.failures > _TRIES_UNTIL_IDLE
            done = self._until_idle and (self.outbox.idle or hopeless)
            self.outbox.restart()
            if done:
                return
            if not self._ending.is_set():
                self._pause()

    def _try(self) -> bool:
        """One way to the service, until it breaks. True if something got through."""
        try:
            endpoint = resolve(self._home, self.outbox.destination)
        except (ServiceUnavailable, AuthError) as error:
            self._nowhere = isinstance(error, NoAddress)
            self._unreachable(str(error))
            return False
        self._nowhere = False
        if endpoint.grpc:
            progressed, by_http = self._by_grpc(endpoint)
            if progressed or not by_http or self._ending.is_set():
                return progressed
        return self._by_http(endpoint)

    def _by_grpc(self, endpoint: Endpoint) -> tuple[bool, bool]:
        """(something got through, HTTP is worth a try)."""
        from .grpc_stream import GrpcStream

        stream = self._stream = GrpcStream(
            endpoint,
            self.outbox,
            self._settings,
            agent=self._agent,
            on_welcome=self._reached,
            on_stop=self._on_stop,
            one_at_a_time=self._one_at_a_time,
            until_idle=self._until_idle,
        )
        end = stream.run()
        self._stream = None
        if self._ending.is_set() or (self._until_idle and self.outbox.idle):
            return True, False
        if end.code == "RESOURCE_EXHAUSTED" and end.welcomed:
            self._isolate(stream)
        elif end.progressed:
            self._one_at_a_time = False
        if end.code != "OK" or not end.welcomed:
            self._unreachable(f"{shown(endpoint.url)} by gRPC at {endpoint.grpc}: {end.code} {end.message}".strip())
        return end.welcomed and end.progressed, not end.welcomed and end.code not in _NOT_A_MATTER_OF_GRPC

    def _by_http(self, endpoint: Endpoint) -> bool:
        from .http_sender import send_over_http

        before = self.outbox.acked_frames
        try:
            send_over_http(
                endpoint,
                self.outbox,
                self._settings,
                goes_on=lambda: not self._ending.is_set() and not (self._until_idle and self.outbox.idle),
                on_welcome=self._reached,
            )
            return True
        except (ServiceUnavailable, AuthError, ApiError, OSError) as error:
            self._unreachable(str(error))
        return self.outbox.acked_frames > before

    def _isolate(self, stream: GrpcStream) -> None:
        """A message was larger than the service's limit. Which one shows when frames go one at a time."""
        parcel = stream.largest_alone
        if parcel is None or not self._one_at_a_time:
            self._one_at_a_time = True
            return
        key = (str(parcel.spool.path), parcel.frame.segment, parcel.frame.offset)
        self._too_large[key] = self._too_large.get(key, 0) + 1
        if self._too_large[key] >= _REFUSED_BY_SIZE:
            self.outbox.nack(parcel, "TOO_LARGE", f"the service's gRPC limit is below {parcel.bytes} bytes")
            del self._too_large[key]

    def _reached(self) -> None:
        if self.service != _core.SERVICE_CONNECTED:
            _log.info("connected to the service of %s", self._where())
        self.service = _core.SERVICE_CONNECTED
        self.problem = ""
        self.lost_at = None

    def _unreachable(self, problem: str) -> None:
        if self.problem != problem:
            _log.warning("cannot send to %s: %s; everything is kept in the spool", self._where(), problem)
        self.problem = problem
        self.service = _core.SERVICE_UNREACHABLE
        if self.lost_at is None:
            self.lost_at = time.monotonic()

    def _pause(self) -> None:
        """Exponential backoff with full jitter, cut short when another service appears."""
        settings = self._settings
        longest = min(settings.backoff_max_s, settings.backoff_min_s * 2 ** min(self.failures, 16))
        if self._until_idle:
            longest = min(longest, _PAUSE_UNTIL_IDLE_S)
        end = time.monotonic() + random.uniform(0.05, max(0.05, longest))
        before = self._service_stamp()
        while time.monotonic() < end and not self._ending.wait(min(_LOOK_S, max(0.0, end - time.monotonic()))):
            if self._service_stamp() != before:
                self.failures = 0
                return

    def _service_stamp(self) -> tuple[int, int] | None:
        try:
            stat = self._home.service_file.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns

    def _where(self) -> str:
        server = self.outbox.destination.server
        return shown(server) if server else "this home"
