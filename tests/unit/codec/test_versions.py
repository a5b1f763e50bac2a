"""Blocks of every version that was ever written are read, and a block asks only for readers that it needs."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import reference_decoder

from stepwell import _core
from stepwell.blocks import unseal

ROWS = 200
# What version_1.block holds: 200 rows of these, each chosen for an encoding that later versions no longer write.
VERSION_1: dict[str, Callable[[int], float | int]] = {
    "xor": lambda i: 1 + i * 2.0**-40,
    "float xor": lambda i: struct.unpack("<f", struct.pack("<I", 0x3F8CCCCD + 3 * i))[0],
    "whole": lambda i: float(i // 3),
    "raw": lambda i: math.ldexp(float(i * 0x9E3779B97F4A7C15 % 2**53), -53 - i % 7),
    "constant": lambda i: 0.1,
    "counter": lambda i: 4096 * i,
    "cubes": lambda i: i**3,
}


def test_a_block_of_version_1_is_read_by_both_decoders() -> None:
    block = Path(__file__).with_name("version_1.block").read_bytes()
    assert _core.block_header(block)[:2] == (1, 1)
    body = unseal(block, 1 << 20)
    expected = {
        (name, i + 1, 10 * i): reference_decoder.bits_of(value) if isinstance(value, float) else value
        for name, value_of in VERSION_1.items()
        for i, value in enumerate(map(value_of, range(ROWS)))
    }
    decoded = reference_decoder.decode(body)
    assert {(p.metric, p.row_seq, p.step): p.bits for p in decoded.points} == expected
    batch = _core.NativeBatch()
    assert batch.add(body).points == len(expected)


@pytest.mark.parametrize(("rows", "min_reader"), [(0, 1), (1, 1), (100, 2)])
def test_a_block_asks_for_no_newer_reader_than_it_needs(rows: int, min_reader: int) -> None:
    block = _core.BlockBuilder(project="p", id="i", run=bytes(16), rank=0, attempt=1, writer=1, created_ms=1)
    for i in range(rows):
        block.add_row([("m", i)], row_seq=i + 1, step=i, time_ms=i)
    version, oldest, _ = _core.block_header(block.encode()[0])
    assert (version, oldest) == (_core.BLOCK_VERSION, min_reader)


def test_samples_of_a_host_are_read_by_both_decoders_and_ask_for_version_3() -> None:
    block = _core.BlockBuilder(
        project="p", id="i", run=bytes(16), rank=0, attempt=1, writer=1, created_ms=1, host="node7"
    )
    figures = {"host/cpu_percent": 12.5, "tenstorrent0/clock_mhz": 800, "nvidia0/a/b": -0.0}
    block.add_row(list(figures.items()), row_seq=1, step=0, time_ms=99)
    header, body = block.encode()
    assert _core.block_header(header)[:2] == (3, 3)
    decoded = reference_decoder.decode(body)
    assert decoded.host == "node7"
    assert {(p.metric, p.time_ms) for p in decoded.points} == {(name, 99) for name in figures}
    batch = _core.NativeBatch()
    assert batch.add(body).points == 3
    assert (batch.tables, batch.rows("system"), batch.rows("scalars"), batch.rows("lasts")) == (
        ["runs", "system"],
        3,
        0,
        0,
    )
    assert batch.total_rows == 4


@pytest.mark.parametrize("name", ["loss", "/loss", "host/"])
def test_a_sample_names_its_device(name: str) -> None:
    block = _core.BlockBuilder(project="p", id="i", run=bytes(16), rank=0, attempt=1, writer=1, created_ms=1, host="h")
    with pytest.raises(_core.BlockError, match="device/metric"):
        block.add_row([(name, 1.0)], row_seq=1, step=0, time_ms=0)
    block = _core.BlockBuilder(project="p", id="i", run=bytes(16), rank=0, attempt=1, writer=1, created_ms=1)
    block.add_row([(name, 1.0)], row_seq=1, step=0, time_ms=0)
    body = block.encode()[1] + b"\x01h"
    with pytest.raises(_core.BlockError, match="device/metric"):
        _core.NativeBatch().add(body)
    with pytest.raises(ValueError, match="device"):
        reference_decoder.decode(body)


@pytest.mark.parametrize("tail", [b"\x00", b"\x02h", b"\x01h!", b"\x01\xff", b"\x81\x02" + b"h" * 257])
def test_what_is_no_host_behind_the_records_is_refused(tail: bytes) -> None:
    block = _core.BlockBuilder(project="p", id="i", run=bytes(16), rank=0, attempt=1, writer=1, created_ms=1)
    with pytest.raises(_core.BlockError):
        _core.NativeBatch().add(block.encode()[1] + tail)
