"""`Recorder.log`: what it takes itself, and what it hands to `slow`."""

from __future__ import annotations

import gc
import math
import struct
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorders import MakeRecorder, Slow
from ring_reader import Record, read_ring
from stepwell import _core


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (1.5, 1.5),
        (-0.0, -0.0),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        (math.nan, math.nan),
        (5e-324, 5e-324),
        (0, 0),
        (-1, -1),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (True, True),
        (False, False),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float16(0.1), float(np.float16(0.1))),
        (np.float16(6e-8), float(np.float16(6e-8))),
        (np.float16("-inf"), -math.inf),
        (np.int8(-7), -7),
        (np.int16(-7), -7),
        (np.int32(-7), -7),
        (np.int64(-(2**63)), -(2**63)),
        (np.longlong(-7), -7),
        (np.uint8(200), 200),
        (np.uint16(60000), 60000),
        (np.uint32(2**32 - 1), 2**32 - 1),
        (np.uint64(2**63 - 1), 2**63 - 1),
        (np.bool_(True), True),
        (np.bool_(False), False),
    ],
    ids=lambda value: f"{type(value).__name__}-{value}",
)
def test_exact_values_are_kept_bit_for_bit(make_recorder: MakeRecorder, value: Any, stored: Any) -> None:
    slow = Slow()
    recorder = make_recorder(slow=slow)
    assert recorder.log({"m": value}) is None
    recorder.log({"m": value})  # the second time by prediction
    assert slow == []
    for record in read_ring(recorder.path):
        ((name, read),) = record.cells
        assert name == "m"
        assert type(read) is type(stored)
        assert bits(read) == bits(stored) if isinstance(stored, float) else read == stored


class Text(str):
    __slots__ = ()


class Real(float):
    __slots__ = ()


class Mapping(dict[str, float]):
    pass


