"""Parts of an upload that carry a CRC32C, which the server counts again, instead of a SHA-256 in their signature.

Over plain HTTP the signature of a request covers the SHA-256 of its body: more work for both sides than all else that
is done with a part but its MD5. A checksum covers it as well against what goes wrong on the way (what is done on
purpose is found by the blob's own digest, whenever it is read), and is believed only where the server says it back.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from minio import Minio

from .._core import crc32c

__all__ = ["BEGINNING", "CHECKSUM", "CheckedClient", "Stored", "checksum_of", "is_checked", "list_of"]

CHECKSUM = "x-amz-checksum-crc32c"
BEGINNING = {"x-amz-checksum-algorithm": "CRC32C"}
_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
_CHECKED = b"<ChecksumAlgorithm>CRC32C</ChecksumAlgorithm>"


@dataclass(frozen=True)
class Stored:
    """A part that the server has. tag: its ETag. checksum: "" of an upload without."""

    tag: str
    checksum: str = ""


def checksum_of(data: bytes | bytearray) -> str:
    return base64.b64encode(crc32c(data).to_bytes(4, "big")).decode()


def is_checked(listing: bytes) -> bool:
    """Whether the answer to ListParts is of an upload that was begun with checksums."""
    return _CHECKED in listing


def list_of(parts: Mapping[int, Stored]) -> bytes:
    """The body of CompleteMultipartUpload, which the client's own would leave the checksums out of."""
    lines = []
    for number, part in sorted(parts.items()):
        checksum = f"<ChecksumCRC32C>{part.checksum}</ChecksumCRC32C>" if part.checksum else ""
        lines.append(f'<Part><PartNumber>{number}</PartNumber><ETag>"{escape(part.tag)}"</ETag>{checksum}</Part>')
    return f'<CompleteMultipartUpload xmlns="{_XMLNS}">{"".join(lines)}</CompleteMultipartUpload>'.encode()


class CheckedClient(Minio):  # type: ignore[misc]
    """Signs a body that has its checksum beside it by that alone; every other body as ever."""

    def _build_headers(
        self, host: str, headers: dict[str, Any] | None = None, body: Any = None, creds: Any = None
    ) -> tuple[dict[str, Any], datetime]:
        checked = headers is not None and CHECKSUM in headers
        built, date = super()._build_headers(host, headers, None if checked else body, creds)
        if checked:
            built |= {"Content-Length": str(len(body)), "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
        return built, date
