"""Runs are put in the trash and brought back in a real browser; a held one stays and says why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from test_accessibility import axe, axe_script, serious, told  # noqa: F401  (fixtures)

import stepwell
from support import wait_for

Record = Callable[..., str]
UNTIL = datetime(2099, 12, 31, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def recordings() -> tuple[()]:
    return ()


def names(page: Any) -> list[str]:
    return sorted(map(str, page.locator("a.run-name").all_inner_texts()))


def shows(page: Any, texts: list[str]) -> None:
    wait_for(lambda: names(page) == texts, what=f"the rows {texts}, not {names(page)}")


def shown(tab: Any, project: str, texts: list[str]) -> Any:
    page = tab.go(f"/{project}")
    shows(page, texts)
    return page


def trashed(project: str) -> set[str]:
    with stepwell.Api() as api:
        return {one.key.id for one in api.trashed(project)}


def hold(run: str) -> None:
    with stepwell.Api() as api:
        api.hold(run, until=UNTIL, reason="technical file of model 7")


def test_ticked_runs_go_to_the_trash_and_come_back_by_undo(tab: Any, record_run: Record) -> None:
    ids = {name: record_run("undone", name) for name in ("a", "b", "c")}
    page = shown(tab, "undone", ["a", "b", "c"])
    page.get_by_label(f"Select {ids['a']}").check()
    page.get_by_role("button", name="Trash 1 run").click()
    page.get_by_text("1 run in the trash").wait_for()
    shows(page, ["b", "c"])
    page.get_by_role("button", name="Undo").click()
    shows(page, ["a", "b", "c"])
    page.get_by_label(f"Select {ids['a']}").check()
    page.get_by_label(f"Select {ids['b']}").check()
    page.get_by_role("button", name="Trash 2 runs").press("Enter")
    page.get_by_text("2 runs in the trash").wait_for()
    shows(page, ["c"])
    assert trashed("undone") == {ids["a"], ids["b"]}
    page.get_by_role("link", name="Trash (2)").wait_for()
    tab.shot("runs-trashed")
    page.get_by_role("button", name="Undo").press("Enter")
    shows(page, ["a", "b", "c"])
    assert trashed("undone") == set()
    assert page.get_by_role("link", name="Trash (").count() == 0


def test_a_held_run_stays_and_says_until_when_and_why(tab: Any, record_run: Record) -> None:
    tab.expected = ("409",)
    ids = {name: record_run("held", name) for name in ("kept", "other")}
    hold(f"held/{ids['kept']}")
    page = shown(tab, "held", ["kept", "other"])
    page.get_by_label("Select all runs shown").check()
    page.get_by_role("button", name="Trash 2 runs").click()
    refusal = page.get_by_role("alert")
    refusal.get_by_text("2099-12-31").wait_for()
    assert "technical file of model 7" in refusal.inner_text()
    assert (names(page), trashed("held")) == (["kept", "other"], set())
    page.get_by_role("link", name="kept").click()
    page.get_by_text("hold until 2099-12-31: technical file of model 7").wait_for()
    tab.shot("run-held")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="Move to trash").click()
    page.locator(".run-edit [role=alert]", has_text="2099-12-31").wait_for()
    assert trashed("held") == set()


def test_a_run_goes_from_its_page_and_comes_back_from_the_trash(tab: Any, record_run: Record) -> None:
    run = record_run("single", "only")
    page = tab.go(f"/single/{run}")
    page.get_by_role("button", name="Edit").press("Enter")
    page.get_by_text("it can be restored").wait_for()
    page.get_by_role("button", name="Move to trash").press("Enter")
    page.get_by_text("1 run in the trash").wait_for()
    page.get_by_role("link", name="Trash (1)").click()
    page.get_by_role("heading", name="Trash of single").wait_for()
    tab.shot("trash")
    page.get_by_role("button", name=f"Restore {run}").press("Enter")
    page.get_by_text("The trash of single is empty").wait_for()
    page.get_by_role("link", name="See the runs of single").click()
    shows(page, ["only"])


def test_what_somebody_else_trashed_leaves_the_table(tab: Any, record_run: Record) -> None:
    ids = {name: record_run("shared", name) for name in ("gone", "stays")}
    page = shown(tab, "shared", ["gone", "stays"])
    with stepwell.Api() as api:
        api.run(f"shared/{ids['gone']}").trash(reason="wrong labels")
    shows(page, ["stays"])
    page.goto(f"{tab.site.url}/#/shared?trash=1")
    page.get_by_text("wrong labels").wait_for()


def test_axe_finds_nothing_serious_about_the_trash(axe: Any, record_run: Record) -> None:  # noqa: F811
    run = record_run("looked", "held")
    gone = record_run("looked", "gone")
    hold(f"looked/{run}")
    page = shown(axe, "looked", ["gone", "held"])
    page.get_by_label(f"Select {gone}").check()
    page.get_by_role("button", name="Trash 1 run").click()
    page.get_by_role("link", name="Trash (1)").wait_for()
    found = {"note": serious(page)}
    page.get_by_role("link", name="Trash (1)").click()
    page.get_by_role("heading", name="Trash of looked").wait_for()
    found["trash"] = serious(page)
    page = axe.go(f"/looked/{run}")
    page.get_by_text("hold until").wait_for()
    found["hold"] = serious(page)
    assert told(found) == ""