@pytest.mark.parametrize(
    ("data", "step", "time"),
    [
        ({}, None, None),
        ({"m": None}, None, None),
        ({"m": "text"}, None, None),
        ({"m": [1.0]}, None, None),
        ({"m": {"n": 1.0}}, None, None),
        ({"m": 2**63}, None, None),
        ({"m": -(2**63) - 1}, None, None),
        ({"m": np.uint64(2**63)}, None, None),
        ({"m": np.longdouble(1)}, None, None),
        ({"m": np.complex64(1)}, None, None),
        ({"m": np.array(1.0)}, None, None),
        ({"m": Real(1)}, None, None),
        ({"good": 1.0, "m": object}, None, None),
        ({1: 1.0}, None, None),
        ({Text("m"): 1.0}, None, None),
        ({"good": 1.0, None: 1.0}, None, None),
        ({"": 1.0}, None, None),
        ({"x" * 513: 1.0}, None, None),
        ({"x" * 10_000_000: 1.0}, None, None),
        ({"a\nb": 1.0}, None, None),
        ({"\ud800": 1.0}, None, None),
        (Mapping(m=1.0), None, None),
        ([("m", 1.0)], None, None),
        (None, None, None),
        ({"m": 1.0}, True, None),
        ({"m": 1.0}, 1.0, None),
        ({"m": 1.0}, "1", None),
        ({"m": 1.0}, 2**63, None),
        ({"m": 1.0}, -(2**63) - 1, None),
        ({"m": 1.0}, np.int64(1), None),
        ({"m": 1.0}, None, 12.5),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_everything_else_goes_to_slow_whole(make_recorder: MakeRecorder, data: Any, step: Any, time: Any) -> None:
    slow = Slow()
    recorder = make_recorder(slow=slow)
    recorder.log(data, step, time)
    ((got, got_step, got_time),) = slow
    assert got is data
    assert got_step is step
    assert got_time is time
    assert recorder.row_seq == 0
    assert recorder.last_step is None


def test_what_slow_raises_is_raised(make_recorder: MakeRecorder) -> None:
    def refuse(*_: Any) -> None:
        raise LookupError("strict")

    with pytest.raises(LookupError, match="strict"):
        make_recorder(slow=refuse).log({"m": None})


def test_arguments_by_name_and_wrong_ones(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    recorder.log(data={"m": 1.0}, step=4)
    assert recorder.last_step == 4
    for call in (
        lambda: recorder.log(),
        lambda: recorder.log({}, 1, 2, 3),
        lambda: recorder.log({}, stepp=1),
        lambda: recorder.log({}, data={}),
    ):
        with pytest.raises(TypeError, match="log"):
            call()


def test_steps_count_on_from_the_highest(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder(first_step=10)
    steps: list[int | None] = [None, None, 5, None, 100, None, -3, 2**63 - 1, None]
    for step in steps:
        recorder.log({"m": 1.0}, step)
    stored = [record.step for record in read_ring(recorder.path)]
    assert stored == [10, 11, 5, 12, 100, 101, -3, 2**63 - 1, 2**63 - 1]
    assert recorder.last_step == 2**63 - 1
    assert recorder.row_seq == len(steps)


def rows(records: list[Record]) -> list[dict[str, Any]]:
    return [dict(record.cells) for record in records]


def test_keys_made_anew_each_time_keep_their_meaning(make_recorder: MakeRecorder) -> None:
    # Each f-string is a new object, often at the address of one just freed that meant another name.
    slow = Slow()
    recorder = make_recorder(slow=slow)
    logged = []
    for i in range(3000):
        row = {f"layer{(i * 7 + k) % 11}/norm": float(i + k) for k in range(i % 4 + 1)}
        recorder.log(row)
        logged.append(dict(row))
    assert slow == []
    assert rows(read_ring(recorder.path)) == logged


def test_names_of_every_length_are_known_again(make_recorder: MakeRecorder) -> None:
    slow = Slow()
    recorder = make_recorder(slow=slow)
    names = [letter * length for letter in ("x", "é", "日") for length in [*range(1, 20), 63, 64, 65, 130]]
    for i in range(3):
        recorder.log({"".join([name[:-1], name[-1]]): i for name in names})  # of equal text, not the same objects
    assert slow == []
    assert rows(read_ring(recorder.path)) == [dict.fromkeys(names, i) for i in range(3)]


@pytest.mark.parametrize("sites", [700, 10_000], ids=["as many as are remembered", "more"])
def test_each_of_many_call_sites_logs_its_own(make_recorder: MakeRecorder, sites: int) -> None:
    recorder = make_recorder(ring_bytes=1 << 24, ring_bytes_max=1 << 24)
    sets = [{"epoch": 1.0, f"layer_{k}/norm": 0.5, f"layer_{k}/mean": k} for k in range(sites)]
    for row in sets * 2:
        recorder.log(row)
    assert recorder.dropped == recorder.refused_metrics == 0
    assert rows(read_ring(recorder.path)) == sets * 2


def test_rows_whose_keys_order_or_types_change(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder()
    logged: list[dict[str, Any]] = []
    for i in range(200):
        for row in (
            {"a": 1.0, "b": i},
            {"b": 2.0, "a": True},
            {"a": i, "c": 0.5},
            {"val": float(i)},
            {"ä": 1, "日本": 2.0},
        ):
            recorder.log(row)
            logged.append(row)
    stored = rows(read_ring(recorder.path))
    assert stored == logged
    assert [[type(value) for value in row.values()] for row in stored] == [
        [type(value) for value in row.values()] for row in logged
    ]


names = st.text(st.characters(min_codepoint=32, exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
values = st.floats() | st.integers(-(2**63), 2**63 - 1) | st.booleans()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.dictionaries(names, values, min_size=1, max_size=8), st.none() | st.integers(-(2**63), 2**63 - 1)),
        max_size=20,
    )
)
def test_any_rows_come_back_exactly(
    make_recorder: MakeRecorder, calls: list[tuple[dict[str, Any], int | None]]
) -> None:
    recorder = make_recorder()
    for row, step in calls:
        recorder.log(row, step)
    stored = read_ring(recorder.path)
    assert [repr(sorted(record.cells)) for record in stored] == [repr(sorted(row.items())) for row, _ in calls]
    assert [record.row_seq for record in stored] == list(range(1, len(calls) + 1))
    assert all(step in (None, record.step) for record, (_, step) in zip(stored, calls, strict=True))


def test_eight_threads_lose_and_mix_nothing(make_recorder: MakeRecorder) -> None:
    recorder = make_recorder(ring_bytes=1 << 22, ring_bytes_max=1 << 22)

    def work(thread: int) -> None:
        for i in range(1000):
            recorder.log({f"t{thread}/{k}": float(i) for k in range(thread % 3 + 1)})

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    stored = read_ring(recorder.path)
    assert [record.row_seq for record in stored] == list(range(1, 8001))
    assert [record.step for record in stored] == list(range(8000))
    for thread in range(8):
        mine = [dict(record.cells) for record in stored if f"t{thread}/0" in dict(record.cells)]
        assert mine == [{f"t{thread}/{k}": float(i) for k in range(thread % 3 + 1)} for i in range(1000)]


def test_a_closed_recorder_hands_everything_to_slow(make_recorder: MakeRecorder) -> None:
    slow = Slow()
    recorder = make_recorder(slow=slow)
    recorder.log({"m": 1.0})
    recorder.close()
    recorder.close()
    recorder.log({"m": 2.0})
    assert slow == [({"m": 2.0}, None, None)]
    assert recorder.write([("m", 1.0)], [], None, None) == 0
    assert recorder.record(_core.KIND_TEXT, (b"m", b"t")) == 0
    assert recorder.row_seq == 1


def test_a_recorder_in_a_cycle_is_collected(make_recorder: MakeRecorder) -> None:
    class Run:
        def slow(self, *_: Any) -> None: ...

    run: Any = Run()
    run.recorder = make_recorder(slow=run.slow)
    run.recorder.log({"m": 1.0})
    gone = weakref.ref(run)
    del run
    gc.collect()
    assert gone() is None
