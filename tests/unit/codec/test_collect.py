"""From a real ring into blocks: every record once, fragments joined, in as many blocks as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import reference_decoder

from stepwell import _core

RUN = bytes(range(16))


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[_core.Recorder]:
    recorder = _core.Recorder(
        mailbox=str(tmp_path),
        fallback=str(tmp_path),
        identity=b"{}",
        run=RUN,
        rank=0,
        attempt=1,
        ring_bytes=1 << 22,
        child_ring_bytes=1 << 16,
        ring_bytes_min=1 << 14,
        ring_bytes_max=1 << 22,
        ring_full_budget_s=0.0,
        ring_share_max=1.0,
        agent_stale_s=1e6,
        wake_interval_s=1e6,
        first_step=0,
        slow=lambda data, step, time: None,
        wake=lambda: None,
    )
    yield recorder
    recorder.close()


def new_builder(recorder: _core.Recorder) -> _core.BlockBuilder:
    return _core.BlockBuilder(project="p", id="i", run=RUN, rank=0, attempt=1, writer=recorder.writer, created_ms=0)


def drain(recorder: _core.Recorder, max_bytes: int) -> list[reference_decoder.Block]:
    ring = _core.Ring(recorder.path)
    blocks = []
    while True:
        builder = new_builder(recorder)
        if ring.collect(builder, max_bytes) == 0:
            return blocks
        ring.commit()
        body = builder.encode()[1]
        _core.NativeBatch().add(body)
        blocks.append(reference_decoder.decode(body))


@pytest.mark.parametrize("max_bytes", [1, 1000, 1 << 22])
def test_every_record_is_collected_once_however_it_is_cut(recorder: _core.Recorder, max_bytes: int) -> None:
    for i in range(300):
        recorder.log({"loss": i / 4, f"set/{i % 100}": i, "even": i % 2 == 0})
        recorder.record(_core.KIND_CONSOLE, (b"1", b"line %d" % i))
    points, records = [], []
    for block in drain(recorder, max_bytes):
        points += block.points
        records += block.records
    assert sorted((p.row_seq, p.metric, p.step) for p in points) == sorted(
        (2 * i + 1, metric, i) for i in range(300) for metric in ("loss", f"set/{i % 100}", "even")
    )
    assert [record.parts[1] for record in records] == [b"line %d" % i for i in range(300)]


def test_a_record_in_many_fragments_is_whole_in_its_block(recorder: _core.Recorder) -> None:
    text = bytes(range(32, 127)) * 8000
    recorder.write([], [(_core.KIND_TEXT, (b"m", text))], None, None)
    (block,) = drain(recorder, 1)
    assert [record.parts for record in block.records] == [(b"m", text)]


def test_a_record_that_no_block_can_hold_is_left_out_and_counted(recorder: _core.Recorder) -> None:
    recorder.write([("a", 1.0)], [(_core.KIND_HISTOGRAM, (b"h", b"garbage"))], None, None)
    recorder.log({"a": 2.0})
    ring = _core.Ring(recorder.path)
    builder = new_builder(recorder)
    ring.collect(builder, 1 << 20)
    assert (builder.refused, builder.points, builder.records) == (1, 2, 2)


def test_after_a_rollback_the_same_records_come_again(recorder: _core.Recorder) -> None:
    recorder.log({"a": 1.0})
    ring = _core.Ring(recorder.path)
    bodies = []
    for _ in range(2):
        builder = new_builder(recorder)
        assert ring.collect(builder, 1 << 20) > 0
        bodies.append(builder.encode()[1])
        ring.rollback()
    assert bodies[0] == bodies[1]
