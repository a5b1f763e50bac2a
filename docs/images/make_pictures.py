"""`python docs/images/make_pictures.py`: the pictures of README and docs, from the real page over real recordings.

Needs chromium, the built page and the `[test]` extra. Trains the demo's network at four learning rates in a home of
its own, serves it, and photographs each view in light and dark.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

import stepwell
from stepwell.address import local_service
from stepwell.demo import train as training
from stepwell.demo.serving import service_of
from stepwell.home import Home

FOLDER = Path(__file__).resolve().parent
RATES = (1e-3, 3e-3, 1e-2, 6e-2)
STEPS = 1200
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]


def main() -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stepwell-pictures-")))
        os.environ["STEPWELL_HOME"] = str(folder / "home")
        os.environ["STEPWELL_QUIET"] = "1"
        home = Home()
        stack.enter_context(service_of(home))
        stack.callback(stepwell.finish)
        runs = [record(rate, folder, last=rate == RATES[-1]) for rate in RATES]
        driver = stack.enter_context(sync_playwright())
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme in ("light", "dark"):
            photograph(browser, home, runs, theme)
        browser.close()
    return 0


def record(rate: float, folder: Path, *, last: bool) -> stepwell.Run:
    """One training at this rate; the last one is still going when the pictures are made."""
    training.CONFIG["optimizer"]["lr"] = rate
    run = stepwell.init(project="digits", name=f"mlp-lr{rate:g}", config=training.CONFIG, tags=["sweep"])
    network = training.Network.fresh(training.CONFIG["model"]["layers"], training.CONFIG["seed"])
    for step in training.train(network, STEPS * 4 // 5 if last else STEPS):
        row: dict[str, Any] = {"train/loss": step.loss, "train/accuracy": step.accuracy, "train/lr": step.lr}
        if step.val_loss is not None:
            row |= {"val/loss": step.val_loss, "val/accuracy": step.val_accuracy}
        if step.number % 10 == 0:
            for layer in ("dense1", "dense2"):
                row[f"gradients/{layer}"] = stepwell.Histogram(network.gradients[f"{layer}/kernel"])
                row[f"weights/{layer}"] = stepwell.Histogram(network.weights[f"{layer}/kernel"])
        run.log(row, step=step.number)
        if step.number % 100 == 0:
            print(f"step {step.number}  loss {step.loss:.3f}  accuracy {step.accuracy:.3f}")
    matrix = {"labels": [str(digit) for digit in range(10)], "matrix": training.confusion(network)}
    run.log({"val/confusion": json.dumps(matrix)}, step=STEPS - 1)
    weights = folder / "digits.npz"
    np.savez(weights, **{name.replace("/", "."): value for name, value in network.weights.items()})
    run.log_checkpoint(weights)
    if not last:
        run.finish()
    return run


def photograph(browser: Browser, home: Home, runs: list[stepwell.Run], theme: str) -> None:
    context = browser.new_context(
        viewport={"width": 1280, "height": 800},
        device_scale_factor=1,
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    service = local_service(home)
    assert service is not None
    page.goto(f"{service.url}/login?ticket={ticket(service.url, service.token or '')}")
    page.get_by_role("heading", name="Projects").wait_for()

    page.goto(f"{service.url}/#/digits")
    page.locator('[role="row"] a.run-name').nth(len(runs) - 1).wait_for()
    page.set_viewport_size({"width": 1280, "height": 380})
    shoot(page, f"runs-{theme}")
    page.set_viewport_size({"width": 1280, "height": 800})

    main, *others = [run.id for run in reversed(runs)]
    page.goto(f"{service.url}/#/digits/{main}?with={','.join(others)}")
    figure = page.locator('figure[aria-label="train/loss"]')
    figure.locator(".points", has_text="point").wait_for()
    page.locator('figure[aria-label="train/accuracy"] .points', has_text="point").wait_for()
    shoot(page, f"run-{theme}")

    page.goto(f"{service.url}/#/digits/{runs[1].id}?tab=hist")
    page.locator("canvas").first.wait_for()
    shoot(page, f"distributions-{theme}")
    context.close()


def shoot(page: Page, name: str) -> None:
    """Once what the page shows has stood still for a moment."""
    before = b""
    for _ in range(40):
        now = page.screenshot()
        if now == before:
            break
        before = now
        time.sleep(0.5)
    (FOLDER / f"{name}.png").write_bytes(before)
    print(f"{name}.png  {len(before) // 1024} KiB", file=sys.stderr)


def ticket(url: str, token: str) -> str:
    request = urllib.request.Request(f"{url}/api/v1/login", method="POST", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["ticket"])


if __name__ == "__main__":
    sys.exit(main())
