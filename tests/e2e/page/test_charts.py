"""What a chart can show, in a real browser: axes, clipping, gutters, cards, legends, groups, ranks, crowds, rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from cards import card
from charted import ATTEMPTS, PAUSE_S, RANKS, SWEEP, record_charted, record_odd, sweep_ids
from looks import looks

# The hues that are drawn: a line and its band are one.
COLOURS = """canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = {};
  for (let at = 0; at < data.length; at += 4) {
    const [r, g, b] = [data[at], data[at + 1], data[at + 2]];
    const most = Math.max(r, g, b), least = Math.min(r, g, b);
    if (data[at + 3] < 250 || most - least < 60) continue;
    const hue = most === r ? (g - b) / (most - least) : most === g ? 2 + (b - r) / (most - least)
      : 4 + (r - g) / (most - least);
    const name = Math.round((hue + 6) % 6 * 2);
    seen[name] = (seen[name] || 0) + 1;
  }
  return Object.keys(seen).filter(name => seen[name] > 40);
}"""


@pytest.fixture(scope="module")
def recordings() -> tuple[Callable[[], dict[str, str]], ...]:
    return (record_odd, record_charted)


def settled(chart: Any, probe: str | Callable[[Any], Any], wanted: Callable[[Any], bool]) -> Any:
    """What the probe says of the canvas or chart once it is as wanted; drawing is frames behind what the card says."""
    found = None
    for _ in range(100):
        found = probe(chart) if callable(probe) else chart.locator("canvas").first.evaluate(probe)
        if wanted(found):
            return found
        chart.page.wait_for_timeout(50)
    raise AssertionError(f"the chart never came to be as wanted; last: {found}")


def right_end(chart: Any) -> str:
    """Where the cursor says it is, at the right end of the plot."""
    over = chart.locator(".u-over").bounding_box()
    for inside in (2, 1):
        chart.page.mouse.move(over["x"] + over["width"] - inside, over["y"] + 20)
    return str(chart.locator(".readout-head").inner_text())


def choose_x(page: Any, name: str) -> None:
    page.get_by_role("button", name=re.compile(r"^x:")).click()
    page.get_by_role("group", name="x axis").get_by_role("button", name=name, exact=True).click()
    page.keyboard.press("Escape")


def test_process_time_leaves_out_what_lies_between_attempts(tab: Any) -> None:
    tab.expected = ("willReadFrequently",)
    page = tab.go("/charted/resumed")
    card(page, "loss", "120 points")
    ends: list[str] = []
    for name, param in (("Relative time", "x=relative"), ("Process time", "x=process")):
        choose_x(page, name)
        page.wait_for_url(re.compile(param))
        chart = card(page, "loss", "120 points")
        ends.append(settled(chart, right_end, lambda found: found.endswith(" s") and found not in ends))
    relative, process = (float(end.removesuffix(" s")) for end in ends)
    assert 0.9 * PAUSE_S * len(ATTEMPTS) < process < relative / 2
    tab.shot("charts-process-time")


def test_a_metric_is_on_the_x_axis_and_points_without_it_are_counted(tab: Any) -> None:
    page = tab.go("/charted/odd")
    card(page, "val/loss", "120 points")
    page.get_by_role("button", name=re.compile(r"^x:")).click()
    page.get_by_label("Search metrics for the x axis").fill("tok")
    page.locator(".popover-body").get_by_role("button", name="tokens", exact=True).click()
    page.wait_for_url(re.compile("x=m:tokens"))
    chart = card(page, "val/loss", "120 points")
    chart.locator(".u-over").hover()
    chart.locator(".readout-head", has_text="tokens").wait_for()
    page.goto(f"{tab.site.url}/#/charted/odd?x=m:val/loss")
    page.reload()
    card(page, "signed", "120 points").get_by_text("1,080 without val/loss").wait_for()


def test_a_clipped_axis_fits_the_bulk_and_says_what_lies_beyond(tab: Any) -> None:
    page = tab.go("/charted/odd")
    chart = card(page, "spiky", "1,200 points")
    chart.hover()
    chart.get_by_role("button", name="Settings of spiky").click()
    chart.get_by_label("Fit the bulk").check()
    chart.get_by_text("2 beyond").wait_for()
    assert "set=spiky:clip" in page.url
    page.reload()
    card(page, "spiky", "1,200 points").get_by_text("2 beyond").wait_for()
    tab.shot("charts-clipped")


def test_a_card_has_a_scale_of_its_own_and_a_gutter_counts_what_a_log_axis_cannot_show(tab: Any) -> None:
    page = tab.go("/charted/odd?set=signed:log")
    card(page, "signed", "1,200 points").get_by_text("≤ 0").first.wait_for()
    assert card(page, "spiky", "1,200 points").get_by_text("≤ 0").count() == 0
    page.get_by_role("button", name="Log", exact=True).first.click()
    card(page, "tokens", "1,200 points").get_by_text("1 ≤ 0").wait_for()
    tab.shot("charts-log-gutter")


def test_pinned_and_hidden_cards_outlive_a_reload_and_hold_for_other_runs(tab: Any) -> None:
    page = tab.go("/charted/odd")
    card(page, "tokens").hover()
    page.get_by_role("button", name="Pin tokens").click()
    page.get_by_role("region", name="pinned").locator('figure[aria-label="tokens"]').wait_for()
    chart = card(page, "back")
    chart.hover()
    page.get_by_role("button", name="Settings of back").click()
    page.get_by_role("button", name="Hide this card").click()
    page.get_by_text("1 card is hidden").wait_for()
    assert "pin=tokens" in page.url
    page.goto(f"{tab.site.url}/#/charted/odd")  # without the choices in the address
    page.reload()
    page.get_by_role("region", name="pinned").locator('figure[aria-label="tokens"]').wait_for()
    assert page.locator('figure[aria-label="back"]').count() == 0
    page.get_by_role("button", name="back", exact=True).click()
    card(page, "back")


def test_a_card_is_enlarged_by_the_keyboard_and_arrows_go_on(tab: Any) -> None:
    page = tab.go("/charted/s000?with=s001,s002")
    card(page, "loss").locator("button.card-title").focus()
    page.keyboard.press("f")
    dialog = page.get_by_role("dialog")
    dialog.locator(".legend-table tbody tr").nth(2).wait_for()
    assert "card=loss" in page.url
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    page = tab.go("/charted/odd?card=back")
    dialog = page.get_by_role("dialog")
    dialog.locator('figure[aria-label="back"] .points').wait_for()
    page.keyboard.press("ArrowRight")
    dialog.locator('figure[aria-label="signed"]').wait_for()


def test_the_large_legend_is_sorted_by_the_value_at_the_cursor(tab: Any) -> None:
    page = tab.go("/charted/s000?with=s001,s002,s003&card=loss")
    dialog = page.get_by_role("dialog")
    dialog.locator(".points").wait_for()
    over = dialog.locator(".u-over")
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    dialog.locator("tbody td:nth-child(2)", has_text=re.compile(r"\d")).first.wait_for()
    values = [float(text) for text in dialog.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4
    tab.shot("charts-enlarged")


def test_the_legend_beside_the_charts_follows_the_hovered_card(tab: Any) -> None:
    page = tab.go("/charted/s000?with=s001,s002,s003")
    over = card(page, "loss").locator(".u-over")
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.locator(".legend-head", has_text="at cursor").wait_for()
    values = [float(text) for text in page.locator(".legend-rows .value").all_inner_texts()]
    assert values == sorted(values, reverse=True)
    assert len(values) == 4


def test_runs_beyond_the_first_twenty_are_a_click_away_and_never_hidden_silently(tab: Any) -> None:
    tab.expected = ("willReadFrequently",)  # this test reads the canvas, the page does not
    page = tab.go(f"/charted/s000?with={','.join(sweep_ids()[1:])}")
    page.get_by_text(f"20 of {SWEEP} runs shown").wait_for()
    chart = card(page, "loss")
    own = settled(chart, COLOURS, bool)
    assert len(own) == 1, "only the page's own run is in colour"
    page.get_by_role("button", name="Show all").click()
    page.get_by_text(f"{SWEEP} of {SWEEP} runs shown").wait_for()
    settled(card(page, "loss"), COLOURS, bool)
    tab.shot("charts-crowd")
    page.locator(".legend-rows li").nth(6).hover()
    settled(card(page, "loss"), COLOURS, lambda found: found and found != own)


GREY = "rgb(154, 161, 171)"
HUE = "node => getComputedStyle(node).backgroundColor"


def swatches(rows: Any) -> dict[str, str]:
    """The colour of each row by the text of its link."""
    return {str(row.locator("a").first.text_content()): str(row.locator(".swatch").evaluate(HUE)) for row in rows.all()}


def test_past_eight_runs_only_what_is_selected_is_in_colour_in_the_table_the_legend_and_the_charts(tab: Any) -> None:
    tab.expected = ("willReadFrequently",)
    page = tab.go("/charted?cols=state&sort=name&q=sweep")
    rows = page.locator('.rows [role="row"]')
    page.get_by_role("link", name="sweep-s000").wait_for()
    assert set(swatches(rows).values()) == {GREY}
    ids = [f"s{number:03d}" for number in range(3)]
    for id in ids:
        page.get_by_label(f"Select {id}", exact=True).click()
    page.get_by_text("3 selected").wait_for()
    table = {name: hue for name, hue in swatches(rows).items() if hue != GREY}
    assert (set(table), len(set(table.values()))) == ({f"sweep-{id}" for id in ids}, 3)
    tab.shot("table-colours")
    page.get_by_role("button", name="Compare 3 runs").click()
    legend = page.locator(".legend-rows li")
    legend.nth(2).wait_for()
    assert list(swatches(legend).values()) == list(table.values())
    page = tab.go("/charted?cols=state&sort=name&q=sweep")
    for number in range(10):
        page.get_by_label(f"Select s{number:03d}", exact=True).click()
    page.get_by_role("button", name="Compare 10 runs").wait_for()
    table = {name: hue for name, hue in swatches(rows).items() if hue != GREY}
    assert (len(table), len(set(table.values()))) == (8, 8)
    page.get_by_role("button", name="Compare 10 runs").click()
    legend.nth(9).wait_for()
    shown = swatches(legend)
    assert [hue for hue in shown.values() if hue != GREY] == list(table.values())
    assert list(shown.values()).count(GREY) == 2
    assert len(settled(card(page, "loss"), COLOURS, lambda found: len(found) >= 5)) >= 5
    tab.shot("charts-colours")


def test_groups_of_runs_are_one_line_each_and_a_missing_key_is_one_too(tab: Any) -> None:
    page = tab.go("/charted/s000?with=s001,s002,s003,s004,s005,s006,s007")
    card(page, "loss")
    page.get_by_label("Group runs by").select_option("config/lr")
    page.wait_for_url(re.compile("by=config/lr"))
    page.get_by_text("lr (unset) · 2 runs").first.wait_for()
    assert page.locator(".legend-rows li").count() == 4
    chart = card(page, "loss")
    chart.locator(".u-over").hover()
    chart.locator(".readout", has_text=re.compile(r"[12] runs")).wait_for()
    page.get_by_role("button", name="Median", exact=True).click()
    page.wait_for_url(re.compile("agg=median"))
    card(page, "loss")
    tab.shot("charts-groups")


def test_ranks_are_a_band_or_stand_apart(tab: Any) -> None:
    page = tab.go("/charted/ranks")
    chart = card(page, "step_s", f"{RANKS * 400:,} points")
    chart.get_by_text(f"{RANKS} ranks").first.wait_for()
    chart.hover()
    chart.get_by_role("button", name="Settings of step_s").click()
    chart.get_by_label("Ranks apart").check()
    chart.get_by_role("img", name=f"{RANKS} ranks by step").wait_for()
    page.keyboard.press("Escape")
    chart.locator(".plot.heat .u-over").hover()
    chart.get_by_text(re.compile(r"rank \d · step")).wait_for()
    tab.shot("charts-ranks")


def test_the_rows_behind_a_chart_are_its_whole_history(tab: Any) -> None:
    page = tab.go("/charted/odd?z=100:110")
    chart = card(page, "spiky", "11 points")
    chart.hover()
    chart.get_by_role("button", name="Settings of spiky").click()
    with page.expect_download() as waiting:
        chart.get_by_role("link", name="Save every point as CSV").click()
    rows = list(csv.reader(io.StringIO(waiting.value.path().read_text())))
    assert rows[0] == ["run", "metric", "rank", "step", "time", "value"]
    assert [int(row[3]) for row in rows[1:]] == list(range(1200))
    assert float(rows[101][5]) > 1e4


def test_another_split_is_laid_over_a_card_and_told_apart_by_its_dashes(tab: Any) -> None:
    page = tab.go("/charted/odd")
    chart = card(page, "val/loss", "120 points")
    chart.hover()
    chart.get_by_role("button", name="Settings of val/loss").click()
    chart.get_by_label("Lay train/loss over it").check()
    chart.locator(".points", has_text="240 points").wait_for()
    page.wait_for_url(re.compile("set=val/loss:over.train/loss"))
    page.keyboard.press("Escape")
    chart.locator(".u-over").hover()
    names = chart.locator(".readout tbody tr td:first-child").all_inner_texts()
    assert sorted(name.partition(" · ")[2].strip() for name in names) == ["train/loss", "val/loss"]
    tab.shot("charts-splits")


def test_a_screen_reader_finds_the_numbers_of_a_chart(tab: Any) -> None:
    page = tab.go("/charted/s000?with=s001")
    rows = card(page, "loss").get_by_role("row")
    rows.nth(2).wait_for(state="attached")  # told once the chart is drawn
    assert rows.count() == 3
    assert "least" in rows.first.inner_text()


@looks("narrow", "dark")
def test_charts_of_several_runs_fit_the_window(tab: Any, request: Any) -> None:
    page = tab.go("/charted/s000?with=s001,s002,s003")
    card(page, "loss")
    tab.shot(f"charts-{request.node.callspec.id}")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
