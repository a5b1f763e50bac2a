"""What is taken off, what stands for many, and who takes turns with whom."""

from __future__ import annotations

from benchmarks.measure import in_turn, middle, time_calls
from benchmarks.training_loop import HISTOGRAMS_EVERY, _hundred

ROWS = [{"a": float(i)} for i in range(4)]


def test_the_middle_takes_no_notice_of_what_interrupted_a_call():
    assert middle([10, 20, 20, 30, 30, 20, 20, 1_000_000]) == 22.5
    assert middle([7]) == 7


def test_each_call_gets_the_rows_in_their_order_and_not_one_more():
    seen: list[float] = []
    took = time_calls(lambda row: seen.append(row["a"]), ROWS, 6, 4, 0)
    assert len(took) == 6
    assert seen == [0, 1, 2, 3, 0, 1]


def test_turns_are_as_long_as_the_rows_and_end_with_their_burst():
    seen: list[tuple[str, float]] = []
    called = [None, lambda row: seen.append(("first", row["a"])), lambda row: seen.append(("second", row["a"]))]
    turns = [[len(took) for took in turn] for turn in in_turn(called, ROWS, 8, 6, 0)]
    assert turns == [[4, 4, 4], [2, 2, 2], [2, 2, 2]]
    assert seen[:8] == [("first", a) for a in range(4)] + [("second", a) for a in range(4)]


class _Loop:
    """Steps of 10 ms that grow slower by themselves; a log call adds 0.1 ms, one with histograms 3, a bad moment 50."""

    def __init__(self) -> None:
        self.steps_done = self.logged = 0

    def steps(self, count: int, log) -> tuple[float, float]:
        assert count == 1
        took = 0.010 + 1e-6 * self.steps_done
        self.steps_done += 1
        if log is None:
            return took, 0.0
        inside = 0.003 if self.logged % HISTOGRAMS_EVERY == 0 else 0.0001
        self.logged += 1
        return took + inside + (0.05 if self.logged == 50 else 0), inside


def test_a_hundred_steps_tell_what_logging_adds_from_what_the_machine_does():
    found = _hundred(_Loop(), lambda *_: None, 1)  # type: ignore[arg-type]
    asked = (99 * 0.1 + 3) / 100
    assert abs(found["with_ms"] - found["without_ms"] - asked) < 0.002
    assert abs(found["inside_ms"] - asked) < 1e-9
