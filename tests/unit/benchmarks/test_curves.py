"""Where a curve is steepest, which names a cliff; and what the service says of its stages."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from benchmarks.growth import FLAT, PROPORTIONAL, steepest
from benchmarks.stages import stages


@pytest.mark.parametrize(
    ("curve", "exponent", "place"),
    [
        ([(10, 5.0), (100, 5.0), (1_000, 5.0)], 0.0, (100, 1_000)),
        ([(10, 1.0), (100, 10.0), (1_000, 100.0)], 1.0, (100, 1_000)),
        ([(10, 1.0), (100, 100.0), (1_000, 110.0)], 2.0, (10, 100)),
        ([(10, 4.0), (100, 2.0)], -0.301, (10, 100)),
    ],
)
def test_the_steepest_part_is_between_two_neighbours(
    curve: list[tuple[int, float]], exponent: float, place: tuple[int, int]
) -> None:
    found, where = steepest(curve)
    assert found == pytest.approx(exponent, abs=1e-3)
    assert where == place


def test_what_grows_in_proportion_is_no_cliff() -> None:
    assert FLAT < 1 < PROPORTIONAL


@dataclass
class Site:
    text: str

    def figures(self) -> str:
        return self.text


def test_stages_are_read_from_what_the_service_says() -> None:
    text = (
        "# TYPE stepwell_stage_cpu_seconds_total counter\n"
        'stepwell_stage_cpu_seconds_total{stage="decode"} 1.5\n'
        'stepwell_stage_cpu_seconds_total{stage="loop"} 2e-05\n'
        "stepwell_rows_total 7.0\n"
    )
    assert stages(Site(text)) == {"decode": 1.5, "loop": 2e-05}  # type: ignore[arg-type]
