"""Which figures answer a row, what stands beside them, and what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.figures import Figure, missing
from benchmarks.report import read_json, verdict, write_json
from benchmarks.rows import ROWS, Asked, Row, lines
from benchmarks.running import Result
from benchmarks.subjects import SUBJECTS, chosen


def result(key: str, *figures: Figure, failed: str = "") -> dict[str, Result]:
    return {key: Result(key, "about it", 1.0, figures, failed)}


ROW = (Row(1, "a call", (Asked("log_call*/stepwell, p50", ("log_call*/*, p50",)),)),)


def test_every_number_has_a_row() -> None:
    assert [row.number for row in ROWS] == list(range(1, 16))


def test_a_row_asks_subjects_that_there_are() -> None:
    known = {subject.name for subject in SUBJECTS}
    asked = {one.figure.partition("/")[0].rstrip("*") for row in ROWS for one in row.asked}
    assert asked <= known


def test_peers_stand_beside_with_how_many_times_ours_they_are() -> None:
    figures = result(
        "log_call",
        Figure("stepwell, p50", "ns", (200.0,), 300.0),
        Figure("trackio, p50", "ns", (20_000.0,), version="0.43.0"),
        Figure("trackio, p99", "ns", (90_000.0,)),
        Figure("other, p50", "bytes", (1.0,)),
    )
    [line] = lines(figures, ROW)
    assert line.figure is not None
    assert line.figure.met
    assert [(one.what, one.ratio) for one in line.beside] == [("trackio, p50", 100.0)]


def test_each_store_has_a_line() -> None:
    figures = {
        **result("log_call", Figure("stepwell, p50", "ns", (200.0,))),
        **result("log_call-server", Figure("stepwell, p50", "ns", (300.0,))),
    }
    assert [line.what for line in lines(figures, ROW)] == ["stepwell, p50", "stepwell, p50 (server)"]


@pytest.mark.parametrize(
    ("results", "why"),
    [
        ({}, "not measured"),
        (result("log_call", failed="no memory"), "failed: no memory"),
        (result("log_call", missing("stepwell", "no core")), "no core"),
    ],
)
def test_a_part_without_figures_says_why(results: dict[str, Result], why: str) -> None:
    [line] = lines(results, ROW)
    assert (line.figure, line.why) == (None, why)


def test_without_any_result_every_row_is_there() -> None:
    assert {line.row for line in lines({})} == set(range(1, 16))
    assert verdict({})["missing"] == len(lines({}))


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    results = result("log_call", Figure("stepwell, p50", "ns", (200.0, 210.0), 300.0), failed="ended early")
    write_json(tmp_path / "figures.json", {"cpu": "a CPU", "quick": True}, results)
    assert read_json(tmp_path / "figures.json") == ({"cpu": "a CPU", "quick": True}, results)


def test_a_subject_is_chosen_by_name_and_by_store() -> None:
    assert [one.key for one in chosen(["reading"], ["embedded", "server"])] == ["reading", "reading-server"]
    assert [one.key for one in chosen(["reading"], ["server"])] == ["reading-server"]
    assert [one.key for one in chosen(["reading-server", "codec"], ["embedded"])] == ["codec", "reading-server"]
    assert len(chosen([], ["embedded", "server"])) == len(SUBJECTS)
    with pytest.raises(ValueError, match="no subject 'nothing'"):
        chosen(["nothing"], ["embedded"])


def test_all_subjects_together_take_less_than_25_minutes() -> None:
    assert sum(subject.usual_s for subject in SUBJECTS) < 25 * 60
