"""Distributions and texts in a real browser: ridges, one step for all of them, the cursor they share with charts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from charted import record_odd

from support import wait_for


@pytest.fixture(scope="module")
def recordings() -> tuple[Callable[[], dict[str, str]], ...]:
    return (record_odd,)


def facts(page: Any, said: str) -> None:
    page.locator(".heat-facts b", has_text=re.compile(f"^{said}$")).first.wait_for()


def test_one_step_is_shown_by_all_and_stays_from_tab_to_tab(tab: Any) -> None:
    page = tab.go("/charted/odd?tab=hist")
    facts(page, "step 1,000")
    page.keyboard.press(",")
    facts(page, "step 800")
    page.wait_for_url(re.compile("step=800"))
    slider = page.get_by_role("slider", name="Step")
    slider.focus()
    page.keyboard.press("Home")
    facts(page, "step 0")
    page.keyboard.press("ArrowRight")
    facts(page, "step 200")
    page.get_by_role("button", name="Text", exact=True).click()
    page.get_by_text("text of step 200").wait_for()
    page.keyboard.press(".")
    page.get_by_text("text of step 400").wait_for()
    page.reload()
    page.get_by_text("text of step 400").wait_for()
    tab.shot("charts-text-step")


def test_ridges_are_a_second_view_and_a_click_on_one_chooses_its_step(tab: Any) -> None:
    page = tab.go("/charted/odd?tab=hist")
    facts(page, "step 1,000")
    page.get_by_role("button", name="Ridges").click()
    ridge = page.get_by_role("img", name="6 distributions, one behind the other")
    ridge.wait_for()
    box = ridge.bounding_box()
    ridge.click(position={"x": box["width"] / 2, "y": 8})
    facts(page, "step 0")
    page.get_by_role("button", name="Log count").click()
    assert {"view=ridge", "colour=count"} <= set(page.url.partition("?")[2].split("&"))
    tab.shot("charts-ridges")


def test_a_histogram_among_the_charts_has_their_cursor(tab: Any) -> None:
    page = tab.go("/charted/odd")
    card = page.locator('figure[aria-label="grad/w"]')
    card.locator(".u-over").wait_for()
    chart = page.locator('figure[aria-label="tokens"]')
    chart.locator(".points", has_text="point").wait_for()
    over = chart.locator(".u-over").bounding_box()
    page.mouse.move(over["x"] + over["width"] / 2, over["y"] + over["height"] / 2)
    line = card.locator(".u-cursor-x")
    line.wait_for()

    def place() -> float:
        return float(line.bounding_box()["x"] - card.locator(".u-over").bounding_box()["x"])

    wait_for(lambda: place() > 50, what="the cursor of the histogram")
    middle = place()
    page.mouse.move(over["x"] + over["width"] / 4, over["y"] + over["height"] / 2)
    wait_for(lambda: 0 < place() < middle - 20, what="the cursor of the histogram to follow")
    tab.shot("charts-with-histogram")
