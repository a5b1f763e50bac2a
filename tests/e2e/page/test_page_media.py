"""The tab of images and tables in a real browser: at the slider's step, with hostile names, under the page's policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from looks import looks

import stepwell

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def recordings() -> tuple[Callable[[], dict[str, str]], ...]:
    return (record,)


def record() -> dict[str, str]:
    with stepwell.init(project="media", name="media") as run:
        for step in (0, 10, 20):
            digit = np.full((8, 8), step, np.uint8)
            run.log({"samples": [stepwell.Image(digit, f"at {step}"), stepwell.Image(digit, HOSTILE)]}, step=step)
            run.log({"large": stepwell.Image(np.zeros((300, 400, 3), np.uint8))}, step=step)
            rows = [[number, HOSTILE if number else None] for number in range(step * 20)]
            run.log({HOSTILE: stepwell.Table(["n", "<b>"], rows)}, step=step)
        run.log_tensor("last", np.zeros(3)).wait(60)
    with stepwell.init(project="media", id="growing") as growing:
        for name in ("grows", "stays"):
            growing.log({name: stepwell.Image(np.zeros((8, 8), np.uint8))}, step=0)
    return {"media": run.id}


@looks("laptop", "dark", "narrow", "tablet")
def test_images_and_tables_follow_the_step(tab: Any, site: Any) -> None:
    page = tab.go(f"/media/{site.ids['media']}?tab=media")
    samples = page.locator('figure[aria-label="samples"]')
    samples.get_by_text("step 20").wait_for()
    pictures = samples.locator("img")
    assert [pictures.nth(place).get_attribute("alt") for place in range(2)] == ["at 20", HOSTILE]
    assert pictures.first.get_attribute("class") == "pixelated"
    assert pictures.first.bounding_box()["width"] == 160
    large = page.locator('figure[aria-label="large"] img')
    large.wait_for()
    assert large.get_attribute("class") is None
    table = page.locator("figure.table-card")
    table.get_by_text("400 rows").wait_for()
    table.get_by_text("the first 200; the Parquet file has them all").wait_for()
    assert table.locator("tbody tr").count() == 200
    assert table.locator("tbody tr").nth(1).locator("td").all_inner_texts() == ["1", HOSTILE]
    assert table.locator("tbody tr").first.locator("td").all_inner_texts() == ["0", "null"]
    tab.shot("media")
    page.keyboard.press(",")
    samples.get_by_text("step 10").wait_for()
    samples.get_by_text("at 10").wait_for()
    table.get_by_text("200 rows").wait_for()


def test_a_table_is_downloaded_as_it_was_kept(tab: Any, site: Any, tmp_path: Any) -> None:
    import pyarrow.parquet as pq

    page = tab.go(f"/media/{site.ids['media']}?tab=media&step=10")
    with page.expect_download() as asked:
        page.locator("figure.table-card").get_by_role("link", name="Parquet").click()
    asked.value.save_as(tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 200


def test_a_later_look_asks_for_what_is_new_and_draws_nothing_else_anew(tab: Any, site: Any) -> None:
    page = tab.page
    page.on("request", lambda request: asked.append(request.url) if "/media?" in request.url else None)
    asked: list[str] = []
    tab.go("/media/growing?tab=media")
    grows, stays = (page.locator(f'figure[aria-label="{name}"]') for name in ("grows", "stays"))
    grows.get_by_text("step 0").wait_for()
    stays.locator("img").evaluate("node => { node.kept = true }")
    assert len(asked) == 2
    assert not any("since=" in url for url in asked)
    with stepwell.init(project="media", id="growing", resume="must") as run:
        run.log({"grows": stepwell.Image(np.zeros((8, 8), np.uint8), "later")}, step=7)
    grows.get_by_text("step 7").wait_for()
    grows.get_by_text("later").wait_for()
    assert stays.locator("img").evaluate("node => node.kept") is True
    assert all("since=" in url for url in asked[2:])
