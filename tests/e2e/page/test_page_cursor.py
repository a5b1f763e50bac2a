"""One cursor for all: charts, the machine and the output show the same moment, whichever is pointed at."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from support import wait_for

STEPS = 5
# Where the line of a chart's cursor is, from 0 to 1 of the plot; -1: it is not shown.
CURSORS = """() => [...document.querySelectorAll('.u-over')].map(over => {
  const line = over.querySelector('.u-cursor-x');
  if (line.classList.contains('u-off')) return -1;
  return Math.round(100 * new DOMMatrix(getComputedStyle(line).transform).m41 / over.clientWidth) / 100;
})"""


def record_slowly() -> dict[str, str]:
    """A line of output for each step, a moment after the point of the step and before the next one."""
    import stepwell

    with stepwell.init(project="timed", id="timed", name="timed") as run:
        for step in range(STEPS):
            run.log({"train/loss": 1 / (step + 1), "train/acc": step / 10}, step=step)
            print(f"this is step {step}")
            _wait_for_points(step + 1)
    return {"timed": "timed"}


def _wait_for_points(count: int) -> None:
    import stepwell

    def there() -> bool:
        with stepwell.Api() as api:
            found = [one for one in api.runs("timed") if one.id == "timed"]
            return bool(found) and found[0].history("train/loss").num_rows == count

    wait_for(there, what=f"{count} points")


@pytest.fixture(scope="module")
def recordings() -> tuple[Callable[[], dict[str, str]], ...]:
    return (record_slowly,)


def charts(tab: Any, query: str = "") -> Any:
    page = tab.go(f"/timed/timed?{query}")
    page.locator(".plot .drawn").nth(1).wait_for()
    return page


def hover_step(page: Any, step: int) -> None:
    box = page.locator(".u-over").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * step / (STEPS - 1), box["y"] + box["height"] / 2)


def marked(page: Any) -> list[str]:
    return [str(text) for text in page.locator(".console .line.at .said").all_inner_texts()]


def cursors_at(page: Any, place: float) -> None:
    def there() -> bool:
        found = page.evaluate(CURSORS)
        return len(found) >= 2 and all(abs(at - place) < 0.02 for at in found)

    wait_for(there, what=f"every cursor at {place}, not {page.evaluate(CURSORS)}")


def test_a_chart_that_is_pointed_at_marks_the_output_and_the_output_moves_the_cursor(tab: Any) -> None:
    page = charts(tab)
    page.get_by_role("button", name="Output beside").click()
    page.locator(".dock .line").first.wait_for()
    assert marked(page) == []
    hover_step(page, 3)
    wait_for(lambda: marked(page) == ["this is step 3"], what=f"the line of step 3, not {marked(page)}")
    page.locator(".dock-head", has_text="step 3").wait_for()
    values, output = page.locator(".readout").bounding_box(), page.locator(".dock").bounding_box()
    assert values["y"] + values["height"] <= output["y"], "the values lie over the output"
    tab.shot("cursor-output")
    page.locator(".dock .line", has_text="step 1").hover()
    page.locator(".dock-head", has_text="step 1").wait_for()
    cursors_at(page, 0.25)
    page.locator("h1").hover()
    wait_for(lambda: marked(page) == [], what="the mark to go")
    cursors_at(page, -1)
    page.get_by_role("button", name="Close the output").click()
    page.locator(".dock").wait_for(state="detached")


def test_a_line_that_is_pinned_keeps_the_cursor_and_is_an_address(tab: Any) -> None:
    page = charts(tab, "dock=1")
    page.locator(".dock .line", has_text="step 2").locator(".when").click()
    page.wait_for_url(re.compile(r"[?&]t=\d+"))
    page.locator("h1").hover()
    cursors_at(page, 0.5)
    hover_step(page, 3)
    cursors_at(page, 0.75)
    page.locator("h1").hover()
    cursors_at(page, 0.5)
    page.reload()
    page.locator(".plot .drawn").nth(1).wait_for()
    cursors_at(page, 0.5)
    wait_for(lambda: marked(page) == ["this is step 2"], what="the mark")
    page.get_by_role("button", name=re.compile("unpin")).click()
    cursors_at(page, -1)
    assert "t=" not in unquote(page.url)


def test_what_was_looked_at_goes_along_to_the_output_and_back(tab: Any) -> None:
    page = charts(tab)
    hover_step(page, 1)
    page.get_by_role("button", name="Console", exact=True).click()
    page.get_by_role("button", name=re.compile("as in the charts")).click()
    wait_for(lambda: marked(page) == ["this is step 1"], what=f"the line of step 1, not {marked(page)}")
    tab.shot("cursor-console")
    page.get_by_role("button", name="see it in the charts").click()
    page.locator(".plot .drawn").nth(1).wait_for()
    cursors_at(page, 0.25)


@pytest.mark.parametrize(
    "axis", ["relative", *(pytest.param(axis, marks=pytest.mark.thorough) for axis in ("wall", "process"))]
)
def test_on_an_axis_of_time_a_line_is_where_its_time_is(tab: Any, axis: str) -> None:
    page = charts(tab, f"dock=1&x={axis}")
    page.locator(".dock .line", has_text="step 3").hover()
    page.locator(".dock-head", has_text="step 3").wait_for()
    wait_for(lambda: all(at > 0 for at in page.evaluate(CURSORS)), what="the cursors")
    assert len({*page.evaluate(CURSORS)}) == 1
