"""Log calls whose values are on their way from a device: what is written, when, in which order, and what is lost."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from fake_device import Device, Recording, Value
from stepwell import _core
from stepwell.run import values
from support import wait_for


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    known = values.backend_of
    monkeypatch.setattr(
        values, "backend_of", lambda value: (value.device, value) if isinstance(value, Value) else known(value)
    )
    return Device()


@pytest.fixture
def run(tmp_path: Path) -> Recording:
    return Recording.begin(tmp_path)


def test_a_value_is_written_by_a_later_call_with_the_step_and_time_of_its_own(run: Recording, device: Device) -> None:
    before = run.recorder.now_ms()
    run.log({"loss": device.put(0.5), "lr": 0.1}, 7)
    after = run.recorder.now_ms()
    assert run.cells() == [(7, {"lr": 0.1})], "what the host knows is kept at once"
    run.log({"lr": 0.2})
    assert run.cells() == [(7, {"lr": 0.1}), (8, {"lr": 0.2})], "the device is not done, and was not waited for"
    device.finish()
    run.log({"lr": 0.3})
    assert run.cells()[2:] == [(7, {"loss": 0.5}), (9, {"lr": 0.3})]
    first, _, late, _ = run.records()
    assert before <= first.time_ms <= after
    assert late.time_ms == first.time_ms
    assert not run.recorder.held


def test_types_are_kept(run: Recording, device: Device) -> None:
    run.log({"f": device.put(1.5), "i": device.put(2**60 + 1), "b": device.put(True)}, 0)
    device.finish()
    run.slow.finish(0)
    ((_, cells),) = run.cells()
    assert cells == {"f": 1.5, "i": 2**60 + 1, "b": True}
    assert [type(value) for value in cells.values()] == [float, int, bool]


def test_a_call_without_a_step_takes_its_step_when_it_is_made(run: Recording, device: Device) -> None:
    run.log({"loss": device.put(1.0)})
    assert run.recorder.last_step == 0
    run.log({"loss": device.put(2.0)})
    run.log({"other": 1.0})
    device.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", 0): 1.0, ("loss", 1): 2.0, ("other", 2): 1.0}


def test_the_time_given_is_kept(run: Recording, device: Device) -> None:
    run.log({"loss": device.put(1.0)}, 3, 1_700_000_000.5)
    device.finish()
    run.slow.finish(0)
    assert [(record.step, record.time_ms) for record in run.records()] == [(3, 1_700_000_000_500)]


def test_calls_are_written_in_the_order_they_were_made(run: Recording, device: Device) -> None:
    for value in (1.0, 2.0, 3.0):
        run.log({"loss": device.put(value)}, 5)
    device.begun[1].done = device.begun[2].done = True
    run.log({"lr": 1.0}, 5)
    assert run.cells() == [(5, {"lr": 1.0})], "the later ones wait for the first"
    device.finish()
    run.slow.finish(0)
    assert run.cells()[1:] == [(5, {"loss": 1.0}), (5, {"loss": 2.0}), (5, {"loss": 3.0})]


# What is logged for step 5 after a device value of "loss" for it, and what a reader must see.
LATER: list[tuple[str, dict[str, Any], Any]] = [
    ("a float", {"loss": 9.0}, 9.0),
    ("an int beside others", {"a": 1.0, "loss": 9, "b": 2.0}, 9),
    ("by the slow path", {"loss": "9.5", "loss2": None}, 0.5),
    ("nested", {"": None, "x": {}, "loss": [1, 2]}, 0.5),
    ("another metric", {"acc": 9.0}, 0.5),
    ("None", {"loss": None}, 0.5),
    ("a float beside a text", {"note": "text", "loss": 9.0}, 9.0),
]


@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in LATER], ids=[case[0] for case in LATER])
def test_of_one_point_the_later_call_wins(run: Recording, device: Device, data: dict[str, Any], expected: Any) -> None:
    run.log({"loss": device.put(0.5)}, 5)
    run.log(data, 5)
    run.log({"loss": device.put(7.0)}, 6)
    device.finish()
    run.slow.finish(0)
    assert run.seen()["loss", 5] == expected
    assert run.seen()["loss", 6] == 7.0


def test_a_device_value_after_a_plain_one_wins(run: Recording, device: Device) -> None:
    run.log({"loss": 9.0}, 5)
    run.log({"loss": device.put(0.5)}, 5)
    device.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", 5): 0.5}


def test_the_same_name_twice_in_one_call_is_the_later_one(run: Recording, device: Device) -> None:
    run.log({"a/b": device.put(1.0), "a": {"b": 2.0}}, 0)
    run.log({"a/b": 1.0, "a": {"b": device.put(2.0)}}, 1)
    device.finish()
    run.slow.finish(0)
    assert run.seen() == {("a/b", 0): 2.0, ("a/b", 1): 2.0}


def test_beyond_the_limit_values_are_lost_counted_and_said(
    tmp_path: Path, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    run = Recording.begin(tmp_path, device_pending_bytes_max=4096)
    for step in range(6):
        run.log({"loss": device.put(float(step)), "lr": 0.1})
    assert run.slow.refused == 4
    (message,) = [record.message for record in caplog.records]
    assert "device_pending_bytes_max" in message
    device.finish()
    run.log({"loss": device.put(6.0), "lr": 0.1})
    device.finish()
    run.slow.finish(0)
    assert [step for metric, step in run.seen() if metric == "loss"] == [0, 1, 6]
    assert [step for metric, step in run.seen() if metric == "lr"] == list(range(7)), "steps go on, and so do others"


def test_one_call_larger_than_the_limit_is_recorded(tmp_path: Path, device: Device) -> None:
    run = Recording.begin(tmp_path, device_pending_bytes_max=0)
    run.log({"loss": device.put(1.0)}, 0)
    device.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", 0): 1.0}


@pytest.mark.parametrize("strict", [False, True])
def test_a_failed_device_breaks_no_log_call(
    tmp_path: Path, device: Device, caplog: pytest.LogCaptureFixture, strict: bool
) -> None:
    run = Recording.begin(tmp_path, strict=strict)
    run.log({"loss": device.put(1.0)}, 0)
    run.log({"loss": device.put(2.0), "acc": device.put(3.0)}, 1)
    device.fail(RuntimeError("device-side assert triggered"))
    run.log({"lr": 0.1}, 2)
    assert run.seen() == {("lr", 2): 0.1}
    assert run.slow.refused == 3
    assert "device-side assert triggered" in caplog.text
    assert not run.recorder.held


def test_a_value_that_cannot_be_copied_is_a_problem_of_its_own(
    run: Recording, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.refuses = "it was logged while a graph is captured"
    run.log({"loss": device.put(1.0), "lr": 0.1}, 0)
    assert run.cells() == [(0, {"lr": 0.1})]
    assert run.slow.refused == 1
    assert "while a graph is captured" in caplog.text


def test_finish_waits_for_what_comes_and_says_what_does_not(
    run: Recording, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    for step in range(3):
        run.log({"loss": device.put(float(step))})
    device.finish(1)
    other = threading.Thread(target=lambda: (wait_for(lambda: run.cells()), device.finish(1)))
    other.start()
    run.slow.finish(0.2)
    other.join()
    assert run.seen() == {("loss", 0): 0.0, ("loss", 1): 1.0}
    assert run.slow.refused == 1
    assert "from step 2 on its values are missing" in caplog.text
    assert device.hurried
    assert not run.recorder.held


def test_a_value_that_logs_while_it_is_harvested(run: Recording, device: Device) -> None:
    """A finaliser may run anywhere, and log."""
    run.log({"loss": device.put(1.0)}, 0)
    run.log({"loss": device.put(2.0)}, 1)
    sent = device.begun[0]
    take = sent.take
    sent.take = lambda: (run.log({"from finaliser": 1.0}, 9), take())[1]  # type: ignore[method-assign]
    device.finish()
    run.log({"lr": 1.0}, 2)
    assert run.seen() == {("from finaliser", 9): 1.0, ("loss", 0): 1.0, ("loss", 1): 2.0, ("lr", 2): 1.0}
    assert [step for step, cells in run.cells() if "loss" in cells] == [0, 1]


def test_threads_log_while_values_come(run: Recording, device: Device) -> None:
    """Each point is there once, and of two threads none waits for the other's device."""

    def log(thread: int) -> None:
        for step in range(200):
            run.log({f"plain/{thread}": float(step)}, step)
            run.log({f"device/{thread}": device.put(float(step))}, step)
            if step % 7 == thread:
                device.finish(5)

    threads = [threading.Thread(target=log, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    device.finish()
    run.slow.finish(0)
    rows = [(name, step) for step, cells in run.cells() for name in cells]
    assert len(rows) == len(set(rows)) == 4 * 2 * 200
    assert all(value == step for (_, step), value in run.seen().items())
    assert run.slow.refused == 0


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_forked_child_leaves_the_device_to_its_parent(run: Recording, device: Device) -> None:
    run.log({"loss": device.put(1.0)}, 0)
    child = os.fork()
    if child == 0:
        run.slow.after_fork()
        device.fail(AssertionError("the child asked the parent's device"))
        run.log({"child": 1.0}, 5)
        ok = run.slow.refused == 0 and not run.recorder.held and run.cells() == [(5, {"child": 1.0})]
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    device.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", 0): 1.0}


def test_a_plain_row_goes_by_c_again_once_all_has_come(run: Recording, device: Device) -> None:
    run.log({"loss": device.put(1.0)}, 0)
    assert run.recorder.held
    device.finish()
    run.log({"lr": 1.0}, 1)
    assert not run.recorder.held
    run.log({"lr": 2.0}, 2)
    assert [record.row_seq for record in run.records()] == [1, 2, 3]


def test_log_plain_takes_what_needs_no_slow_path(run: Recording) -> None:
    run.recorder.held = True
    assert run.recorder.log_plain({"a": 1.0}, 3)
    assert not run.recorder.log_plain({"a": "text"}, 3)
    assert not run.recorder.log_plain([1], 3)
    assert not run.recorder.log_plain({"a": 1.0}, "3")
    assert run.cells() == [(3, {"a": 1.0})]
    with pytest.raises(TypeError):
        run.recorder.log_plain({"a": 1.0})  # type: ignore[call-arg]


def test_a_step_is_taken_before_its_row_is_written(run: Recording) -> None:
    assert [run.recorder.take_step(step) for step in (None, 7, 3, None)] == [0, 7, 3, 8]
    assert run.recorder.last_step == 8
    assert run.records() == []
    with pytest.raises(OverflowError):
        run.recorder.take_step(2**63)


def test_counts_by_code_are_a_histogram() -> None:
    import array

    counts = array.array("i", bytes(4 * 4096))
    counts[1016], counts[2048 + 1016], counts[2040], counts[4088], counts[2041] = 3, 1, 5, 6, 7
    found = _core.histogram_decode(_core.histogram_counted(counts, 2.0, 4.0, -1.0, 1.0))
    assert (list(found["buckets"]), list(found["counts"])) == ([1016, 3064], [3, 1])
    assert [found[name] for name in ("count", "pos_inf", "neg_inf", "nan")] == [4, 5, 6, 7]
    assert [found[name] for name in ("sum", "sum2", "min", "max")] == [2.0, 4.0, -1.0, 1.0]
    for code, count in ((1016, -1), (2042, 1), (4089, 1)):
        with pytest.raises(ValueError, match="bucket"):
            _core.histogram_counted(array.array("q", [count if at == code else 0 for at in range(4096)]), 0, 0, 0, 0)
    with pytest.raises(ValueError, match="4096"):
        _core.histogram_counted(array.array("i", [1]), 0, 0, 0, 0)
    with pytest.raises(TypeError, match="int32"):
        _core.histogram_counted(array.array("d", [1]), 0, 0, 0, 0)


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "stepwell")
