"""A proxy in front of a real HTTP server, that answers some requests itself, or cuts them in the middle."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass

__all__ = ["Fault", "FaultyProxy"]


@dataclass
class Fault:
    """Of the next `times` requests that begin with `request`."""

    request: str = ""
    times: int = 1
    status: int = 0
    """An answer of the proxy's own: this status, with an S3 error of this code; the server never sees the request."""
    code: str = ""
    body_bytes: int = -1
    """The connection ends once so much of the request's body has passed..."""
    answer_bytes: int = -1
    """...or of the answer, its head included."""
    changed_byte: int = -1
    """This one of the request's body arrives as another."""


class FaultyProxy:
    """`with FaultyProxy(port) as proxy`: use proxy.port. One request a connection, of a known length.

    tls: what its own side speaks; the server's stays plain.
    """

    def __init__(self, upstream_port: int, tls: ssl.SSLContext | None = None) -> None:
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        """First lines, as they came."""
        self._lock = threading.Lock()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", upstream_port)) as upstream:
                    if tls is None:
                        proxy._serve(self.request, upstream)
                        return
                    with contextlib.suppress(ssl.SSLError), tls.wrap_socket(self.request, server_side=True) as client:
                        proxy._serve(client, upstream)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _fault_of(self, line: str) -> Fault | None:
        with self._lock:
            self.requests.append(line)
            for fault in self.faults:
                if line.startswith(fault.request) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def _serve(self, client: socket.socket, upstream: socket.socket) -> None:
        with client.makefile("rb") as reader:
            lines = []
            while (line := reader.readline()).strip():
                lines.append(line)
            if not lines:
                return
            fault = self._fault_of(lines[0].decode("latin-1").strip())
            sizes = [line.split(b":")[1] for line in lines if line.lower().startswith(b"content-length:")]
            left = int(sizes[0]) if sizes else 0
            if fault and fault.status:
                while left:
                    left -= len(reader.read(min(left, 1 << 20)))
                client.sendall(_answer(fault))
                return
            upstream.sendall(b"".join(lines) + b"Connection: close\r\n\r\n")
            until = left - fault.body_bytes if fault and fault.body_bytes >= 0 else 0
            changed = left - fault.changed_byte if fault and fault.changed_byte >= 0 else 0
            while left > until:
                data = reader.read1(min(left - until, 1 << 16))
                if not data:
                    return
                if left - len(data) < changed <= left:
                    at = left - changed
                    data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
                left -= len(data)
                upstream.sendall(data)
            if until:
                return
            limit = fault.answer_bytes if fault and fault.answer_bytes >= 0 else None
            while data := upstream.recv(1 << 16):
                client.sendall(data[:limit])
                if limit is not None:
                    limit -= len(data)
                    if limit <= 0:
                        return


def _answer(fault: Fault) -> bytes:
    body = f"<?xml version='1.0'?><Error><Code>{fault.code}</Code><Message>made by a test</Message></Error>".encode()
    head = f"HTTP/1.1 {fault.status} Fault\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
