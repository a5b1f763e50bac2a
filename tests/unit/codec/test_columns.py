"""Single columns: whatever the values, they come back; whatever the bytes, two decoders make the same of them."""

from __future__ import annotations

import math
import struct
from array import array
from random import Random

import pytest
import reference_decoder
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell import _core

BITS = st.integers(0, 2**64 - 1)
# Columns that go to different encodings: bits of their values, from a seed and a length.
DOUBLES = {
    "any bits": lambda random, i: random.getrandbits(64),
    "float32": lambda random, i: reference_decoder.widen(random.getrandbits(32)),
    "cosine": lambda random, i: reference_decoder.bits_of(math.cos(i * 1e-3)),
    "decimals": lambda random, i: reference_decoder.bits_of(round(random.gauss(0, 9), 2)),
    "shares": lambda random, i: reference_decoder.bits_of(random.randrange(-9, 99) / 64),
    "few": lambda random, i: reference_decoder.bits_of(math.sqrt(random.randrange(5))),
}


def encoded(bits: list[int], doubles: bool) -> bytes:
    values = array("d" if doubles else "q")
    values.frombytes(struct.pack(f"<{len(bits)}Q", *bits))
    return _core.encode_column(values)


def decoded(column: bytes, count: int, doubles: bool) -> list[int] | None:
    """None where it is refused."""
    try:
        return list(struct.unpack(f"<{count}Q", _core.decode_column(column, count, doubles=doubles)))
    except _core.BlockError:
        return None


def decoded_by_reference(column: bytes, count: int, doubles: bool) -> list[int] | None:
    reader = reference_decoder.Reader(column)
    read = reference_decoder.double_column if doubles else reference_decoder.int_column
    try:
        values = read(reader, count)
        reader.finish()
    except (ValueError, LookupError):
        return None
    return values


@settings(deadline=None, max_examples=150)
@given(bits=st.lists(BITS, max_size=200) | st.lists(st.integers(0, 20), max_size=300), doubles=st.booleans())
def test_any_values_come_back(bits: list[int], doubles: bool) -> None:
    column = encoded(bits, doubles)
    assert decoded(column, len(bits), doubles) == bits
    assert decoded_by_reference(column, len(bits), doubles) == bits


@settings(deadline=None, max_examples=150)
@given(
    like=st.sampled_from(sorted(DOUBLES)),
    doubles=st.booleans(),
    count=st.integers(1, 300),
    seed=st.integers(0, 2**32),
    flips=st.lists(st.tuples(st.integers(0), st.integers(1, 255)), min_size=1, max_size=3),
    cut=st.integers(0, 9),
)
def test_two_decoders_make_the_same_of_a_damaged_column(
    like: str, doubles: bool, count: int, seed: int, flips: list[tuple[int, int]], cut: int
) -> None:
    random = Random(seed)
    column = bytearray(encoded([DOUBLES[like](random, i) for i in range(count)], doubles))
    for place, change in flips:
        column[min(place, place % len(column))] ^= change
    damaged = bytes(column[: len(column) - cut % len(column)])
    assert decoded(damaged, count, doubles) == decoded_by_reference(damaged, count, doubles)


@pytest.mark.parametrize("values", [array("f", [1.0]), b"12345678", array("Q", [1])])
def test_only_doubles_and_signed_integers_are_columns(values: object) -> None:
    with pytest.raises(TypeError, match="float64 or int64"):
        _core.encode_column(values)


def test_a_column_longer_than_a_block_is_refused_before_it_is_read() -> None:
    with pytest.raises(_core.BlockError, match="2\\^20"):
        _core.decode_column(b"", 2**20 + 1, doubles=True)
    assert _core.decode_column(b"", 0, doubles=True) == b""
