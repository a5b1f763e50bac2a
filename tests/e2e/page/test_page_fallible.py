"""A view whose code cannot be fetched says so in its place, and comes once it can be."""

from __future__ import annotations

import re
from typing import Any

CODE = re.compile(r"/assets/ConfigView-[^/]*\.js")
RUN = re.compile(r"/assets/run-[^/]*\.js")
START = re.compile(r"/assets/start-[^/]*\.js")


def test_a_view_that_cannot_be_fetched_says_so_in_its_place_and_is_tried_again(tab: Any, site: Any) -> None:
    tab.expected = ("ERR_FAILED", "could not be fetched", "Failed to fetch dynamically imported module")
    page = tab.go(f"/vision/{site.ids['vit-lr0.01']}")
    page.locator("figure canvas").first.wait_for()
    page.route(CODE, lambda route: route.abort())
    page.get_by_role("button", name="Config", exact=True).click()
    failed = page.locator("main .note.error")
    failed.get_by_text("Its code could not be fetched").wait_for()
    assert page.get_by_role("heading", name="vit-lr0.01").is_visible()
    tab.shot("unfetched")
    page.get_by_role("button", name="Charts", exact=True).click()
    page.locator("figure canvas").first.wait_for()
    page.get_by_role("button", name="Config", exact=True).click()
    failed.get_by_text("Its code could not be fetched").wait_for()
    page.unroute(CODE)
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("depth").first.wait_for()
    assert failed.count() == 0


def test_a_run_whose_code_is_not_there_at_first_says_so_and_is_tried_again(tab: Any, site: Any) -> None:
    tab.expected = ("ERR_FAILED", "could not be fetched", "Failed to fetch dynamically imported module")
    page = tab.page
    page.route(RUN, lambda route: route.abort())
    tab.go(f"/vision/{site.ids['vit-lr0.01']}")
    page.locator("main .note.error").get_by_text("Its code could not be fetched").wait_for()
    page.unroute(RUN)
    page.get_by_role("button", name="Try again").click()
    page.locator("figure canvas").first.wait_for()


def test_a_page_whose_code_does_not_come_at_all_says_what_to_do(tab: Any, site: Any) -> None:
    tab.expected = ("ERR_FAILED", "Failed to fetch dynamically imported module")
    page = tab.page
    page.route(START, lambda route: route.abort())
    tab.go(f"/vision/{site.ids['vit-lr0.01']}")
    page.get_by_text("The page's code could not be fetched from the service. Reload to try again.").wait_for()
    page.unroute(START)
    page.reload()
    page.locator("figure canvas").first.wait_for()
