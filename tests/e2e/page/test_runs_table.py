"""The table of runs in a real browser: columns, groups, keys, live rows, edits, comparison, undo."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from looks import looks
from prefixed import under_prefix

from support import wait_for

Record = Callable[..., str]


def names(page: Any) -> list[str]:
    return [str(text) for text in page.locator("a.run-name").all_inner_texts()]


def shown(titles: Any) -> list[str]:
    """A title is in two pieces where the second must stay readable."""
    return [str(text).replace("\n", "") for text in titles.all_inner_texts()]


def show(tab: Any, place: str = "/vision") -> Any:
    page = tab.go(place)
    page.locator("a.run-name").first.wait_for()
    return page


def where(page: Any) -> str:
    return unquote(str(page.url).partition("#")[2])


def says(page: Any, texts: list[str]) -> None:
    wait_for(lambda: names(page) == texts, what=f"the rows {texts}, not {names(page)}")


def column(page: Any, title: str) -> Any:
    return page.locator('[role="columnheader"]', has=page.get_by_role("button", name=title, exact=True))


def choose(page: Any, title: str, action: str) -> None:
    column(page, title).hover()
    page.get_by_role("button", name=f"Column {title}", exact=True).click()
    page.get_by_role("menuitem", name=action).click()


def test_a_column_is_sorted_either_way_and_what_is_unset_comes_last(tab: Any) -> None:
    page = show(tab, "/vision?cols=config/lr&q=-")
    page.get_by_text("of 4 runs shown").wait_for()
    page.get_by_role("button", name="lr", exact=True).click()
    says(page, ["vit-lr0.03", "vit-lr0.01"])
    page.get_by_role("button", name="lr", exact=True).click()
    says(page, ["vit-lr0.01", "vit-lr0.03"])
    assert "sort=config/lr" in where(page)
    page.get_by_label("Search runs").fill("")
    wait_for(lambda: len(names(page)) == 4, what="all runs")
    assert names(page)[:2] == ["vit-lr0.01", "vit-lr0.03"]


def test_columns_are_chosen_moved_pinned_widened_and_hidden_in_the_address(tab: Any) -> None:
    page = show(tab, "/vision?cols=state,config/lr,metric/train/loss")
    titles = page.locator('[role="columnheader"] .sort')
    assert shown(titles) == ["Run", "State", "lr", "train/loss"]
    choose(page, "train/loss", "Move left")
    wait_for(lambda: shown(titles) == ["Run", "State", "train/loss", "lr"], what="the column to move")
    choose(page, "lr", "Pin to the left")
    wait_for(lambda: shown(titles) == ["Run", "lr", "State", "train/loss"], what="the column to be pinned")
    choose(page, "State", "Hide")
    wait_for(lambda: shown(titles) == ["Run", "lr", "train/loss"], what="the column to go")
    before = column(page, "lr").bounding_box()["width"]
    choose(page, "lr", "Wider")
    wait_for(lambda: column(page, "lr").bounding_box()["width"] == before + 48, what="the column to widen")
    assert all(part in where(page) for part in ("cols=metric/train/loss,config/lr", "pin=config/lr", "w=config/lr:"))
    page.reload()
    wait_for(lambda: shown(titles) == ["Run", "lr", "train/loss"], what="the shared address")
    assert column(page, "lr").bounding_box()["width"] == before + 48
    page.get_by_role("button", name="Columns (2)").click()
    page.get_by_label("Search columns").fill("depth")
    page.get_by_label("config model/depth").check()
    wait_for(lambda: shown(titles)[-1] == "model/depth", what="the new column")
    page.get_by_text("12", exact=True).first.wait_for()


def test_a_grip_is_dragged(tab: Any) -> None:
    page = show(tab, "/vision?cols=state,user")
    grip = column(page, "Run").locator(".grip")
    box = grip.bounding_box()
    before = column(page, "Run").bounding_box()["width"]
    page.mouse.move(box["x"] + 3, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 43, box["y"] + 5, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("w=name"))
    assert abs(column(page, "Run").bounding_box()["width"] - before - 40) <= 1


def test_runs_are_grouped_by_a_setting_with_those_that_lack_it_apart(tab: Any) -> None:
    page = show(tab, "/vision?cols=config/lr,metric/train/loss&group=config/model/kind")
    heads = page.locator(".tr.group .group-fold .cut")
    wait_for(lambda: heads.all_inner_texts() == ["vit", "(unset)"], what="the groups")
    assert len(names(page)) == 4
    tab.shot("runs-grouped")
    page.get_by_role("button", name=re.compile("vit")).first.click()
    wait_for(lambda: len(names(page)) == 2, what="the group to fold")
    page.reload()
    wait_for(lambda: len(names(page)) == 2, what="the folded group of the address")
    page.get_by_label("Select the runs with vit").check()
    page.get_by_role("button", name="Compare 2 runs").wait_for()


@looks("narrow", "tablet", "laptop")
def test_a_row_says_what_is_not_finite_and_in_which_metric(tab: Any, site: Any) -> None:
    page = show(tab, "/vision?cols=state&sort=name")
    row = page.get_by_role("row", name=re.compile("vit-lr0.01"))
    mark = row.get_by_text("2 NaN", exact=True)
    mark.wait_for()
    assert page.get_by_text("2 NaN", exact=True).count() == 2, "of the two runs that have some"
    mark.click()
    said = page.get_by_role("dialog", name=f"not finite in {site.ids['vit-lr0.01']}")
    assert shown(said.locator("li")) == ["train/loss2 NaN"]
    tab.shot(f"runs-nonfinite-{page.viewport_size['width']}")
    said.get_by_role("link", name="train/loss").click()
    page.get_by_role("dialog", name="train/loss").wait_for()


def test_keys_walk_tick_and_open(tab: Any, site: Any) -> None:
    page = show(tab, "/vision?cols=state&sort=name&q=vit")
    says(page, ["vit-lr0.01", "vit-lr0.03"])
    grid = page.get_by_role("grid")
    grid.focus()
    grid.press("ArrowDown")
    grid.press(" ")
    page.get_by_text("1 selected").wait_for()
    grid.press("Shift+ArrowDown")
    page.get_by_text("2 selected").wait_for()
    assert page.locator('[role="row"][aria-selected="true"]').count() == 2
    assert grid.get_attribute("aria-activedescendant") == "line-1"
    grid.press("Enter")
    page.get_by_role("heading", name="vit-lr0.03").wait_for()


def test_a_filter_offers_names_and_marks_the_character_at_which_it_stopped(tab: Any) -> None:
    page = show(tab)
    box = page.get_by_label("Filter by expression, Enter applies it")
    box.press_sequentially("dep")
    page.get_by_role("option", name="config.model.depth").wait_for()
    box.press("Tab")
    box.press_sequentially(" == 12")
    box.press("Enter")
    page.get_by_text("2 of 4 runs shown").wait_for()
    tab.expected = ("422",)
    box = page.get_by_label("Filter by expression, Enter applies it")
    box.fill('config.lr > 0.001 and tags == "x"')
    box.press("Enter")
    lines = page.get_by_role("alert").inner_text().splitlines()
    assert lines[1][lines[2].index("^") :].startswith("==")


def test_undo_and_redo_go_through_choices_that_left_no_history(tab: Any) -> None:
    page = show(tab, "/vision?cols=state")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile("sort=-name"))
    page.get_by_label("Select all runs shown").check()
    page.get_by_text("4 selected").wait_for()
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+z")
    page.wait_for_url(lambda url: "sel=" not in url)
    page.keyboard.press("Control+z")
    page.wait_for_url(lambda url: "sort=" not in url)
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+Shift+z")
    page.get_by_text("4 selected").wait_for()
    assert "sort=-name" in where(page)


def test_a_new_run_comes_in_on_top_and_ticks_and_names_stay(tab: Any, record_run: Record) -> None:
    record_run("coming", "first")
    page = show(tab, "/coming?cols=state,metric/loss")
    page.get_by_role("checkbox").nth(1).check()
    record_run("coming", "second")
    says(page, ["second", "first"])
    page.get_by_text("1 selected").wait_for()
    assert page.locator(".tr.picked a.run-name").inner_text() == "first"


def test_a_run_is_renamed_tagged_and_coloured_and_keeps_it_everywhere(tab: Any, record_run: Record) -> None:
    run = record_run("edited", "before")
    record_run("edited", "other")
    page = tab.go(f"/edited/{run}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name").fill("after <b>")
    page.get_by_label("Tags, by commas").fill("keep, good")
    page.get_by_label("Notes").fill("line one\nline two")
    page.get_by_label("plum").check(force=True)
    tab.shot("run-edit")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("heading", name="after <b>").wait_for()
    page.get_by_text("line two").wait_for()
    swatch = page.locator(".run-head > .swatch")
    hue = swatch.evaluate("node => getComputedStyle(node).backgroundColor")
    assert hue == "rgb(136, 19, 121)"
    page = show(tab, "/edited")
    says(page, ["other", "after <b>"])
    row = page.locator('[role="row"]', has_text="after <b>")
    assert row.locator(".swatch").evaluate("node => getComputedStyle(node).backgroundColor") == hue
    assert row.locator(".tag").all_inner_texts() == ["keep", "good"]


def test_an_edit_that_cannot_be_taken_is_explained_beside_the_form(tab: Any, site: Any) -> None:
    page = tab.go(f"/vision/{site.ids['broken']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name").fill("x" * 600)
    tab.expected = ("422",)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("alert").get_by_text("at most 512 characters").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="broken").wait_for()


def test_another_site_cannot_edit_with_this_browsers_cookie(tab: Any, site: Any) -> None:
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in tab.page.context.cookies())
    address = f"{site.url}/api/v1/runs/vision/{site.ids['broken']}"
    body = json.dumps({"name": "stolen"})
    request = tab.page.context.request
    for origin in ("https://evil.example", "http://127.0.0.1:1", "null"):
        headers = {"Cookie": cookies, "Origin": origin, "Content-Type": "application/json"}
        assert request.patch(address, data=body, headers=headers).status == 401
    page = tab.go(f"/vision/{site.ids['broken']}")
    page.get_by_role("heading", name="broken").wait_for()


def test_runs_are_compared_with_a_base(tab: Any, site: Any) -> None:
    page = show(tab, "/vision?sort=name&q=vit")
    page.get_by_label("Select all runs shown").check()
    page.get_by_role("button", name="Differences").click()
    grid = page.get_by_role("table", name="comparison")
    grid.wait_for()
    line = grid.locator('[role="row"]', has=page.get_by_role("rowheader", name="lr", exact=True))
    assert line.locator('[role="cell"]').all_inner_texts() == ["0.01", "0.03\n+0.02 (+200 %)"]
    assert not grid.get_by_role("rowheader", name="model/depth").count()
    loss = grid.locator('[role="row"]', has=page.get_by_role("rowheader", name="train/loss", exact=True))
    loss.locator(".spark path").first.wait_for(state="attached")
    page.get_by_role("button", name="Max", exact=True).click()
    loss.locator('[role="cell"]', has_text="9").first.wait_for()
    page.get_by_role("button", name="At step").click()
    page.get_by_label("Step", exact=True).fill("1000")
    loss.locator('[role="cell"]', has_text="NaN").first.wait_for()
    tab.shot("compare-differences")
    page.get_by_role("button", name="make base").click()
    page.get_by_role("heading", name="vit-lr0.03").wait_for()
    wait_for(
        lambda: line.locator('[role="cell"]').all_inner_texts() == ["0.03", "0.01\n\u22120.02 (\u221266.7 %)"],
        what="the other base",
    )
    page.reload()
    loss.locator('[role="cell"]', has_text="NaN").first.wait_for()
    page.get_by_label(re.compile("only what differs")).uncheck()
    grid.get_by_role("rowheader", name="model/depth").wait_for()
    page.keyboard.press("n")
    page.keyboard.press("n")
    grid.locator(".cr.active.differs").wait_for()


def test_the_table_works_behind_a_proxys_prefix(browser: Any, site: Any) -> None:
    port = int(site.url.rpartition(":")[2])
    with under_prefix(port, b"/a/b") as url:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{url}login?ticket={site.ticket()}")
        page.goto(f"{url}#/vision?sort=name&cols=config/lr&q=vit")
        says(page, ["vit-lr0.01", "vit-lr0.03"])
        page.get_by_role("link", name="vit-lr0.01").click()
        page.get_by_role("button", name="Edit").click()
        page.get_by_label("Notes").fill("behind a proxy")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("behind a proxy").wait_for()
        context.close()


@pytest.mark.parametrize("tab", [{"width": 390, "height": 844}], indirect=True)
def test_on_a_phone_there_is_one_column(tab: Any) -> None:
    page = show(tab)
    card = page.locator(".run-card", has_text="vit-lr0.01")
    assert card.bounding_box()["width"] <= 390
    assert card.locator(".state").inner_text() == "finished"
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    card.get_by_role("checkbox").check()
    page.get_by_text("1 selected").wait_for()
    card.get_by_role("link").click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Notes").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
