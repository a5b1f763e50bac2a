"""What the slow path makes of every kind of value: a table of cases, and objects that fight back."""

from __future__ import annotations

import datetime
import enum
import math
import uuid
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest

from stepwell import Histogram, _core
from stepwell.run.values import Limits, Row, metric_name, read_row, read_step, read_time

LIMITS = Limits(text_bytes_max=100, list_items_max=5)
NAN = float("nan")


class Colour(enum.Enum):
    RED = "red"
    ONE = 1


class Level(enum.IntEnum):
    HIGH = 3


class FloatLike:
    def __float__(self) -> float:
        return 2.5


class IndexLike:
    def __index__(self) -> int:
        return 7


class Hostile:
    """Raises whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __float__(self) -> float:
        raise ZeroDivisionError

    def __str__(self) -> str:
        raise KeyError("no")

    __repr__ = __str__


class HostileText(str):
    def __str__(self) -> str:
        raise RuntimeError


class Fake:
    """A tensor as the frameworks make them."""

    def __init__(self, values: list[float], device: str = "cpu") -> None:
        self.values, self.shape, self.device = values, (len(values),), type("Device", (), {"type": device})()

    def numel(self) -> int:
        return len(self.values)

    def item(self) -> float:
        return self.values[0]

    def tolist(self) -> list[float]:
        return self.values


NUMBERS: list[tuple[str, Any, float | int | bool]] = [
    ("float", 1.5, 1.5),
    ("negative zero", -0.0, -0.0),
    ("inf", math.inf, math.inf),
    ("bool", True, True),
    ("int", 2**62, 2**62),
    ("largest int64", 2**63 - 1, 2**63 - 1),
    ("beyond int64", 2**63, float(2**63)),
    ("far beyond int64", -(2**200), -float(2**200)),
    ("int enum", Level.HIGH, 3),
    ("enum of an int", Colour.ONE, 1),
    ("numpy float64", np.float64(1.25), 1.25),
    ("numpy float16", np.float16(0.5), 0.5),
    ("numpy int8", np.int8(-3), -3),
    ("numpy uint64 beyond int64", np.uint64(2**64 - 1), float(2**64 - 1)),
    ("numpy bool", np.bool_(True), True),
    ("numpy longdouble", np.longdouble("0.25"), 0.25),
    ("0-d array", np.array(2.0), 2.0),
    ("array of one", np.array([[3]]), 3),
    ("tensor of one", Fake([4.5]), 4.5),
    ("tensor of one on a device", Fake([4.5], "cuda"), 4.5),
    ("Decimal", Decimal("0.125"), 0.125),
    ("Fraction", Fraction(1, 4), 0.25),
    ("timedelta", datetime.timedelta(seconds=90), 90.0),
    ("__float__", FloatLike(), 2.5),
    ("__index__", IndexLike(), 7),
]


@pytest.mark.parametrize(("value", "expected"), [case[1:] for case in NUMBERS], ids=[case[0] for case in NUMBERS])
def test_a_number_is_a_cell(value: Any, expected: float | int | bool) -> None:
    row = read_row({"x": value}, LIMITS)
    assert list(row.cells) == ["x"]
    assert row.cells["x"] == expected
    assert type(row.cells["x"]) is type(expected)
    assert not row.records


@pytest.mark.parametrize("value", [NAN, np.float32("nan"), Decimal("NaN"), Decimal("sNaN")])
def test_nan_is_kept(value: Any) -> None:
    assert math.isnan(read_row({"x": value}, LIMITS).cells["x"])


TEXTS = [
    ("str", "hello", "hello"),
    ("empty", "", ""),
    ("str subclass that fights", HostileText("kept"), "kept"),
    ("numpy str", np.str_("kept"), "kept"),
    ("enum", Colour.RED, "red"),
    ("list", [1, 2.5, None], "[1,2.5,null]"),
    ("tuple with NaN", (NAN,), "[NaN]"),
    ("short array", np.array([1, 2]), "[1,2]"),
    ("short tensor", Fake([1.0, 2.0]), "[1.0,2.0]"),
    ("list of dicts", [{"a": np.float32(0.5)}], '[{"a":0.5}]'),
    ("bytes", b"abc", "abc"),
    ("date", datetime.date(2026, 1, 2), "2026-01-02"),
    ("numpy datetime", np.datetime64("2026-01-02"), "2026-01-02"),
    ("path", PurePosixPath("/a/b"), "/a/b"),
    ("uuid", uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ("int beyond any double", 10**400, hex(10**400)[:100]),
    ("Fraction beyond any double", Fraction(10) ** 400 / 7, (str(Fraction(10) ** 400 / 7))[:100]),
    ("surrogate", "a\ud800b", "a\\ud800b"),
    ("cut", "é" * 80, "é" * 50),
]


@pytest.mark.parametrize(("value", "expected"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_a_text_is_a_record(value: Any, expected: str) -> None:
    row = read_row({"x": value}, LIMITS)
    assert row.records == {"x": (_core.KIND_TEXT, (b"x", expected.encode()))}
    assert not row.cells


IN_ITSELF: list[Any] = []
IN_ITSELF.append(IN_ITSELF)
UNRECORDABLE = [
    ("object", object()),
    ("hostile", Hostile()),
    ("complex", 1j),
    ("long list", list(range(6))),
    ("long array", np.zeros(6)),
    ("function", len),
    ("list in itself", IN_ITSELF),
]


@pytest.mark.parametrize("value", [case[1] for case in UNRECORDABLE], ids=[case[0] for case in UNRECORDABLE])
def test_a_bad_value_never_takes_its_row_along(value: Any) -> None:
    row = read_row({"before": 1.0, "bad": value, "after": 2.0}, LIMITS)
    assert row.cells == {"before": 1.0, "after": 2.0}
    assert not row.records
    (problem,) = row.problems
    assert problem.about == "bad"
    assert problem.lost


def test_nested_dicts_are_flattened() -> None:
    data = {"a": {"b": 1, "c": {"d": 2.0}}, "e": OrderedDict(f=True), "empty": {}}
    assert read_row(data, LIMITS).cells == {"a/b": 1, "a/c/d": 2.0, "e/f": True}


def test_none_is_skipped_without_a_word() -> None:
    row = read_row({"a": None, "b": 1}, LIMITS)
    assert (row.cells, row.problems) == ({"b": 1}, [])


def test_the_last_of_two_values_of_one_metric_wins() -> None:
    assert read_row({"a/b": 1, "a": {"b": 2}}, LIMITS).cells == {"a/b": 2}


def test_a_histogram_is_a_record() -> None:
    histogram = Histogram([1.0, 2.0])
    assert read_row({"h": histogram}, LIMITS).records == {"h": (_core.KIND_HISTOGRAM, (b"h", histogram.data))}


def test_a_dict_in_itself_ends() -> None:
    data: dict[str, Any] = {"x": 1}
    data["again"] = data
    row = read_row(data, LIMITS)
    assert row.cells["x"] == 1
    assert any("in itself" in problem.why for problem in row.problems)


def test_keys_that_are_no_strings_are_named_so_and_said() -> None:
    row = read_row({1: 1.0, ("a", 2): 2.0, Colour.RED: 3.0}, LIMITS)
    assert row.cells == {"1": 1.0, "('a', 2)": 2.0, "red": 3.0}
    assert [problem.lost for problem in row.problems] == [False, False]


@pytest.mark.parametrize(
    "key", ["", "k" * 513, "k" * 10_000_000, "a\nb", "a\x7fb", "a\x85b", "\ud800", "é" * 257], ids=map(str, range(8))
)
def test_a_bad_key_is_dropped_and_the_rest_kept(key: str) -> None:
    row = read_row({key: 1.0, "good": 2.0}, LIMITS)
    assert row.cells == {"good": 2.0}
    (problem,) = row.problems
    assert len(problem.about) <= 80


@pytest.mark.parametrize("data", [5, None, [1], "x", Hostile()], ids=["int", "None", "list", "str", "hostile"])
def test_what_is_no_dict_is_a_problem_and_no_exception(data: Any) -> None:
    row = read_row(data, LIMITS)
    assert not row.cells
    assert len(row.problems) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a", b"a"), ("é" * 256, ("é" * 256).encode()), ("é" * 257, None), ("", None), ("\t", None), ("\ud800", None)],
    ids=map(str, range(6)),
)
def test_metric_names(name: str, expected: bytes | None) -> None:
    assert metric_name(name) == expected


STEPS = [
    (None, None, 0),
    (5, 5, 0),
    (-(2**63), -(2**63), 0),
    (3.0, 3, 0),
    (np.int64(4), 4, 0),
    (np.array(4), 4, 0),
    (True, 1, 0),
    (3.5, None, 1),
    (NAN, None, 1),
    (math.inf, None, 1),
    (2**63, None, 1),
    ("7", None, 1),
    (Hostile(), None, 1),
]


@pytest.mark.parametrize(("step", "expected", "problems"), STEPS, ids=map(str, range(len(STEPS))))
def test_steps(step: Any, expected: int | None, problems: int) -> None:
    row = Row()
    assert read_step(step, row) == expected
    assert len(row.problems) == problems


AWARE = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
TIMES = [
    (None, None, 0),
    (1.5, 1500, 0),
    (2, 2000, 0),
    (AWARE, 1767225600000, 0),
    (np.float64(1.5), 1500, 0),
    (NAN, None, 1),
    (1e300, None, 1),
    ("now", None, 1),
    (Hostile(), None, 1),
]


@pytest.mark.parametrize(("time", "expected", "problems"), TIMES, ids=map(str, range(len(TIMES))))
def test_times(time: Any, expected: int | None, problems: int) -> None:
    row = Row()
    assert read_time(time, row) == expected
    assert len(row.problems) == problems
