"""Every view of the page in a real browser, against a service that holds real runs."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

from cards import card
from looks import looks
from prefixed import under_prefix

PAINTED = """canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let inked = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) inked += 1;
  return inked;
}"""


def test_without_a_ticket_the_page_asks_for_the_token_and_takes_it(browser: Any, site: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.url)
    page.get_by_label("Token").fill("wrong" * 8)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    page.get_by_label("Token").fill(site.address["token"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("vision").wait_for()
    context.close()


def test_a_ticket_opens_one_browser_and_then_no_other(browser: Any, site: Any) -> None:
    link = f"{site.url}/login?ticket={site.ticket()}"
    for first in (True, False):
        context = browser.new_context()
        page = context.new_page()
        page.goto(link)
        said = page.get_by_role("heading", name="Projects") if first else page.get_by_text("used already")
        said.wait_for()
        context.close()


@looks("wide", "narrow", "tablet", "laptop", "dark")
def test_runs_are_listed_searched_filtered_and_chosen_for_comparison(tab: Any, request: Any) -> None:
    page = tab.go("/vision")
    rows = page.locator('[role="row"] a.run-name')
    rows.first.wait_for()
    assert rows.count() == 4
    tab.shot(f"runs-{request.node.callspec.id}")
    page.get_by_label("Search runs").fill("vit")
    page.get_by_text("2 of 4 runs shown").wait_for()
    page.get_by_label("Select all runs shown").check()
    page.get_by_role("button", name="Compare 2 runs").click()
    page.wait_for_url(re.compile("with="))
    card(page, "train/loss")
    tab.shot(f"compare-{request.node.callspec.id}")


def test_a_filter_is_an_expression_and_its_error_is_shown(tab: Any) -> None:
    page = tab.go("/vision")
    box = page.get_by_label("Filter by expression, Enter applies it")
    box.fill("config.lr > 0.02")
    box.press("Enter")
    page.get_by_text("1 of 4 runs shown").wait_for()
    tab.expected = ("422",)
    box = page.get_by_label("Filter by expression, Enter applies it")
    box.fill("config.lr > and")
    box.press("Enter")
    assert "^" in page.get_by_role("alert").inner_text()
    tab.shot("filter-error")


@looks("dark", "narrow", "tablet", "laptop", "wide")
def test_charts_draw_and_say_what_they_stand_for(tab: Any, site: Any, request: Any) -> None:
    page = tab.go(f"/vision/{site.ids['vit-lr0.01']}?with={site.ids['vit-lr0.03']}")
    loss = card(page, "train/loss")
    loss.scroll_into_view_if_needed()
    assert "4 non-finite" in loss.inner_text()
    assert loss.locator("canvas").evaluate(PAINTED) > 1000
    tab.shot(f"run-{request.node.callspec.id}")
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0, "the page scrolls sideways"


def test_first_charts_are_asked_for_once_and_wait_for_no_news(tab: Any, site: Any) -> None:
    page = tab.page
    asked: list[list[str]] = []
    page.on("request", lambda request: asked.append(_metrics_of(request)) if request.url.endswith("/series") else None)
    page.route("**/api/v1/live?*", lambda route: None)  # a stream that never begins
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 6})  # a slow machine
    tab.go(f"/vision/{site.ids['vit-lr0.01']}")
    page.locator("figure .uplot.drawn").nth(1).wait_for()
    names = [name for metrics in asked for name in metrics]
    assert names
    assert len(names) == len(set(names))


def _metrics_of(request: Any) -> list[str]:
    return [series["metric"] for series in request.post_data_json["series"]]


def test_a_zoom_is_in_the_address_and_a_reload_shows_it_again(tab: Any, site: Any) -> None:
    page = tab.go(f"/vision/{site.ids['vit-lr0.01']}")
    over = card(page, "train/loss").locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile("z="))
    page.reload()
    page.get_by_role("button", name="Reset zoom").wait_for()
    shared = card(page, "train/loss").inner_text()
    assert "3,000 points" not in shared
    page.get_by_role("button", name="Reset zoom").click()
    card(page, "train/loss", "3,000 points")
    page.go_back()
    page.get_by_role("button", name="Reset zoom").wait_for()


def test_every_choice_of_the_toolbar_is_in_the_address(tab: Any, site: Any) -> None:
    page = tab.go(f"/vision/{site.ids['vit-lr0.01']}")
    card(page, "train/loss")
    for choice in ("Log", "Symlog"):
        page.get_by_role("button", name=choice, exact=True).click()
        card(page, "train/loss")
    for choice in ("Relative time", "Clock time"):
        page.get_by_role("button", name=re.compile("^x:")).click()
        page.get_by_role("button", name=choice, exact=True).click()
        page.keyboard.press("Escape")
        card(page, "train/loss")
    page.get_by_label("Smoothing").fill("100")
    page.get_by_text("EMA 0.9").first.wait_for()
    assert re.search(r"x=wall", page.url)
    assert re.search(r"y=symlog", page.url)
    assert re.search(r"s=0\.9", page.url)
    tab.shot("smoothed")


def test_the_values_at_the_cursor_stand_beside_the_plot(tab: Any, site: Any) -> None:
    page = tab.go(f"/vision/{site.ids['vit-lr0.01']}?with={site.ids['vit-lr0.03']}")
    over = card(page, "train/loss").locator(".u-over")
    over.hover()
    page.locator(".readout tr").nth(1).wait_for()
    assert page.locator(".readout tr").count() == 2
    tab.shot("cursor")


VIEWS = {
    "hist": "figure.heat-card canvas.bars",
    "text": "table.confusion",
    "summary": "text=Set by the run",
    "config": "text=depth",
    "console": ".console .line .fg-green",
    "files": "text=No files",
    "env": "text=python/version",
}


@looks("narrow", "tablet", "laptop", "dark")
def test_the_other_views_show_what_was_recorded(tab: Any, site: Any, request: Any) -> None:
    for view, shown in VIEWS.items():
        page = tab.go(f"/vision/{site.ids['vit-lr0.01']}?tab={view}&with={site.ids['vit-lr0.03']}")
        page.locator(shown).first.wait_for()
        tab.shot(f"{view}-{request.node.callspec.id}")
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, view


def test_names_are_only_text(tab: Any, site: Any) -> None:
    page = tab.go(f"/vision/{site.ids['hostile']}")
    page.get_by_role("heading", name="<img src=x onerror=alert(1)>").wait_for()
    card(page, "<b>bold</b>/<script>")
    assert page.locator("main img, main b b").count() == 0
    tab.shot("hostile")


def test_1500_metrics_mount_only_the_charts_in_view(tab: Any, site: Any) -> None:
    page = tab.go(f"/wide/{site.ids['wide']}")
    card(page, "layer00/p00")
    assert page.locator("figure.chart").count() <= 40
    page.get_by_label("Search metrics").fill("layer29 p49")
    card(page, "layer29/p49")
    tab.shot("1500-metrics")


def test_a_point_is_on_the_screen_soon_after_its_log(tab: Any, site: Any) -> None:
    script = (
        "import stepwell, sys\n"
        "run = stepwell.init(project='live', id='now')\n"
        "for line in sys.stdin:\n"
        "    run.log({'loss': float(line)})\n"
        "    print('said', line.strip(), flush=True)\n"
        "run.finish()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, text=True)
    assert process.stdin is not None
    try:
        print("1.0", file=process.stdin, flush=True)
        tab.page.goto(f"{site.url}/#/live")
        tab.page.locator("a.run-name").first.wait_for()
        tab.page.locator("a.run-name").first.click()
        card(tab.page, "loss")
        for points in (2, 3, 4):
            print(f"{points}.5", file=process.stdin, flush=True)
            card(tab.page, "loss", f"{points} points")
        tab.page.get_by_role("button", name="Console").click()
        tab.page.get_by_text("said 4.5").wait_for()
        process.stdin.close()
        tab.page.locator(".run-head .state.finished").wait_for()
        tab.shot("live")
    finally:
        process.stdin.close()
        process.wait(60)


def test_a_dead_service_leaves_what_is_seen_and_says_so(tab: Any, site: Any) -> None:
    page = tab.go(f"/vision/{site.ids['vit-lr0.01']}")
    card(page, "train/loss")
    port = site.url.rpartition(":")[2]
    tab.expected = ("ERR_", "Failed to load")
    site.service.kill()
    page.get_by_role("alert").filter(has_text="does not answer").wait_for(timeout=60_000)
    assert page.locator("figure.chart").count() > 0
    tab.shot("dead-service")
    site.service.options = ("--http", f"127.0.0.1:{port}")
    site.service.start()
    page.get_by_text("connected", exact=True).wait_for(timeout=60_000)


def test_the_page_works_under_a_path_behind_a_proxy(browser: Any, site: Any) -> None:
    port = int(site.url.rpartition(":")[2])
    with under_prefix(port, b"/a/b") as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{address}login?ticket={site.ticket()}#/vision/{site.ids['vit-lr0.01']}")
        card(page, "train/loss")
        assert page.url.startswith(f"{address}#/vision/")
        assert [cookie["path"] for cookie in context.cookies()] == ["/a/b"]
        context.close()


def test_stepwell_ui_prints_an_address_that_lets_a_browser_in(browser: Any, site: Any) -> None:
    command = [sys.executable, "-m", "stepwell", "ui", "--no-browser", f"vision/{site.ids['vit-lr0.01']}"]
    link = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    card(page, "train/loss")
    context.close()


def test_the_page_asks_no_other_host(tab: Any, site: Any) -> None:
    asked: set[str] = set()
    tab.page.on("request", lambda request: asked.add(request.url))
    tab.go(f"/vision/{site.ids['vit-lr0.01']}?tab=hist")
    tab.page.locator("canvas.bars").first.wait_for()
    assert all(url.startswith((site.url, "data:", "blob:")) for url in asked)


def test_output_stays_within_its_box(tab: Any, site: Any) -> None:
    page = tab.go(f"/vision/{site.ids['vit-lr0.01']}?tab=console")
    page.locator(".console .line").first.wait_for()
    box = page.locator(".console").bounding_box()
    last = page.locator(".console .line", has_text="step 2900")
    last.scroll_into_view_if_needed()
    line = last.bounding_box()
    assert box["y"] <= line["y"]
    assert line["y"] + line["height"] <= box["y"] + box["height"]
