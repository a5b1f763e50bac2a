"""A benchmark's figures: medians, targets, ratios, and how they are written and read back."""

from __future__ import annotations

import json
import math

import pytest
from benchmarks.figures import Figure, compared, from_json, missing, quantile, shown, to_json


def test_the_median_of_the_repeats_is_the_figure() -> None:
    assert Figure("one", "ms", (3.0, 1.0, 2.0)).median == 2.0
    assert quantile((1.0, 2.0), 0.5) == 1.5
    assert math.isnan(quantile((), 0.5))


@pytest.mark.parametrize(
    ("values", "target", "at_least", "met"),
    [
        ((1.0,), 2.0, False, True),
        ((2.0,), 2.0, False, True),
        ((3.0,), 2.0, False, False),
        ((3.0,), 2.0, True, True),
        ((1.0,), 2.0, True, False),
        ((0.0,), 0.0, False, True),
        ((1.0,), None, False, None),
        ((), 2.0, False, None),
    ],
)
def test_a_target_is_met_on_its_own_side(
    values: tuple[float, ...], target: float | None, at_least: bool, met: bool | None
) -> None:
    assert Figure("one", "ms", values, target, at_least).met is met


def test_a_ratio_is_to_the_figure_named_and_only_of_its_unit() -> None:
    figures = [Figure("base", "ns", (2.0,)), Figure("other", "ns", (6.0,)), Figure("size", "bytes", (6.0,))]
    base, other, size = compared(figures, "base", "ns")
    assert (base.ratio, other.ratio, size.ratio) == (None, 3.0, None)


@pytest.mark.parametrize(
    "figure",
    [
        Figure("whole", "points/s", (1.0, 2.0), 3.0, at_least=True, version="1.2", against="bare", ratio=0.5, note="n"),
        Figure("point", "ns", (1.0,), curve="a call, by metrics", at=10.0),
        missing("peer", "not installed"),
    ],
)
def test_a_figure_comes_back_as_it_was_written(figure: Figure) -> None:
    assert from_json(json.loads(json.dumps(to_json(figure)))) == figure


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (470.0, "ms", "470 ms"),
        (1_840_000.0, "points/s", "1.84 M points/s"),
        (96_200.0, "bytes", "96.2 kB"),
        (0.0, "", "0"),
    ],
)
def test_a_figure_is_shown_with_three_digits(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text
