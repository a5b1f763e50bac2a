"""The pieces of what a notebook shows: escaping, small curves, colours, what a plot is asked for, buckets."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from stepwell.errors import InvalidValue, StepwellError
from stepwell.notebook import curves, figure
from stepwell.notebook.html import link, sparkline, table, text
from stepwell.notebook.options import Options
from stepwell.notebook.theme import DARK, LIGHT, places, style

HOSTILE = "<script>alert('x')</script>\"&\x00\x1b[31m"


def test_whatever_a_user_wrote_is_escaped() -> None:
    for shown in (text(HOSTILE), table([(HOSTILE, False)], [[text(HOSTILE)]]), text(HOSTILE * 50)):
        assert "<script" not in shown
        assert "\x00" not in shown
        assert "\x1b" not in shown
    assert "javascript" not in link("javascript:alert(1)", "x")
    assert link('http://h/"onclick="x', "y").count('"') == 6


def test_a_long_text_is_cut_in_the_middle_and_whole_on_hover() -> None:
    shown = text("a" * 100 + "z" * 100, 20)
    assert ">aaaaaaaaaa…zzzzzzzzzz<" in shown
    assert "a" * 100 in shown


def test_a_small_curve_shows_its_spike_and_its_gap() -> None:
    low = np.zeros(50)
    high = low.copy()
    high[20] = 100.0
    low[30] = high[30] = np.nan
    drawn = sparkline(low, high)
    assert "from 0 to 100" in drawn
    assert drawn.count("M") == 2
    assert sparkline(np.array([np.nan]), np.array([np.nan])) == ""


def test_colours_are_those_of_the_page() -> None:
    # Places that web/src/theme/palette.ts gives: of FNV-1a over UTF-16.
    runs = [("p/r0", "r0", None), ("p/a", "06dtkq2mf4", None), ("p/b", "ünï 😀", None)]
    assert list(places(runs).values()) == [0, 6, 7]
    chosen = places([*runs, ("q/r0", "r0", None), ("q/x", "x", "blue")])
    assert (chosen["q/x"], chosen["p/r0"], chosen["q/r0"]) == (0, 1, 2)
    many = places([(f"p/{number}", str(number), None) for number in range(9)])
    assert sorted(place for place in many.values() if place is not None) == list(range(8))
    assert all(hue in style() for hue in (*LIGHT, *DARK))


REFUSED: list[dict[str, Any]] = [
    {"smoothing": 1.0},
    {"smoothing": -0.1},
    {"smoothing": True},
    {"rank": -1},
    {"rank": "0"},
    {"x": 5},
    {"metrics": (5,)},
    {"rank": 0, "x": "epoch"},
]


@pytest.mark.parametrize("asked", REFUSED, ids=[json.dumps(asked) for asked in REFUSED])
def test_what_cannot_be_drawn_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        Options(**asked)


def test_the_buckets_of_one_rank_hide_no_spike_and_lose_no_point() -> None:
    values = np.zeros(10_000)
    values[1234], values[4321], values[7000], values[7001] = 99.0, -7.0, np.nan, np.inf
    steps = np.arange(-5, 9_995)
    columns, shift = curves._bucketed(steps, steps * 10, values, 0.5)
    assert shift == 5
    assert (np.nanmax(columns["high"]), np.nanmin(columns["low"])) == (99.0, -7.0)
    assert (columns["nan"].sum(), columns["above"].sum()) == (1, 1)
    assert len(columns["smooth"]) == len(columns["line"]) <= curves.BUCKETS + 1
    few, none = curves._bucketed(steps[:10], steps[:10], values[:10], 0.0)
    assert none is None
    assert few["value"].tolist() == [0.0] * 10


def test_without_matplotlib_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, globals: Mapping[str, object] | None = None, locals: Mapping[str, object] | None = None,
                fromlist: Sequence[str] | None = (), level: int = 0) -> Any:  # fmt: skip
        if name.split(".", maxsplit=1)[0] == "matplotlib":
            raise ImportError(name)
        return real(name, globals, locals, fromlist or (), level)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StepwellError, match=r"pip install 'stepwell\[plot\]'"):
        figure.figure(curves.Drawing(Options(), ()))


def test_a_figure_shows_hostile_names_as_text_and_in_the_notebooks_colours() -> None:
    line = np.array([1.0, np.nan, 2.0])
    curve = curves.Curve("p/r", f"$x_1$ {HOSTILE}", 0, np.arange(3.0), line, marks={"nan": np.isnan(line)}, points=3)
    other = curves.Curve("p/s", "_hidden", None, np.arange(3.0), line * 2, points=3)
    drawing = curves.Drawing(Options(log_y=True), (curves.Chart(f"$a_b$ {HOSTILE}", (curve, other)),), "2 of 9 runs")
    svg = figure.as_svg(figure.figure(drawing))
    assert svg.startswith("<svg")
    for part in ("<script", "<style", "<metadata", "#0b0c0d"):
        assert part not in svg
    for part in ("$a_b$", "$x_1$", "_hidden", "2 of 9 runs shown", "currentColor", "var(--sw0,#343ed4)"):
        assert part in svg


def test_reading_loads_nothing_that_draws() -> None:
    heavy = ("matplotlib", "pandas", "IPython")
    source = f"import sys, stepwell.query; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", source], text=True) == "[]\n"
