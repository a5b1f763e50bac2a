"""One bidirectional stream to one service: frames out within a window, acks in, in any order.

The only module of the agent, with blob_link, that imports grpc; it is imported when there is an address to dial.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from .. import _core
from ..killpoints import killpoint
from ..settings import Settings
from ..spool.layout import host_name
from ..v1 import ingest_pb2, ingest_pb2_grpc
from ..version import VERSION
from .destinations import Endpoint
from .outbox import Outbox, Parcel

__all__ = ["GrpcStream", "StreamEnd", "credentials", "open_channel"]

_log = logging.getLogger("stepwell.agent")

_BATCH_BYTES = 2 << 20
_MESSAGE_OVERHEAD = 1 << 20
_SAVE_INTERVAL_S = 1.0
_KEEPALIVE_MS = 30_000


@dataclass(frozen=True)
class StreamEnd:
    """How a stream ended."""

    welcomed: bool
    progressed: bool
    """Something was answered on it."""
    code: str = "OK"
    message: str = ""


def open_channel(endpoint: Endpoint, settings: Settings) -> Any:
    """A channel of its own to the endpoint; close it after use."""
    options = [
        ("grpc.max_send_message_length", settings.block_bytes_max + _MESSAGE_OVERHEAD),
        ("grpc.max_receive_message_length", 4 << 20),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.enable_retries", 0),
        ("grpc.use_local_subchannel_pool", 1),  # a fresh connection, and no backoff of an earlier channel's
        ("grpc.enable_http_proxy", 0 if endpoint.loopback else 1),
    ]
    if not endpoint.secure:
        return grpc.insecure_channel(endpoint.grpc, options=options)
    roots = os.environ.get("SSL_CERT_FILE")
    certificates = Path(roots).read_bytes() if roots else None
    return grpc.secure_channel(endpoint.grpc, grpc.ssl_channel_credentials(certificates), options=options)


def credentials(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    """The call's metadata; the token is nowhere else."""
    return (("authorization", f"Bearer {endpoint.token}"),) if endpoint.token else ()


