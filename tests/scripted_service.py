"""A service in the test's own process that answers as it is told: for what the real one does not do on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc

from stepwell import _core
from stepwell.v1 import blob_pb2, blob_pb2_grpc, ingest_pb2, ingest_pb2_grpc

__all__ = ["ScriptedService"]

Answer = Callable[[Any], "str | None"]


class ScriptedService(ingest_pb2_grpc.IngestServicer, blob_pb2_grpc.BlobsServicer):
    """`answer(frame)` returns "ack", a nack's reason, "drop" (no answer) or "break" (the stream breaks)."""

    def __init__(self, home: Path, *, with_grpc: bool = True, with_http: bool = True) -> None:
        self.home = home
        self.answer: Answer = lambda frame: "ack"
        self.boot, self.version, self.window_bytes, self.token = "boot-1", "1.0", 0, "secret"
        self.frames: list[Any] = []  # in the order in which they came
        self.acked: list[tuple[int, int, int]] = []
        self.tried = self.streams = 0
        self.before_welcome: Callable[[], object] = lambda: None
        self.on_stream: list[Any] = []  # replies sent after the welcome
        self.most_unanswered = 0
        self.blobs: dict[str, bytes] = {}
        self.commits: list[dict[str, Any]] = []
        self.put_fails = 0
        self.puts: list[str] = []
        """By which way each blob came: "grpc" or "http"."""
        self.http_put_status = 0
        """With which a blob that comes by HTTP is answered instead of being kept."""
        self.before_blob: Callable[[], object] = lambda: None
        """In the middle of a blob, on whichever way it comes."""
        self.direct_address: str | None = None
        self.direct_data = b""
        self.posts = 0
        self._http: ThreadingHTTPServer | None = None
        self._server: Any = None
        self.grpc_port = self.http_port = 0
        if with_grpc:
            self.start_grpc()
        if with_http:
            self.start_http()

    # --- coming and going

    def start_grpc(self, port: int = 0) -> None:
        self._server = grpc.server(
            futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 20 << 20)]
        )
        ingest_pb2_grpc.add_IngestServicer_to_server(self, self._server)
        blob_pb2_grpc.add_BlobsServicer_to_server(self, self._server)
        self.grpc_port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    def start_http(self) -> None:
        service = self

        class Handler(_Handler):
            scripted = service

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http_port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def announce(self) -> None:
        """Writes service.json, as a service of this home would."""
        self.home.mkdir(parents=True, exist_ok=True)
        draft = self.home / "service.json.new"
        values = {
            "url": self.url,
            "grpc": f"127.0.0.1:{self.grpc_port}",
            "token": self.token,
            "pid": 0,
            "boot": self.boot,
        }
        draft.write_text(json.dumps(values))
        draft.rename(self.home / "service.json")

    def stop_grpc(self) -> None:
        if self._server is not None:
            self._server.stop(0).wait()
            self._server = None

    def stop(self) -> None:
        self.stop_grpc()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def __enter__(self) -> ScriptedService:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- gRPC

    def Stream(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {self.token}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "unknown token")
        hello = next(requests).hello
        assert hello.block_version == _core.BLOCK_VERSION
        self.tried += 1
        self.before_welcome()
        self.streams += 1
        welcome = ingest_pb2.Welcome(boot=self.boot, version=self.version, window_bytes=self.window_bytes)
        yield ingest_pb2.IngestReply(welcome=welcome)
        yield from self.on_stream
        unanswered = 0
        for request in requests:
            frame = request.frame
            assert _core.crc32c(frame.block) == frame.crc32c
            self.frames.append(frame)
            what = self.answer(frame)
            if what == "break":
                context.abort(grpc.StatusCode.UNAVAILABLE, "going away")
            if what == "too_large":
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max")
            if what == "drop":
                unanswered += len(frame.block)
                self.most_unanswered = max(self.most_unanswered, unanswered)
                continue
            if what == "ack":
                self.acked.append((frame.writer, frame.first_seq, frame.last_seq))
                yield ingest_pb2.IngestReply(ack=ingest_pb2.Ack(sequences=[frame.sequence]))
            else:
                nack = ingest_pb2.Nack(sequence=frame.sequence, reason=what, message="as told")
                yield ingest_pb2.IngestReply(nack=nack)

    def BeginDirect(self, request: Any, context: Any) -> Any:
        if self.direct_address is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "an older service")
        address = blob_pb2.PartAddress(number=1, url=self.direct_address)
        return blob_pb2.BeginDirectReply(part_bytes=request.size, addresses=[address])

    def EndDirect(self, request: Any, context: Any) -> Any:
        self.keep_blob(request.digest, request.size, self.direct_data)
        return blob_pb2.PutReply(digest=request.digest, size=request.size)

    def Have(self, request: Any, context: Any) -> Any:
        return blob_pb2.HaveReply(held=[digest for digest in request.digests if digest in self.blobs])

    def Put(self, requests: Iterator[Any], context: Any) -> Any:
        header = next(requests).header
        if self.put_fails:
            self.put_fails -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        first = next(requests, None)
        self.before_blob()
        data = (first.chunk if first else b"") + b"".join(request.chunk for request in requests)
        self.keep_blob(header.digest, header.size, data)
        self.puts.append("grpc")
        return blob_pb2.PutReply(digest=header.digest, size=header.size)

    def Commit(self, request: Any, context: Any) -> Any:
        if missing := [file.digest for file in request.files if file.digest not in self.blobs]:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"missing {missing}")
        self.commits.append(
            {"name": request.name, "run": request.run, "files": {f.path: f.digest for f in request.files}}
        )
        return blob_pb2.CommitReply()

    def keep_blob(self, digest: str, size: int, data: bytes) -> None:
        from blake3 import blake3

        assert len(data) == size
        assert blake3(data).hexdigest() == digest
        self.blobs[digest] = data


