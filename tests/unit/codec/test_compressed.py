"""What zstd is asked to do of a block: all that pays, and no more."""

from __future__ import annotations

import random

import pytest
import zstandard

from making_blocks import Making
from stepwell.blocks import compress, seal, unseal

TEXT = b"".join(b"step %d of epoch %d took %d ms\n" % (n, n // 100, n * n % 1009) for n in range(3000))
NOISE = random.Random(0).randbytes(50_000)


@pytest.mark.parametrize("level", [-5, -1, 1, 3, 19])
@pytest.mark.parametrize("body", [b"", b"x", TEXT, NOISE, NOISE + TEXT, TEXT[:500] + NOISE], ids=len)
def test_whatever_is_compressed_is_one_frame_that_says_its_size(body: bytes, level: int) -> None:
    frame = compress(body, level)
    assert zstandard.frame_content_size(frame) == len(body)
    assert zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False) == body
    assert len(frame) <= len(body) + 16


def test_what_a_glance_finds_worthwhile_is_compressed_at_the_level_asked_for() -> None:
    for body in (TEXT, NOISE + TEXT):
        for level in (3, 19):
            assert compress(body, level) == zstandard.ZstdCompressor(level=level).compress(body)


def test_what_is_dense_already_is_not_looked_at_again() -> None:
    assert compress(NOISE, 19) == compress(NOISE, -1)


def test_a_block_may_be_sealed_at_any_level() -> None:
    made = Making()
    for level in (-1, 3, 19):
        builder = made.builder()
        builder.add_row([("loss", 0.1), ("rate", 3.0)], 1, 1, 1_767_225_600_001)
        assert unseal(seal(builder, level), 1 << 20)
