"""The two ways to a service's blob store: the Blobs gRPC service, and the same over HTTP.

By the first, too, the bytes of large blobs go past gRPC where they can: into the bucket (direct.py), or as plain HTTP
(plain_put.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import grpc

from .. import put_messages
from ..address import shown
from ..errors import ApiError, AuthError, BlobError, ServiceUnavailable
from ..settings import Settings
from ..spool import Staged
from ..v1 import blob_pb2, blob_pb2_grpc
from .destinations import Endpoint
from .direct import NoDirectWay, Ways, put_direct
from .grpc_stream import credentials, open_channel
from .http_sender import HttpLink
from .plain_put import NoPlainWay, offers_plain_way, put_plain

__all__ = ["BlobLink", "GrpcBlobs", "HttpBlobs", "MissingBlob", "StoreFails"]

_CALL_TIMEOUT_S = 60.0
_COMMIT_S_A_FILE = 0.05
_HAVE_AT_ONCE = 500

_ways = Ways("large blobs go through the service")  # both of this process: a link is made for each artifact
_plain_ways = Ways("large blobs go by gRPC")


class MissingBlob(BlobError):
    """A commit names a blob that the store does not have (any more)."""


class StoreFails(ServiceUnavailable):
    """The service was reached, and its store was not: by another way the bytes would be sent once more in vain."""


class _UnknownCallError(ServiceUnavailable):
    """An older service, or a store that cannot; or something in between that is no service at all."""


class BlobLink(Protocol):
    """Raises ServiceUnavailable (try later), AuthError, MissingBlob, ApiError (refused for good)."""

    def have(self, digests: Iterable[str]) -> set[str]: ...
    def put(
        self, digest: str, size: int, chunks: Callable[[], Iterator[bytes]], before_piece: Callable[[], None]
    ) -> None:
        """chunks: the bytes, from their beginning each time. before_piece: to be called before more is sent."""

    def commit(self, staged: Staged, digests: dict[str, str]) -> bool:
        """False where the run was purged: nothing of it is kept."""

    def close(self) -> None: ...


class GrpcBlobs:
    def __init__(self, endpoint: Endpoint, settings: Settings) -> None:
        self._endpoint, self._settings = endpoint, settings
        self._channel = open_channel(endpoint, settings)
        self._stub = blob_pb2_grpc.BlobsStub(self._channel)
        self._put = self._channel.stream_unary(
            f"/{put_messages.SERVICE}/{put_messages.PUT}", response_deserializer=blob_pb2.PutReply.FromString
        )

    def have(self, digests: Iterable[str]) -> set[str]:
        wanted, held = list(digests), set()
        for start in range(0, len(wanted), _HAVE_AT_ONCE):
            request = blob_pb2.HaveRequest(digests=wanted[start : start + _HAVE_AT_ONCE])
            held |= set(self._call(self._stub.Have, request).held)
        return held

    def put(
        self, digest: str, size: int, chunks: Callable[[], Iterator[bytes]], before_piece: Callable[[], None]
    ) -> None:
        settings, service = self._settings, shown(self._endpoint.url)
        wanted = settings.blob_upload == "direct" and size >= max(1, settings.blob_direct_bytes_min)
        if wanted and _ways.open(service):
            try:
                put_direct(self._begin_direct, self._end_direct, digest, size, chunks, before_piece)
                return
            except NoDirectWay as error:
                _ways.close(service, str(error), settings.http_fallback_s)
        if size >= settings.blob_plain_bytes_min and offers_plain_way(self._endpoint) and _plain_ways.open(service):
            try:
                put_plain(self._endpoint, digest, size, chunks())
                return
            except NoPlainWay as error:
                _plain_ways.close(service, str(error), settings.http_fallback_s)
        self._put_through_service(digest, size, chunks())

    def _begin_direct(self, request: Any) -> Any:
        try:
            return self._call(self._stub.BeginDirect, request)
        except _UnknownCallError as error:
            raise NoDirectWay(f"it offers no direct way ({error})") from None

    def _end_direct(self, request: Any) -> Any:
        return self._call(self._stub.EndDirect, request, timeout=None)

    def _put_through_service(self, digest: str, size: int, chunks: Iterator[bytes]) -> None:
        source = _Source(chunks)

        def messages() -> Iterator[bytes]:
            yield put_messages.of_header(digest, size)
            yield from map(put_messages.of_chunk, source)

        # No deadline: a large blob on a slow line takes what it takes; keepalive finds a dead one.
        try:
            reply = self._call(self._put, messages(), timeout=None)
        except (ServiceUnavailable, ApiError):
            source.raise_its_own()
            raise
        if reply.digest != digest or reply.size != size:
            raise ApiError(f"the service stored {reply.size} bytes as {reply.digest} instead of {size} as {digest}")

    def commit(self, staged: Staged, digests: dict[str, str]) -> bool:
        files = [
            blob_pb2.ArtifactFile(path=file.path, digest=digests[file.path], size=file.size, uri=file.uri)
            for file in staged.files
        ]
        request = blob_pb2.CommitRequest(
            run=staged.run,
            writer=staged.writer,
            row_seq=staged.row_seq,
            rank=staged.rank,
            version=staged.version,
            step=staged.step,
            time_ms=staged.time_ms,
            kind=staged.kind,
            name=staged.name,
            metadata=staged.metadata,
            files=files,
            project=staged.project,
            id=staged.id,
            type=staged.type,
            aliases=staged.aliases,
            part=staged.part,
            parts=staged.parts,
        )
        # The service looks for every blob of it.
        reply = self._call(self._stub.Commit, request, timeout=_CALL_TIMEOUT_S + len(files) * _COMMIT_S_A_FILE)
        return not reply.discarded

    def close(self) -> None:
        self._channel.close()

    def _call(self, method: Any, request: Any, timeout: float | None = _CALL_TIMEOUT_S) -> Any:
        try:
            return method(request, metadata=credentials(self._endpoint), timeout=timeout)
        except grpc.RpcError as error:
            code, details = error.code(), error.details() or ""
        where = f"{shown(self._endpoint.url)} by gRPC at {self._endpoint.grpc}"
        if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            raise AuthError(f"{where} refuses this token: {details}")
        if code is grpc.StatusCode.FAILED_PRECONDITION:
            raise MissingBlob(f"{where}: {details}")
        if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.DATA_LOSS):
            raise ApiError(f"{where} refuses it: {details}")
        if code is grpc.StatusCode.ABORTED:
            raise StoreFails(f"{where}: {details}")
        if code is grpc.StatusCode.UNIMPLEMENTED:
            raise _UnknownCallError(f"{where}: {details}")
        raise ServiceUnavailable(f"{where}: {code.name} {details}")


class HttpBlobs:
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._link = HttpLink(endpoint)

    def have(self, digests: Iterable[str]) -> set[str]:
        return {digest for digest in digests if self._link.request("HEAD", f"/api/v1/blobs/{digest}")[0] == 200}

    def put(
        self,
        digest: str,
        size: int,
        chunks: Callable[[], Iterator[bytes]],
        before_piece: Callable[[], None],  # noqa: ARG002 - each chunk has waited for it already
    ) -> None:
        source = _Source(chunks())
        try:
            self._check(self._link.request("PUT", f"/api/v1/blobs/{digest}", source, {"Content-Length": str(size)}))
        except (ServiceUnavailable, ApiError):
            source.raise_its_own()
            raise

    def commit(self, staged: Staged, digests: dict[str, str]) -> bool:
        body = {
            "project": staged.project,
            "id": staged.id,
            "run": staged.run.hex(),
            "writer": staged.writer,
            "row_seq": staged.row_seq,
            "rank": staged.rank,
            "version": staged.version,
            "step": staged.step,
            "time_ms": staged.time_ms,
            "kind": staged.kind,
            "name": staged.name,
            "metadata": staged.metadata,
            "files": [{"path": f.path, "digest": digests[f.path], "size": f.size, "uri": f.uri} for f in staged.files],
            "type": staged.type,
            "aliases": staged.aliases,
            "part": staged.part,
            "parts": staged.parts,
        }
        data = json.dumps(body).encode()
        status, reply = self._link.request("POST", "/api/v1/artifacts", data, {"Content-Type": "application/json"})
        if status in (409, 412, 424):
            raise MissingBlob(f"{shown(self._endpoint.url)}: {reply[:200]!r}")
        self._check((status, reply))
        try:
            return bool(json.loads(reply).get("state") != "discarded")
        except (ValueError, AttributeError) as error:
            raise ApiError(f"{shown(self._endpoint.url)} answers what cannot be read: {error!r}") from error

    def close(self) -> None:
        self._link.close()

    def _check(self, answer: tuple[int, bytes]) -> None:
        if not 200 <= answer[0] < 300:
            raise ApiError(f"{shown(self._endpoint.url)} refuses it: HTTP {answer[0]} {answer[1][:200]!r}")


class _Source:
    """Chunks for a library that hides the exception of its source: it is kept, and can be raised afterwards."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except Exception as error:
            self._error = error
            raise

    def raise_its_own(self) -> None:
        if self._error is not None:
            raise self._error
