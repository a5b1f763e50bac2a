"""Blobs: which are held, one uploaded, an artifact made complete. File work happens in worker threads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc
import grpc.aio

from .. import put_messages
from ..errors import BlobError, InvalidValue, StepwellError, StoreError
from ..settings import Settings
from ..stores.artifacts import ArtifactCommit, ArtifactFile, BlobsMissingError
from ..stores.blobs import BlobStore, DirectStore, is_passing
from ..stores.ingest import Ingest
from ..v1 import blob_pb2 as pb
from ..v1 import blob_pb2_grpc
from .figures import Figures

__all__ = ["BlobService"]

log = logging.getLogger("stepwell.service")

_DIGESTS_MAX = 10_000
_READERS = 2  # blobs that agents put themselves, read back at one time


class BlobService(blob_pb2_grpc.BlobsServicer):  # type: ignore[misc]
    def __init__(self, blobs: BlobStore, ingest: Ingest, settings: Settings, figures: Figures) -> None:
        self._blobs = blobs
        self._ingest = ingest
        self._settings = settings
        self._figures = figures
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="stepwell-direct")

    async def Have(self, request: pb.HaveRequest, context: grpc.aio.ServicerContext) -> pb.HaveReply:  # noqa: N802
        if len(request.digests) > _DIGESTS_MAX:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"at most {_DIGESTS_MAX} digests a question")
        try:
            held = await asyncio.to_thread(self._held, request.digests)
        except StepwellError as error:
            await _abort(context, error)
        return pb.HaveReply(held=held)

    def _held(self, digests: Iterable[str]) -> list[str]:
        """Claimed: no gc takes them between this answer and the commit that relies on it."""
        return [digest for digest in digests if self._blobs.claim(digest) is not None]

    def add_to(self, server: grpc.aio.Server) -> None:
        blob_pb2_grpc.add_BlobsServicer_to_server(self, server)
        # Of all calls that which brings the bytes has its messages read here.
        put = grpc.stream_unary_rpc_method_handler(self.Put, response_serializer=pb.PutReply.SerializeToString)
        server.add_registered_method_handlers(put_messages.SERVICE, {put_messages.PUT: put})

    async def Put(  # noqa: N802
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext
    ) -> pb.PutReply:
        header: pb.PutHeader | None = None
        writer = None
        try:
            async for message in requests:
                body = _read(message)
                if header is None:
                    if not isinstance(body, pb.PutHeader):
                        raise InvalidValue("an upload begins with its header")
                    header = body
                    if await asyncio.to_thread(self._blobs.claim, header.digest) == header.size:
                        return pb.PutReply(digest=header.digest, size=header.size)
                    writer = await asyncio.to_thread(self._blobs.writer, header.digest, header.size)
                elif isinstance(body, memoryview) and writer:
                    await asyncio.to_thread(writer.write, body)
                    self._figures.blob_bytes.inc(len(body))
                else:
                    raise InvalidValue("after its header an upload is chunks only")
            if header is None or writer is None:
                raise InvalidValue("an upload begins with its header")
            await asyncio.to_thread(writer.commit)
            return pb.PutReply(digest=header.digest, size=header.size)
        except StepwellError as error:
            await _abort(context, error)
        finally:
            if writer:
                writer.abort()

    async def BeginDirect(  # noqa: N802
        self, request: pb.BeginDirectRequest, context: grpc.aio.ServicerContext
    ) -> pb.BeginDirectReply:
        store = await self._direct_store(context)
        if request.size < 1:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "an empty blob is put through the service")
        expires_s = self._settings.blob_address_expires_s
        try:
            begun = await asyncio.to_thread(
                store.begin_direct, request.digest, request.size, request.first_part, expires_s
            )
        except StepwellError as error:
            await _abort(context, error)
        return pb.BeginDirectReply(
            held=begun.held,
            whole=begun.whole,
            part_bytes=begun.part_bytes,
            there=[pb.PartThere(number=n, md5=md5, size=size) for n, (md5, size) in begun.there.items()],
            addresses=[pb.PartAddress(number=n, url=url) for n, url in begun.addresses.items()],
        )

    async def EndDirect(  # noqa: N802
        self, request: pb.EndDirectRequest, context: grpc.aio.ServicerContext
    ) -> pb.PutReply:
        store = await self._direct_store(context)
        try:
            # Threads of their own: reading a large blob back must keep nothing waiting that comes in meanwhile.
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._readers, store.end_direct, request.digest, request.size)
        except StepwellError as error:
            await _abort(context, error)
        self._figures.blob_bytes.inc(request.size)
        return pb.PutReply(digest=request.digest, size=request.size)

    async def _direct_store(self, context: grpc.aio.ServicerContext) -> DirectStore:
        if not isinstance(self._blobs, DirectStore):
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{self._blobs.where} has no addresses to put blobs to")
            raise AssertionError("abort raises")
        return self._blobs

    async def Commit(  # noqa: N802
        self, request: pb.CommitRequest, context: grpc.aio.ServicerContext
    ) -> pb.CommitReply:
        commit = ArtifactCommit(
            project=request.project,
            id=request.id,
            run=request.run,
            writer=request.writer,
            row_seq=request.row_seq,
            rank=request.rank,
            version=request.version,
            step=request.step,
            time_ms=request.time_ms,
            kind=request.kind,
            name=request.name,
            metadata=request.metadata,
            files=tuple(ArtifactFile(file.path, file.digest, file.size, file.uri) for file in request.files),
            type=request.type,
            aliases=tuple(request.aliases),
            part=request.part,
            parts=request.parts,
        )
        try:
            discarded = not await asyncio.to_thread(self._ingest.commit_artifact, commit)
        except StepwellError as error:
            await _abort(context, error)
        if discarded:
            self._figures.discarded.labels("artifact").inc()
        return pb.CommitReply(discarded=discarded)


def _read(message: bytes) -> pb.PutHeader | memoryview | None:
    try:
        return put_messages.read(message)
    except ValueError as error:
        raise InvalidValue(str(error)) from None


async def _abort(context: grpc.aio.ServicerContext, error: StepwellError) -> NoReturn:
    """ABORTED: a store cannot now; try again later. FAILED_PRECONDITION: send the blobs first. INVALID_ARGUMENT: never.

    Not UNAVAILABLE, which is gRPC's own word where the way is what failed: there agents try HTTP at once.
    """
    code = grpc.StatusCode.INTERNAL
    if isinstance(error, BlobsMissingError):
        code = grpc.StatusCode.FAILED_PRECONDITION
    elif isinstance(error, StoreError) or (isinstance(error, BlobError) and is_passing(error)):
        code = grpc.StatusCode.ABORTED
        log.warning("a blob is to be sent again: %s", error)
    elif isinstance(error, (InvalidValue, BlobError)):
        code = grpc.StatusCode.INVALID_ARGUMENT
    await context.abort(code, str(error)[:2000])
    raise AssertionError("abort raises")
