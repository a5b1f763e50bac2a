"""Blobs over HTTP: asked for, sent and fetched by digest, streamed both ways."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from itertools import chain

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from ..errors import BlobError, NotFound
from ..imagefile import MEDIA_TYPES, format_of
from ..settings import Settings
from ..stores.blobs import BlobStore, check_digest
from .body import announced_bytes
from .figures import Figures
from .raw_body import BodyCutError, raw_body

__all__ = ["blob_router"]

_IMAGE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=31536000, immutable",  # the address is the content's digest
}
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def blob_router(blobs: BlobStore, settings: Settings, figures: Figures) -> APIRouter:
    router = APIRouter(prefix="/api/v1/blobs")

    @router.head("/{digest}")
    def head_blob(digest: str) -> Response:
        """Asked by agents before they send: what is there is claimed, so that no gc takes it before they commit."""
        size = blobs.claim(check_digest(digest))
        if size is None:
            raise NotFound(f"the store has no blob {digest}")
        return Response(headers=_headers(size))

    @router.put("/{digest}")
    async def put_blob(digest: str, request: Request) -> Response:
        """201 once it is stored, checked and durable; 200 where it already was."""
        check_digest(digest)
        size = announced_bytes(request)
        if size is None:
            raise HTTPException(411, "an upload says its size: Content-Length is missing")
        if await asyncio.to_thread(blobs.claim, digest) == size:
            async for _ in request.stream():  # a client in the middle of sending would see a broken pipe
                pass
            return Response(status_code=200)
        writer = await asyncio.to_thread(blobs.writer, digest, size)

        def take(piece: bytes | memoryview) -> None:
            writer.write(piece)
            figures.blob_bytes.inc(len(piece))

        raw = raw_body(request.scope, size)
        try:
            if raw is not None:
                await raw.feed(take, settings.blob_chunk_bytes)
            else:
                async for chunk in _chunks(request, settings.blob_chunk_bytes):
                    await asyncio.to_thread(take, chunk)
            await asyncio.to_thread(writer.commit)
        except BodyCutError as error:
            raise HTTPException(400, f"the upload broke off: {error}") from None
        finally:
            writer.abort()
            if raw is not None:
                raw.close()
        return Response(status_code=201, headers={"Connection": "close"} if raw is not None else None)

    @router.get("/{digest}")
    def get_blob(digest: str, request: Request) -> Response:
        """The bytes, or one range of them. A damaged blob ends short of its Content-Length."""
        size = blobs.size(check_digest(digest))
        asked = request.headers.get("range")
        match = _RANGE.fullmatch(asked) if asked else None
        if not match:
            return StreamingResponse(_first(blobs.open(digest)), headers=_headers(size))
        start, end = int(match[1]), min(int(match[2] or size - 1), size - 1)
        if start > end:
            raise HTTPException(416, f"the blob has {size} bytes", headers={"Content-Range": f"bytes */{size}"})
        return StreamingResponse(
            blobs.open(digest, start, end - start + 1),
            status_code=206,
            headers={**_headers(end - start + 1), "Content-Range": f"bytes {start}-{end}/{size}"},
        )

    @router.get("/{digest}/image")
    def get_image(digest: str) -> Response:
        """A PNG, JPEG or WebP file as what its first bytes say; 415 of all else, SVG too: that is a program."""
        size = blobs.size(check_digest(digest))
        chunks = _first(blobs.open(digest))
        head = next(chunks, b"")
        kind = format_of(head)
        if kind is None:
            raise HTTPException(415, f"blob {digest} is no PNG, JPEG or WebP image")
        return StreamingResponse(
            chain((head,), chunks),
            media_type=MEDIA_TYPES[kind],
            headers={"Content-Length": str(size), **_IMAGE_HEADERS},
        )

    return router


def _headers(size: int) -> dict[str, str]:
    return {"Content-Length": str(size), "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}


def _first(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The first chunk is had before the answer begins: a small damaged blob is an error, not a short body."""
    try:
        first = next(chunks, b"")
    except BlobError as error:
        raise HTTPException(500, str(error)) from error

    def rest() -> Iterator[bytes]:
        yield first
        yield from chunks

    return rest()


async def _chunks(request: Request, size: int) -> AsyncIterator[bytes]:
    """The body in pieces of about `size`: the server hands over 64 KiB at a time, and each costs a thread switch."""
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) >= size:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
