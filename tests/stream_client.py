"""A gRPC client of the ingestion stream, as bare as can be: sends what it is told, keeps what it is answered."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc

from stepwell import _core
from stepwell.v1 import ingest_pb2 as pb
from stepwell.v1 import ingest_pb2_grpc
from support import service_address, wait_for

__all__ = ["StreamClient", "credentials"]


def credentials(home: Path) -> tuple[str, str]:
    """(gRPC target, token) of the home's service."""
    address: Mapping[str, Any] | None = service_address(home)
    assert address is not None
    return str(address["grpc"]), str(address["token"])


class StreamClient:
    def __init__(self, target: str, token: str | None, hello: bool = True) -> None:
        self.acked: set[int] = set()
        self.nacked: dict[int, tuple[str, str]] = {}
        self.stops: list[tuple[bytes, str]] = []
        self.welcome: pb.Welcome | None = None
        self.error: grpc.RpcError | None = None
        self.ended = threading.Event()
        self._sequence = 0
        self._requests: queue.SimpleQueue[pb.IngestRequest | None] = queue.SimpleQueue()
        self._channel = grpc.insecure_channel(target, options=[("grpc.max_send_message_length", -1)])
        metadata = [("authorization", f"Bearer {token}")] if token is not None else []
        if hello:
            self.send(pb.IngestRequest(hello=pb.Hello(agent="test", version="0", block_version=1)))
        self.call = ingest_pb2_grpc.IngestStub(self._channel).Stream(self._outgoing(), metadata=metadata)
        threading.Thread(target=self._receive, daemon=True).start()

    def send(self, request: pb.IngestRequest) -> None:
        self._requests.put(request)

    def send_block(self, block: bytes, crc: int | None = None) -> int:
        """The frame's sequence."""
        self._sequence += 1
        crc32c = _core.crc32c(block) if crc is None else crc
        frame = pb.Frame(sequence=self._sequence, writer=1, first_seq=1, last_seq=1, crc32c=crc32c, block=block)
        self.send(pb.IngestRequest(frame=frame))
        return self._sequence

    def wait_answered(self, *sequences: int) -> None:
        wait_for(
            lambda: self.ended.is_set() or all(one in self.acked or one in self.nacked for one in sequences),
            what=f"answers to {sequences[:5]}...",
        )

    def half_close(self) -> None:
        self._requests.put(None)

    def close(self) -> None:
        self.half_close()
        self.call.cancel()
        self._channel.close()

    def __enter__(self) -> StreamClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _outgoing(self) -> Iterator[pb.IngestRequest]:
        while (request := self._requests.get()) is not None:
            yield request

    def _receive(self) -> None:
        try:
            for reply in self.call:
                body = reply.WhichOneof("body")
                if body == "welcome":
                    self.welcome = reply.welcome
                elif body == "ack":
                    self.acked.update(reply.ack.sequences)
                elif body == "nack":
                    reason = pb.Nack.Reason.Name(reply.nack.reason)
                    self.nacked[reply.nack.sequence] = (reason, reply.nack.message)
                elif body == "stop":
                    self.stops.append((reply.stop.run, reply.stop.reason))
        except grpc.RpcError as error:
            self.error = error
        finally:
            self.ended.set()
