"""Whatever is recorded comes back bit for bit: through a decoder written from the specification, and as Native rows."""

from __future__ import annotations

import math
import struct
import uuid
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import reference_decoder
from hypothesis import given, settings
from hypothesis import strategies as st
from native_reader import read_native
from reference_decoder import BOOL, DOUBLE, INTEGER, Point, Record

from stepwell import _core

ANY_I64 = st.integers(-(2**63), 2**63 - 1)
BITS = st.integers(0, 2**64 - 1)
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)
FLOAT_BITS = st.one_of(
    BITS,
    st.floats().map(lambda value: reference_decoder.bits_of(value)),
    st.floats(width=32).map(lambda value: reference_decoder.bits_of(value)),
    st.integers(-1000, 1000).map(lambda value: reference_decoder.bits_of(float(value))),
)


def float_of(bits: int) -> float:
    return struct.unpack("<d", bits.to_bytes(8, "little"))[0]  # type: ignore[no-any-return]


# A cell as (type, bits).
CELLS = st.one_of(
    st.tuples(st.just(DOUBLE), FLOAT_BITS),
    st.tuples(st.just(INTEGER), BITS),
    st.tuples(st.just(BOOL), st.integers(0, 1)),
)
ROWS = st.lists(
    st.tuples(st.dictionaries(NAMES, CELLS, min_size=1, max_size=5), ANY_I64, ANY_I64, ANY_I64), max_size=30
)
# What a metric may be like, by row.
SHAPES: dict[str, Callable[[Random, int], float | int]] = {
    "smooth": lambda random, i: math.sin(i / 50),
    "schedule": lambda random, i: 5e-4 * (1 + math.cos(i * 1e-3)),
    "noisy": lambda random, i: random.gauss(0, 1),
    "counter": lambda random, i: i * 100,
    "cubes": lambda random, i: i**3 + random.randrange(2),
    "jitter": lambda random, i: 1_790_000_000_000 + 50 * i + random.randrange(4),
    "rare": lambda random, i: int(random.random() < 0.05),
    "bits": lambda random, i: float_of(random.getrandbits(64)),
    "float": lambda random, i: struct.unpack("<f", struct.pack("<f", random.gauss(0, 1)))[0],
    "decimals": lambda random, i: round(random.gauss(40, 3), 3) if random.random() > 0.01 else random.random(),
    "share": lambda random, i: random.randrange(256) / 256 if random.random() > 0.01 else math.nan,
    "few": lambda random, i: math.sqrt(random.randrange(7)),
    "steps": lambda random, i: 0.1 * 0.5 ** (i // 40),
    "tiny": lambda random, i: math.ldexp(random.randrange(50), -1060),
    "odd": lambda random, i: random.choice([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.0]),
}
# Tall tables, in which the packed runs and the samples of the chooser come into play.
TALL = st.tuples(
    st.integers(1, 400),
    st.sampled_from(sorted(SHAPES)),
    st.integers(0, 2**32),
)


def value_of(cell_type: int, bits: int) -> float | int | bool:
    if cell_type == DOUBLE:
        return float_of(bits)
    return bool(bits) if cell_type == BOOL else reference_decoder.signed(bits)


def builder(**changed: Any) -> _core.BlockBuilder:
    origin = {"project": "p", "id": "i", "run": uuid.UUID(int=7).bytes, "rank": 1, "attempt": 3, "writer": 9}
    return _core.BlockBuilder(**{**origin, "created_ms": 1, **changed})


def expected_points(rows: list[Any]) -> set[Point]:
    return {
        Point(metric, cell_type, bits, seq, step, time, at)
        for seq, (cells, step, time, at) in enumerate(rows, start=1)
        for metric, (cell_type, bits) in cells.items()
    }


@settings(deadline=None)
@given(rows=ROWS)
def test_rows_come_back_through_both_decoders(rows: list[Any]) -> None:
    block = builder()
    for seq, (cells, step, time, at) in enumerate(rows, start=1):
        named = [(metric, value_of(*cell)) for metric, cell in cells.items()]
        block.add_row(named, row_seq=seq, step=step, time_ms=time, at=at)
    header, body = block.encode()
    decoded = reference_decoder.decode(body)
    assert len(decoded.points) == sum(len(cells) for cells, *_ in rows)
    assert set(decoded.points) == expected_points(rows)
    assert reference_decoder.read_header(header).crc32c == _core.crc32c(body)

    batch = _core.NativeBatch()
    info = batch.add(body)
    assert (info.points, info.records) == (len(decoded.points), len(rows))
    native = {
        (row["metric"], row["version"], row["step"], row["time"], row["at"], row["value"])
        for row in read_native(batch.build("scalars"))
    }
    assert native == {
        (p.metric, 3 << 34 | p.row_seq, p.step, p.time_ms, p.at, stored_bits(p)) for p in expected_points(rows)
    }


def stored_bits(point: Point) -> int:
    """A table holds doubles: an integer beyond 2^53 becomes the nearest one."""
    if point.type == DOUBLE:
        return point.bits
    return reference_decoder.bits_of(float(reference_decoder.signed(point.bits)))


@settings(deadline=None, max_examples=60)
@given(shape=TALL)
def test_tall_tables_come_back_through_both_decoders(shape: Any) -> None:
    n, like, seed = shape
    random = Random(seed)
    values = [SHAPES[like](random, i) for i in range(n)]
    block = builder()
    for i, value in enumerate(values):
        block.add_row([("m", value)], row_seq=i + 1, step=i * i, time_ms=random.getrandbits(40))
    body = block.encode()[1]
    is_float = isinstance(values[0], float)
    bits = [reference_decoder.bits_of(value) if is_float else value for value in values]
    assert [point.bits for point in reference_decoder.decode(body).points] == bits
    batch = _core.NativeBatch()
    batch.add(body)
    stored = bits if is_float else [reference_decoder.bits_of(float(value)) for value in values]
    assert [row["value"] for row in read_native(batch.build("scalars"))] == stored


@settings(deadline=None)
@given(
    project=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    id=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    run=st.binary(min_size=16, max_size=16),
    rank=st.integers(0, 2**32 - 1),
    attempt=st.integers(0, 2**29 - 1),
    writer=BITS,
    created_ms=ANY_I64,
    seqs=st.lists(st.integers(0, 2**34 - 1), min_size=1, max_size=5, unique=True),
)
def test_the_origin_comes_back(seqs: list[int], **origin: Any) -> None:
    block = builder(**origin)
    for seq in seqs:
        block.add_row([("m", 0.0)], row_seq=seq, step=0, time_ms=0)
    body = block.encode()[1]
    decoded = reference_decoder.decode(body)
    info = _core.NativeBatch().add(body)
    for name, value in origin.items():
        assert getattr(decoded, name) == value
        if name != "created_ms":
            assert getattr(info, name) == value
    assert (decoded.first_seq, decoded.last_seq) == (min(seqs), max(seqs)) == (info.first_seq, info.last_seq)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(str.encode)
NAME_BYTES = NAMES.map(str.encode)
RECORDS = st.lists(
    st.one_of(
        st.tuples(st.just(_core.KIND_TEXT), st.tuples(NAME_BYTES, TEXT)),
        st.tuples(
            st.just(_core.KIND_FIELD),
            st.tuples(TEXT, TEXT, TEXT, st.one_of(st.just(b""), st.binary(min_size=8, max_size=8))),
        ),
        st.tuples(st.just(_core.KIND_CONSOLE), st.tuples(st.sampled_from([b"1", b"2"]), TEXT)),
        st.tuples(st.just(_core.KIND_EVENT), st.tuples(TEXT, TEXT)),
        st.tuples(
            st.just(_core.KIND_CHECKPOINT), st.tuples(TEXT, TEXT, TEXT, TEXT, BITS.map(lambda n: str(n).encode()))
        ),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(records=RECORDS, step=ANY_I64, time=ANY_I64)
def test_records_come_back(records: list[Any], step: int, time: int) -> None:
    block = builder()
    for seq, (kind, parts) in enumerate(records, start=1):
        block.add_record(kind, parts, row_seq=seq, step=step, time_ms=time)
    body = block.encode()[1]
    assert reference_decoder.decode(body).records == [
        Record(kind, parts, seq, step, time) for seq, (kind, parts) in enumerate(records, start=1)
    ]
    batch = _core.NativeBatch()
    assert batch.add(body).records == len(records)
    for table in batch.tables:
        assert batch.build(table)


@settings(deadline=None)
@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_block_are_refused(data: bytes) -> None:
    batch = _core.NativeBatch()
    with pytest.raises(_core.BlockError):
        batch.add(data)
    assert batch.total_rows == 0


@settings(deadline=None)
@given(cut=st.integers(0), flip=st.integers(0), damage=st.booleans())
def test_a_damaged_block_never_changes_what_a_batch_holds(cut: int, flip: int, damage: bool) -> None:
    block = builder()
    for i in range(40):
        block.add_row([("a", i * 0.1), ("b", i)], row_seq=i + 1, step=i, time_ms=i)
    body = bytearray(block.encode()[1])
    batch = _core.NativeBatch()
    batch.add(bytes(body))
    before = batch.build("scalars")
    if damage:
        body[flip % len(body)] ^= 1 << flip % 8
    else:
        del body[cut % len(body) :]
    try:
        batch.add(bytes(body))
    except _core.BlockError:
        assert batch.build("scalars") == before
        assert batch.total_rows == 81


def test_a_header_tells_its_versions_and_a_newer_one_is_told_apart() -> None:
    block = builder()
    header, body = block.encode()
    assert _core.block_header(header) == (_core.BLOCK_VERSION, 1, len(body))
    assert len(header) == _core.BLOCK_HEADER_BYTES
    newer = bytearray(header)
    struct.pack_into("<HH", newer, 4, 7, 7)
    with pytest.raises(_core.BlockTooNew, match="upgrade"):
        _core.block_header(bytes(newer))
    with pytest.raises(_core.BlockError, match="SWBK"):
        _core.block_header(b"x" * 24)
    assert issubclass(_core.BlockTooNew, _core.BlockError)
    assert issubclass(_core.BlockError, ValueError)


@pytest.mark.parametrize(
    ("cells", "error"),
    [
        ([("", 1.0)], _core.BlockError),
        ([("a\n", 1.0)], _core.BlockError),
        ([("x" * 513, 1.0)], _core.BlockError),
        ([], _core.BlockError),
        ([("a", "text")], TypeError),
        ([("a", 10**400)], OverflowError),
    ],
)
def test_a_row_that_no_block_can_hold_is_refused(cells: list[Any], error: type[Exception]) -> None:
    block = builder()
    with pytest.raises(error):
        block.add_row(cells, row_seq=1, step=0, time_ms=0)
    assert block.records == 0


def test_an_integer_beyond_64_bits_is_kept_as_the_nearest_double() -> None:
    block = builder()
    block.add_row([("big", 2**70), ("small", -(2**63) - 1)], row_seq=1, step=0, time_ms=0)
    points = reference_decoder.decode(block.encode()[1]).points
    assert [(point.type, float_of(point.bits)) for point in points] == [(DOUBLE, 2.0**70), (DOUBLE, -(2.0**63))]
