"""`Recorder.write`, `record` and what happens around them: space, agents, forks, kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recorders import MakeRecorder, new_block
from ring_reader import read_ring
from stepwell import _core


def test_a_row_and_its_records_share_a_step(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder(first_step=7)
    refused = recorder.write(
        [("a", 1.5), ("b", 2), ("c", True), ("d", np.float32(0.5)), ("a", 9.0)],
        [(_core.KIND_TEXT, (b"note", b"hello")), (_core.KIND_HISTOGRAM, (b"w", b""))],
        None,
        123,
    )
    assert refused == 0
    row, text, histogram = read_ring(recorder.path)
    assert row.cells == (("a", 9.0), ("b", 2), ("c", True), ("d", 0.5))
    assert text.parts == (b"note", b"hello")
    assert histogram.parts == (b"w", b"")
    assert {record.step for record in (row, text, histogram)} == {7}
    assert {record.time_ms for record in (row, text, histogram)} == {123}
    assert [record.row_seq for record in (row, text, histogram)] == [1, 2, 3]
    assert recorder.last_step == 7


def test_a_bad_name_drops_its_cell_and_not_the_row(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    assert recorder.write([("x" * 513, 1.0), ("ok", 1.0), ("", 2.0), ("\ud800", 3.0)], [], 4, None) == 3
    assert recorder.refused_metrics == 3
    (row,) = read_ring(recorder.path)
    assert row.cells == (("ok", 1.0),)


def test_a_record_of_its_own_has_no_step_in_the_count(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    before = recorder.now_ms()
    assert recorder.record(_core.KIND_CONSOLE, (b"1", b"line\n")) == 1
    assert recorder.record(_core.KIND_EVENT, (b"alert", b"{}"), step=5, time_ms=-1) == 2
    console, event = read_ring(recorder.path)
    assert (console.step, console.parts) == (0, (b"1", b"line\n"))
    assert before <= console.time_ms <= recorder.now_ms()
    assert (event.step, event.time_ms) == (5, -1)
    assert recorder.last_step is None


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda r: r.write([("m", "text")], [], None, None), TypeError),
        (lambda r: r.write([("m", 2**63)], [], None, None), OverflowError),
        (lambda r: r.write([(1, 1.0)], [], None, None), TypeError),
        (lambda r: r.write(["m"], [], None, None), TypeError),
        (lambda r: r.write(5, [], None, None), TypeError),
        (lambda r: r.write([], [(99, (b"",))], None, None), ValueError),
        (lambda r: r.write([], [(_core.KIND_ROW, (b"",))], None, None), ValueError),
        (lambda r: r.write([], [(_core.KIND_TEXT, (b"a", b"b", b"c"))], None, None), ValueError),
        (lambda r: r.write([], [(_core.KIND_TEXT, (b"a", "b"))], None, None), TypeError),
        (lambda r: r.write([], [], 2**63, None), OverflowError),
        (lambda r: r.record(_core.KIND_TEXT, [b"a", b"b"]), ValueError),
    ],
)
def test_wrong_arguments_write_nothing(make_recorder: MakeRecorder, call: Any, error: type[Exception]) -> None:
    recorder = make_recorder()
    with pytest.raises(error):
        call(recorder)
    assert recorder.row_seq == 0


def test_a_large_record_goes_through_in_pieces(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder(ring_bytes=1 << 16, ring_bytes_max=1 << 22)
    text = os.urandom(300_000)
    assert recorder.record(_core.KIND_TEXT, (b"t", text)) == 1
    assert read_ring(recorder.path)[0].parts == (b"t", text)
    assert recorder.record(_core.KIND_TEXT, (b"t", bytes(3_000_000))) == 0
    assert recorder.dropped == 1


def test_a_write_too_large_at_once_goes_record_by_record(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder(ring_bytes=1 << 20, ring_bytes_max=1 << 20)
    texts = [(_core.KIND_TEXT, (b"t", bytes(size))) for size in (300_000, 600_000, 300_000)]
    assert recorder.write([("m", 1.0)], texts, None, None) == 1
    assert [record.kind for record in read_ring(recorder.path)] == [_core.KIND_ROW, _core.KIND_TEXT, _core.KIND_TEXT]


def test_with_no_room_left_it_drops_and_counts(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder(ring_bytes=1 << 14, ring_bytes_max=1 << 15, ring_full_budget_s=0.0)
    for i in range(1000):
        recorder.log({"m": float(i)})
    assert recorder.ring_bytes == 1 << 15
    kept = sum(len(read_ring(path)) for path in Path(recorder.path).parent.iterdir())
    assert recorder.dropped > 0
    assert kept + recorder.dropped == 1000
    ring = _core.Ring(recorder.path)
    assert ring.dropped == recorder.dropped
    ring.skip_to(2**40)
    dropped = recorder.dropped
    recorder.log({"m": 1.0})
    assert recorder.dropped == dropped


def test_a_full_ring_waits_for_a_consumer_that_moves(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder(ring_bytes=1 << 14, ring_bytes_max=1 << 14, ring_full_budget_s=60.0)
    ring = _core.Ring(recorder.path)
    collected = 0
    done = threading.Event()

    def drain() -> None:  # needs the GIL: it can run only because a waiting log call drops it
        nonlocal collected
        while not done.is_set() or ring.pending_bytes:
            block = new_block()
            ring.collect(block, 4096)
            collected += block.records
            ring.commit()
            done.wait(0.001)

    thread = threading.Thread(target=drain)
    thread.start()
    for i in range(3000):
        recorder.log({"m": float(i)})
    done.set()
    thread.join()
    assert recorder.dropped == 0
    assert collected == 3000
    assert recorder.drained


def test_a_stale_agent_is_woken_once_in_a_while(make_recorder: MakeRecorder) -> None:
    calls: list[int] = []
    recorder: _core.Recorder

    def wake() -> None:
        calls.append(recorder.row_seq)
        recorder.log({"from wake": 1.0})  # it may log itself

    recorder = make_recorder(agent_stale_s=0.0, wake_interval_s=1e6, wake=wake)
    for _ in range(5):
        recorder.log({"m": 1.0})
    assert calls == [1], "after the first record is published, then not again within the interval"
    assert recorder.row_seq == 6


def test_a_living_agent_is_not_woken(make_recorder: MakeRecorder) -> None:
    calls: list[int] = []
    recorder = make_recorder(agent_stale_s=1e6, wake_interval_s=0.0, wake=lambda: calls.append(1))
    ring = _core.Ring(recorder.path)
    assert recorder.consumer_age_s == float("inf")
    ring.beat(_core.SERVICE_CONNECTED, 41)
    recorder.log({"m": 1.0})
    assert calls == []
    assert recorder.consumer_age_s < 1e6
    assert recorder.acked_seq == 41
    assert recorder.service == _core.SERVICE_CONNECTED


def test_an_agent_that_cannot_be_started_fails_no_log_call(
    make_recorder: MakeRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)

    def wake() -> None:
        raise OSError("no processes left")

    recorder = make_recorder(agent_stale_s=0.0, wake=wake)
    recorder.log({"m": 1.0})
    assert str(heard[0].exc_value) == "no processes left"


def test_a_retired_ring_is_left_for_a_new_one(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    recorder.log({"m": 1.0})
    first = _core.Ring(recorder.path)
    block = new_block()
    first.collect(block, 1 << 20)
    first.commit()
    first.set_control(_core.CONTROL_RETIRED | _core.CONTROL_STOP)
    first.unlink()
    recorder.log({"m": 2.0})
    assert recorder.path != first.path
    assert recorder.control == _core.CONTROL_STOP
    second = _core.Ring(recorder.path)
    assert (second.writer, second.index, second.role) == (first.writer, first.index + 1, "main")
    assert [dict(record.cells)["m"] for record in read_ring(recorder.path)] == [2.0]
    assert [record.row_seq for record in read_ring(recorder.path)] == [2]


def test_too_little_shared_memory_falls_back_to_a_file(make_recorder: MakeRecorder, tmp_path: Path) -> None:
    recorder = make_recorder(ring_share_max=0.0)
    assert Path(recorder.path).parent == tmp_path / "rings"
    assert recorder.in_memory is False
    recorder.log({"m": 1.0})
    assert len(read_ring(recorder.path)) == 1


def test_nowhere_to_put_a_ring_is_an_error_that_says_where(make_recorder: MakeRecorder, tmp_path: Path) -> None:
    (tmp_path / "rings").write_text("in the way")
    with pytest.raises(_core.RingError, match="rings"):
        make_recorder(mailbox=str(tmp_path / "missing"))


@pytest.mark.parametrize(
    "changed",
    [{"ring_bytes": 5000}, {"ring_bytes": 3 << 20}, {"run": b"short"}, {"slow": None}, {"ring_bytes_max": 0}],
    ids=str,
)
def test_arguments_that_make_no_recorder(make_recorder: MakeRecorder, changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        make_recorder(**changed)
    with pytest.raises(TypeError):
        _core.Recorder()


def test_a_forked_child_has_a_ring_and_writer_of_its_own(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    recorder.log({"m": 1.0})
    mailbox = Path(recorder.path).parent
    child = os.fork()
    if child == 0:
        recorder.log({"m": 2.0})
        recorder.record(_core.KIND_TEXT, (b"t", b"child"))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    idle = os.fork()
    if idle == 0:
        recorder.close()  # an exit handler of a child that never logged
        os._exit(0)
    os.waitpid(idle, 0)
    recorder.log({"m": 3.0})
    assert [dict(record.cells)["m"] for record in read_ring(recorder.path)] == [1.0, 3.0]
    (other,) = [path for path in mailbox.iterdir() if str(path) != recorder.path]
    ring = _core.Ring(str(other))
    assert ring.role == "child"
    assert ring.writer != recorder.writer
    assert ring.ring_bytes == 1 << 16
    assert (ring.first_seq, ring.last_seq) == (2, 3)
    assert not ring.owner_alive
    assert not ring.closed
    own = _core.Ring(recorder.path)
    assert not own.closed


KILLED = """
import os, signal, sys
from stepwell import _core
recorder = _core.Recorder(
    mailbox=sys.argv[1], fallback=sys.argv[1], identity=b"{}", run=bytes(16), rank=0, attempt=1, ring_bytes=1 << 20,
    child_ring_bytes=1 << 16, ring_bytes_min=1 << 14, ring_bytes_max=1 << 20, ring_full_budget_s=0.0,
    ring_share_max=1.0, agent_stale_s=1e6, wake_interval_s=1e6, first_step=0, slow=print, wake=print)
for i in range(int(sys.argv[2])):
    recorder.log({"a": float(i), "b": i})
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_killed_right_after_log_loses_nothing(tmp_path: Path, rows: int) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(rows)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    (path,) = tmp_path.iterdir()
    assert [record.cells for record in read_ring(path)] == [(("a", float(i)), ("b", i)) for i in range(rows)]
    assert not _core.Ring(str(path)).owner_alive
