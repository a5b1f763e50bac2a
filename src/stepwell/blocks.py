"""A block's outer shell: the fixed header and the zstd-compressed body (docs/block-format.md).

What is inside the body belongs to csrc/codec. Called by the agent (seal), stores and sync (unseal).
"""

from __future__ import annotations

import struct
import threading

import zstandard

from . import _core
from ._core import BlockBuilder, BlockError

__all__ = ["compress", "seal", "unseal"]

_CRC = struct.Struct("<I")
_CRC_OFFSET = 16  # magic 4, version 2, min_reader 2, body_bytes 8

_GLANCE_LEVEL = -1
_WORTHWHILE = 64  # a body of which a glance saves less than this part is left at that

_compressors = threading.local()  # a compressor serves one thread at a time


def seal(builder: BlockBuilder, level: int) -> bytes:
    """The builder's records as one block, compressed at this zstd level; the builder is empty afterwards."""
    header, body = builder.encode()
    return header + compress(body, level)


def compress(body: bytes, level: int) -> bytes:
    """One zstd frame. Columns are entropy-coded already: where a glance finds nothing to save, none is looked for."""
    glance = _compressor(_GLANCE_LEVEL).compress(body)
    if level <= _GLANCE_LEVEL or len(glance) > len(body) - len(body) // _WORTHWHILE:
        return glance
    return _compressor(level).compress(body)


def _compressor(level: int) -> zstandard.ZstdCompressor:
    of_level: dict[int, zstandard.ZstdCompressor] | None = getattr(_compressors, "of_level", None)
    if of_level is None:
        of_level = _compressors.of_level = {}
    if level not in of_level:
        of_level[level] = zstandard.ZstdCompressor(level=level, write_content_size=True)
    return of_level[level]


def unseal(block: bytes, max_body: int) -> bytes:
    """The body of a block. Raises BlockError for anything but a whole block of at most `max_body` bytes."""
    _, _, size = _core.block_header(block)
    if size > max_body:
        raise BlockError(f"a block that would grow to {size} bytes; at most {max_body} are allowed")
    packed = memoryview(block)[_core.BLOCK_HEADER_BYTES :]
    try:
        # Nothing is allocated on the word of the compressed frame: its size must be the header's.
        if zstandard.frame_content_size(packed) != size:
            raise BlockError("a block whose compressed size field differs from its header")
        body: bytes = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise BlockError(f"a block that does not decompress: {error}") from None
    (crc,) = _CRC.unpack_from(block, _CRC_OFFSET)
    if len(body) != size or _core.crc32c(body) != crc:
        raise BlockError("a block whose body does not match its checksum")
    return body