class GrpcStream:
    """Sends an outbox over one stream, until it breaks or `stop` is called."""

    def __init__(
        self,
        endpoint: Endpoint,
        outbox: Outbox,
        settings: Settings,
        *,
        agent: str,
        on_welcome: Callable[[], None],
        on_stop: Callable[[bytes, str], None],
        one_at_a_time: bool = False,
        until_idle: bool = False,
    ) -> None:
        self._endpoint, self._outbox, self._settings, self._agent = endpoint, outbox, settings, agent
        self._on_welcome, self._on_stop = on_welcome, on_stop
        self._one_at_a_time, self._until_idle = one_at_a_time, until_idle
        self._window = settings.send_window_bytes
        self._flying: dict[int, Parcel] = {}
        self._flying_bytes = 0
        self._sequence = 0
        self._welcomed = threading.Event()
        self._progressed = False
        self._over = False
        self._taking = threading.Lock()  # a generator that outlives its call must not take frames from the next one
        self._pause_until = 0.0
        self._heard = time.monotonic()
        self._saved = time.monotonic()
        self._why = ""
        self._call: Any = None

    def run(self) -> StreamEnd:
        """Blocks until the stream has ended; never raises for the network's sake."""
        channel = open_channel(self._endpoint, self._settings)
        code, message = "OK", ""
        try:
            stub = ingest_pb2_grpc.IngestStub(channel)
            self._call = stub.Stream(self._requests(), metadata=credentials(self._endpoint))
            for reply in self._call:
                self._take_reply(reply)
        except grpc.RpcError as error:
            code = error.code().name if hasattr(error, "code") else "UNKNOWN"
            message = self._why or (error.details() if hasattr(error, "details") else str(error)) or ""
        finally:
            with self._taking:
                self._over = True
            self._outbox.notify()
            channel.close()
        return StreamEnd(self._welcomed.is_set(), self._progressed, code, message)

    def stop(self) -> None:
        """Ends the stream: no more frames; replies to those on the way are still taken."""
        with self._taking:
            self._over = True
        self._outbox.notify()

    def cancel(self, why: str) -> None:
        self._why = why
        if self._call is not None:
            self._call.cancel()

    def watch(self) -> None:
        """Breaks a stream on which a living connection hides a service that does not answer."""
        silent_s = time.monotonic() - self._heard
        if not self._welcomed.is_set():
            if silent_s > self._settings.welcome_timeout_s:
                self.cancel(f"no welcome within {self._settings.welcome_timeout_s:g} s")
        elif self._flying and silent_s > self._settings.ack_timeout_s:
            self.cancel(f"{len(self._flying)} frames unanswered for {self._settings.ack_timeout_s:g} s")

    @property
    def largest_alone(self) -> Parcel | None:
        """The one frame on the way, where there is exactly one."""
        return next(iter(self._flying.values())) if len(self._flying) == 1 else None

    # --- out: called by a thread of grpc

    def _requests(self) -> Iterator[Any]:
        hello = ingest_pb2.Hello(
            agent=self._agent, host=host_name(), version=VERSION, block_version=_core.BLOCK_VERSION
        )
        yield ingest_pb2.IngestRequest(hello=hello)
        while not self._welcomed.wait(0.25):
            if self._over:
                return
        while True:
            with self._taking:
                if self._over:
                    return
                parcels = self._next()
            if parcels is None:
                return
            for sequence, parcel in parcels:
                yield _message(sequence, parcel)
                killpoint("agent.sent")
            if not parcels:
                paused_s = self._pause_until - time.monotonic()
                self._outbox.wait(max(paused_s, 0.02) if paused_s > 0 else 1.0)

    def _next(self) -> list[tuple[int, Parcel]] | None:
        """Frames that fit into the window; [] to wait; None where the stream has done its work."""
        with self._outbox.changed:
            room = self._window - self._flying_bytes
            flying = len(self._flying)
        if time.monotonic() < self._pause_until or (flying and (room <= 0 or self._one_at_a_time)):
            return []
        parcels = self._outbox.take(1 if self._one_at_a_time else min(max(room, 1), _BATCH_BYTES))
        if not parcels and self._until_idle and self._outbox.idle:
            return None
        numbered = []
        with self._outbox.changed:
            if not flying:
                self._heard = time.monotonic()  # the wait for an answer begins here
            for parcel in parcels:
                self._sequence += 1
                self._flying[self._sequence] = parcel
                self._flying_bytes += parcel.bytes
                numbered.append((self._sequence, parcel))
        return numbered

    # --- in: called by the sender's thread

    def _take_reply(self, reply: Any) -> None:
        self._heard = time.monotonic()
        kind = reply.WhichOneof("body")
        if kind == "ack":
            discarded = set(reply.ack.discarded)
            for sequence in reply.ack.sequences:
                parcel = self._landed(sequence)
                if parcel is not None:
                    self._outbox.ack(parcel, discarded=sequence in discarded)
            killpoint("agent.acked")
        elif kind == "nack":
            parcel = self._landed(reply.nack.sequence)
            if parcel is not None:
                reason = ingest_pb2.Nack.Reason.Name(reply.nack.reason)
                self._outbox.nack(parcel, reason, reply.nack.message)
        elif kind == "welcome":
            if 0 < reply.welcome.window_bytes < self._window:
                self._window = reply.welcome.window_bytes
            self._outbox.welcome(reply.welcome.boot, reply.welcome.version)
            self._welcomed.set()
            self._on_welcome()
        elif kind == "throttle":
            self._pause_until = time.monotonic() + reply.throttle.pause_ms / 1000
        elif kind == "stop":
            self._on_stop(reply.stop.run, reply.stop.reason)
        if time.monotonic() - self._saved > _SAVE_INTERVAL_S or self._outbox.idle:
            self._saved = time.monotonic()
            self._outbox.each(lambda spool: spool.save(), "save the cursor of")

    def _landed(self, sequence: int) -> Parcel | None:
        self._progressed = True
        with self._outbox.changed:
            parcel = self._flying.pop(sequence, None)
            if parcel is not None:
                self._flying_bytes -= parcel.bytes
        if parcel is None:
            _log.warning("the service answered frame %d, which is not on its way", sequence)
        return parcel


def _message(sequence: int, parcel: Parcel) -> Any:
    frame = parcel.frame
    message = ingest_pb2.Frame(
        sequence=sequence,
        writer=frame.writer,
        first_seq=frame.first_seq,
        last_seq=frame.last_seq,
        crc32c=frame.crc32c,
        block=frame.payload,
    )
    frame.payload = b""  # the disk has it; what is on the way must not fill memory
    return ingest_pb2.IngestRequest(frame=message)
