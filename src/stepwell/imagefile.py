"""What an image file is, by its own bytes: PNG, JPEG or WebP, its width and height. Nothing else is an image here.

Asked by who logs one and by the service, which tells a browser what it serves. SVG is a program, and stays a download.
"""

from __future__ import annotations

from .errors import InvalidValue

__all__ = ["MEDIA_TYPES", "format_of", "size_of"]

MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}

_PNG = b"\x89PNG\r\n\x1a\n"
_SIZED = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's frame headers (ITU T.81, table B.1)
_BARE = {0x01, *range(0xD0, 0xD9)}  # markers with no length after them


def format_of(head: bytes) -> str | None:
    """png, jpeg or webp; None of anything else."""
    if head.startswith(_PNG):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return None


def size_of(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels as the file says it. Raises InvalidValue: not such a file, or cut off."""
    kind = format_of(data)
    found: tuple[int, int] | None = None
    if kind == "png" and data[12:16] == b"IHDR" and len(data) >= 24:
        found = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    elif kind == "jpeg":
        found = _size_of_jpeg(data)
    elif kind == "webp":
        found = _size_of_webp(data)
    elif kind is None:
        raise InvalidValue("neither PNG, JPEG nor WebP by its first bytes")
    if found is None or not all(found):
        raise InvalidValue(f"a {kind} file that does not say its size: it is damaged or cut off")
    return found


def _size_of_jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _BARE:  # fill bytes
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _SIZED:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _size_of_webp(data: bytes) -> tuple[int, int] | None:
    chunk = data[12:16]
    if len(data) < 30:
        return None
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None
