"""axe looks at every view, light and dark, narrow and wide: nothing serious or critical."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
from looks import looks

from support import REQUIRE_ALL

RUN = "async () => JSON.stringify((await axe.run(document, {resultTypes: ['violations']})).violations)"

# The address of each view, and what stands in it once it is there.
VIEWS = {
    "projects": ("/", "ul.projects a"),
    "runs": ("/vision", "a.run-name"),
    "groups": ("/vision?group=config/model/kind", ".tr.group"),
    "no match": ("/vision?q=nothing-of-that-name", "text=No run matches"),
    "charts": ("/vision/{0}?with={1}", "figure canvas"),
    "differences": ("/vision/{0}?with={1}&tab=diff", ".spark path"),
    "hist": ("/vision/{0}?tab=hist", "figure.heat-card canvas.bars"),
    "text": ("/vision/{0}?tab=text", "table.confusion"),
    "summary": ("/vision/{0}?tab=summary", "text=Set by the run"),
    "config": ("/vision/{0}?with={1}&tab=config", "text=depth"),
    "console": ("/vision/{0}?tab=console", ".console .line .fg-green"),
    "output beside": ("/vision/{0}?dock=1", ".dock .line .fg-green"),
    "media": ("/vision/{0}?tab=media", "text=No images or tables"),
    "files": ("/vision/{0}?tab=files", "text=No files"),
    "env": ("/vision/{0}?tab=env", "text=python/version"),
    "no run": ("/vision/nobody", "text=There is no run"),
    "nowhere": ("/a/b/c", "text=There is nothing at this address"),
}


def serious(page: Any) -> list[str]:
    found = json.loads(page.evaluate(RUN))
    return [
        f"{one['impact']} {one['id']}: {node['target']} {node['failureSummary'][:300]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:5]
    ]


def told(found: dict[str, list[str]]) -> str:
    return "\n".join(f"{view}: {one}" for view, said in found.items() for one in said)


@pytest.fixture(scope="module")
def axe_script() -> Path:
    """axe-core, as the package that runs it from playwright brings it."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        (pytest.fail if REQUIRE_ALL else pytest.skip)("axe-playwright-python is not installed")
    return Path(found.origin).with_name("axe.min.js")


@pytest.fixture
def axe(tab: Any, axe_script: Path) -> Any:
    tab.page.add_init_script(path=str(axe_script))
    return tab


@looks("dark", "narrow", "tablet", "wide")
def test_axe_finds_nothing_serious_in_any_view(axe: Any, site: Any) -> None:
    found = {}
    for name, (place, there) in VIEWS.items():
        page = axe.go(place.format(site.ids["vit-lr0.01"], site.ids["vit-lr0.03"]))
        page.locator(there).first.wait_for(state="attached")
        found[name] = serious(page)
    assert told(found) == ""


def test_axe_finds_nothing_serious_in_what_opens(axe: Any, site: Any) -> None:
    page = axe.go("/vision")
    found = {}
    page.get_by_role("button", name="Columns (").click()
    page.get_by_label("Search columns").wait_for()
    found["columns"] = serious(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Column State").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Hide").wait_for()
    found["menu"] = serious(page)
    page.keyboard.press("Escape")
    page.get_by_text("2 NaN", exact=True).first.click()
    page.get_by_role("dialog", name=re.compile("not finite in")).wait_for()
    found["what is not finite"] = serious(page)
    page = axe.go(f"/vision/{site.ids['vit-lr0.01']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Notes").wait_for()
    found["edit"] = serious(page)
    assert told(found) == ""


def test_axe_finds_nothing_serious_where_one_signs_in(browser: Any, site: Any, axe_script: Path) -> None:
    context = browser.new_context()
    context.add_init_script(path=str(axe_script))
    page = context.new_page()
    page.goto(site.url)
    page.get_by_label("Token").wait_for()
    assert serious(page) == []
    context.close()
