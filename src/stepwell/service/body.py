"""Request bodies: read up to a limit, and refused beyond it before they are in memory."""

from __future__ import annotations

from fastapi import HTTPException, Request

__all__ = ["announced_bytes", "read_body"]


def announced_bytes(request: Request) -> int | None:
    """Content-Length, where there is one."""
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not text.isdecimal():
        raise HTTPException(400, "Content-Length is not a number")
    return int(text)


async def read_body(request: Request, limit: int) -> bytes:
    """Raises HTTPException 413 for more than `limit` bytes."""
    if (announced_bytes(request) or 0) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        parts.append(chunk)
    return b"".join(parts)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"a request has at most {limit} bytes; send it in parts")
