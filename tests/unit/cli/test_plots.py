"""Plots of the terminal hide nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.cli.output import bytes_text, number_text, plain_json
from stepwell.cli.plot import bars, line_plot
from stepwell.filesystems import filesystem_of


def rows(values: list[float], width: int = 20, height: int = 4) -> list[str]:
    return line_plot(np.arange(len(values), dtype=float), np.array(values), width, height)


def test_a_single_spike_among_many_points_reaches_the_top() -> None:
    values = [0.0] * 10_000
    values[4321] = 5.0
    top, *_, bottom, ends = rows(values)
    assert top.startswith("5 ┤")
    assert top.split("┤")[1].strip("\u2800 ")
    assert bottom.startswith("0 ┤")
    assert ends.split() == ["0", "9999"]


def test_what_is_not_finite_is_counted() -> None:
    assert rows([1.0, math.nan, 2.0, math.inf])[-1].endswith("2 not finite")
    assert rows([math.nan]) == ["no finite value; 1 others"]
    assert rows([]) == ["no points"]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60), st.integers(2, 40), st.integers(2, 10))
def test_any_values_give_a_plot_of_the_size_asked_for(values: list[float], width: int, height: int) -> None:
    lines = rows(values, width, height)
    if np.isfinite(values).any():
        assert len(lines) == height + 1
        assert all(len(line.split("┤")[1]) <= width for line in lines[:-1])


def test_a_bar_that_is_not_nothing_is_seen() -> None:
    assert bars([0, 1, 1000]) == " ▁█"
    assert bars([0, 0]) == "  "
    assert bars([]) == ""


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 20, "5.0 MiB"), (3 << 40, "3.0 TiB")]
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert bytes_text(size) == text


def test_json_has_words_for_what_it_has_no_numbers_for() -> None:
    assert plain_json({"a": [math.nan, -math.inf], "b": (1.5, "x")}) == {"a": ["NaN", "-Infinity"], "b": [1.5, "x"]}
    assert [number_text(value) for value in (0.123456789, 3, "x", [1, "é"], None)] == [
        "0.123457",
        "3",
        "x",
        '[1, "é"]',
        "null",
    ]


def test_the_longest_mount_point_says_what_a_path_lies_on(tmp_path) -> None:  # type: ignore[no-untyped-def]
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"dev / ext4 rw 0 0\nsrv:/x {tmp_path}/shared nfs4 rw 0 0\nsrv {tmp_path}/a\\040b lustre rw 0 0\n"
    )
    (tmp_path / "shared" / "home").mkdir(parents=True)
    assert filesystem_of(tmp_path / "shared" / "home", mounts) == "nfs4"
    assert filesystem_of(tmp_path / "sharedness", mounts) == "ext4"
    assert filesystem_of(tmp_path / "a b" / "c", mounts) == "lustre"
    assert filesystem_of(tmp_path, tmp_path / "gone") == ""