class _Handler(BaseHTTPRequestHandler):
    scripted: ScriptedService
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        service = self.scripted
        info = {
            "service": "stepwell",
            "version": service.version,
            "grpc": f":{service.grpc_port}",
            "boot": service.boot,
        }
        self._answer(200, json.dumps(info).encode())

    def do_HEAD(self) -> None:
        self._answer(200 if self.path.rpartition("/")[2] in self.scripted.blobs else 404, b"")

    def do_PUT(self) -> None:
        size = int(self.headers["Content-Length"])
        if self.path.startswith("/bucket/"):
            data = self.rfile.read(min(size, 1000))
            self.scripted.before_blob()
            self.scripted.direct_data = data + self.rfile.read(size - len(data))
            self._answer(200, b"")
            return
        data = self.rfile.read(min(size, 1000))
        self.scripted.before_blob()
        data += self.rfile.read(size - len(data))
        self.scripted.puts.append("http")
        if self.scripted.http_put_status:
            self._answer(self.scripted.http_put_status, b"{}")
            return
        self.scripted.keep_blob(self.path.rpartition("/")[2], len(data), data)
        self._answer(201, b"{}")

    def do_POST(self) -> None:
        service = self.scripted
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != f"Bearer {service.token}":
            self._answer(401, b"{}")
            return
        service.posts += 1
        if self.path.endswith("/artifacts"):
            commit = json.loads(body)
            service.commits.append({"name": commit["name"], "run": bytes.fromhex(commit["run"]),
                                    "files": {f["path"]: f["digest"] for f in commit["files"]}})  # fmt: skip
            self._answer(200, b"{}")
            return
        path = service.home.parent / f"post-{service.posts}.seg"
        _core.SegmentWriter(str(path)).close()
        with path.open("ab") as file:
            file.write(body)
        frames, end, damaged = _core.scan_segment(str(path))
        assert not damaged
        assert end == 32 + len(body)
        reply: dict[str, Any] = {"boot": service.boot, "acked": [], "nacked": []}
        for index, frame in enumerate(frames):
            what = service.answer(frame)
            if what == "ack":
                service.acked.append((frame.writer, frame.first_seq, frame.last_seq))
                reply["acked"].append(index)
            else:
                reply["nacked"].append({"index": index, "reason": what, "message": "as told"})
        self._answer(200, json.dumps(reply).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""
