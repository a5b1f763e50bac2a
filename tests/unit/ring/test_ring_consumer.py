"""`Ring`: the agent's side, through Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorders import MakeRecorder, new_block
from stepwell import _core


def test_what_a_ring_says_of_itself(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    recorder.log({"m": 1.0})
    ring = _core.Ring(recorder.path)
    assert ring.identity == b'{"project": "p", "id": "r"}'
    assert (ring.run, ring.rank, ring.attempt, ring.writer) == (bytes(range(16)), 2, 99, recorder.writer)
    assert (ring.path, ring.ring_bytes, ring.links) == (recorder.path, 1 << 20, 1)
    assert (ring.role, ring.index, ring.first_seq, ring.last_seq) == ("main", 0, 1, 1)
    assert ring.owner_alive
    assert not ring.closed
    recorder.close()
    assert ring.closed


def test_collect_commit_rollback(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    for i in range(10):
        recorder.log({"a": float(i), "b": i})
    ring = _core.Ring(recorder.path)
    pending = ring.pending_bytes
    block = new_block()
    assert ring.collect(block, 1) == ring.collected_bytes > 0
    assert block.records == 1
    ring.rollback()
    assert ring.collected_bytes == 0
    block = new_block()
    assert ring.collect(block, 1 << 20) == pending
    assert (block.records, block.points, block.first_seq, block.last_seq) == (10, 20, 1, 10)
    assert not recorder.drained
    ring.commit()
    assert recorder.drained
    assert ring.pending_bytes == 0


def test_what_is_in_a_spool_already_is_skipped(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    for i in range(10):
        recorder.log({"a": float(i)})
    ring = _core.Ring(recorder.path)
    ring.skip_to(7)
    block = new_block()
    ring.collect(block, 1 << 20)
    assert (block.first_seq, block.last_seq) == (8, 10)


def test_only_one_consumer_at_a_time(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    ring = _core.Ring(recorder.path)
    with pytest.raises(_core.RingBusy, match="another process"):
        _core.Ring(recorder.path)
    ring.close()
    again = _core.Ring(recorder.path)
    with pytest.raises(_core.RingError, match="closed"):
        _ = ring.pending_bytes
    again.close()


@pytest.mark.parametrize("content", [b"", b"SWRING1\0", bytes(1 << 20)], ids=["empty", "short", "zeros"])
def test_files_that_are_no_rings(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.ring"
    path.write_bytes(content)
    with pytest.raises(_core.RingError, match=r"x\.ring"):
        _core.Ring(str(path))


def test_records_before_a_damaged_one_are_kept(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    for i in range(3):
        recorder.log({"a": float(i)})
    ring = _core.Ring(recorder.path)
    stride = ring.pending_bytes // 3
    with open(recorder.path, "r+b") as file:
        file.seek(4096 + 8192 + (1 << 20) // 4 + 2 * stride)
        file.write(b"\xff" * 8)
    block = new_block()
    assert ring.collect(block, 1 << 20) == 2 * stride
    assert block.records == 2
    ring.commit()
    with pytest.raises(_core.RingError, match="damaged"):
        ring.collect(block, 1 << 20)
    assert block.records == 2
