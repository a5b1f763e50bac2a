"""A block's outer shell: the fixed header and the zstd-compressed body (docs/block-format.md).

What is inside the body belongs to csrc/codec. Called by the agent (seal), stores and sync (unseal).
"""

from __future__ import annotations

import struct
import threading

import zstandard

from . import _core
from ._core import BlockBuilder, BlockError

__all__ = ["seal", "unseal"]

_CRC = struct.Struct("<I")
_CRC_OFFSET = 16  # magic 4, version 2, min_reader 2, body_bytes 8

_compressors = threading.local()  # a compressor serves one thread at a time


def seal(builder: BlockBuilder, level: int) -> bytes:
    """The builder's records as one block, compressed at this zstd level; the builder is empty afterwards."""
    header, body = builder.encode()
    if getattr(_compressors, "level", None) != level:
        _compressors.level = level
        _compressors.one = zstandard.ZstdCompressor(level=level, write_content_size=True)
    sealed: bytes = header + _compressors.one.compress(body)
    return sealed


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
