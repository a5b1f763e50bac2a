"""A run of the suite beside an earlier one, and the page that is made of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from benchmarks import limits, trend
from benchmarks.docs_page import markdown
from benchmarks.figures import Figure, missing
from benchmarks.plots import draw
from benchmarks.running import Result
from rich.console import Console

ABOUT = {
    "cpu": "a CPU", "cores": 2, "memory_gb": 8.0, "system": "a system", "python": "3.11.0", "commit": "abc1234",
    "commits": 12, "load_before": 0.1, "quick": True,
}  # fmt: skip
RESULTS = {
    "log_call": Result(
        "log_call",
        "what a call costs",
        1.0,
        (
            Figure("stepwell, p50", "ns", (200.0,), 300.0),
            Figure("written", "points/s", (1_000.0,)),
            Figure("same", "ns", (5.0,)),
            missing("peer", "not installed"),
        ),
    ),
    "growth": Result(
        "growth",
        "as a run grows",
        1.0,
        tuple(
            Figure(f"{what} of {size}", "ns", (cost * size,), curve=f"{what}, by metrics", at=float(size))
            for what, cost in (("a call", 1.0), ("a block", 3.0))
            for size in (10, 100, 1000)
        ),
        failed="it <ended> early",
    ),
}


def shown(table: object) -> list[list[str]]:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        console.print(table)
    rows = [line for line in captured.get().splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in row.strip("│").split("│")] for row in rows]


def test_what_got_worse_comes_first() -> None:
    before = {"log_call/stepwell, p50": 100.0, "log_call/written": 2_000.0, "log_call/same": 5.0, "gone": 1.0}
    rows = shown(trend.compare(RESULTS, "an earlier run", before))
    assert [(row[0], row[3]) for row in rows] == [
        ("log_call/stepwell, p50", "+100.0 %"),
        ("log_call/written", "-50.0 %"),
        ("log_call/same", "+0.0 %"),
    ]


def test_a_recorded_run_is_found_again_for_the_same_machine(home: Path) -> None:
    first = trend.record(ABOUT, RESULTS)
    name, figures = trend.earlier(ABOUT)
    assert name.startswith("abc1234 of ")
    assert figures["log_call/stepwell, p50"] == 200.0
    assert trend.earlier({**ABOUT, "cpu": "another"}) == ("", {})
    assert trend.earlier(ABOUT, but=first) == ("", {})


def test_nothing_recorded_is_nothing_to_compare_with(home: Path) -> None:
    assert trend.earlier(ABOUT) == ("", {})


def test_the_page_has_every_row_and_every_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pictures = draw(tmp_path, RESULTS)
    assert pictures == {"log_call": ["log_call.svg"], "growth": ["growth-metrics.svg"]}
    text = markdown(ABOUT, RESULTS, pictures)
    assert "![growth](images/benchmarks/growth-metrics.svg)" in text
    assert "**Failed:** it &lt;ended> early" in text
    assert "| 15 | import stepwell; stepwell.init()" in text
    assert "missing: not installed" in text


def test_the_page_says_what_limits_what_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = ((1, "*dict copies", "The *memory* of it."), ("page", "*", "The browser."))
    monkeypatch.setattr(limits, "_LIMITS", known)
    figures = (Figure("stepwell, p50 as dict copies", "", (3.1,), 2.5), Figure("stepwell, p50", "ns", (400.0,), 300.0))
    text = markdown(ABOUT, {"log_call": Result("log_call", "what a call costs", 1.0, figures)}, {})
    assert "- **Row 1, stepwell, p50 as dict copies**: 3.10, asked ≤ 2.50. The *memory* of it." in text
    assert "- **Row 1, stepwell, p50**: 400 ns, asked ≤ 300 ns. Not looked into yet." in text
    slow = {"page": Result("page", "the page", 1.0, (Figure("first chart", "ms", (900.0,), 400.0),))}
    assert "- **page: first chart**: 900 ms, asked ≤ 400 ms. The browser." in markdown(ABOUT, slow, {})
    assert "misses its target" not in markdown(ABOUT, RESULTS, {})


def test_a_picture_is_the_same_whenever_it_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(tmp_path / "one", RESULTS)
    draw(tmp_path / "two", RESULTS)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
