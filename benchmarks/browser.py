"""Chromium driven by Playwright, signed in to a service, and its own clocks read over the DevTools protocol."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .serving import Site

__all__ = ["Tab", "browser", "lacking", "tab"]

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 60_000

# Notes when the first curve is on the screen: the page strokes curves as Path2D objects, axes and grids without one.
# The frame after the one that drew it has been shown when a task that it queues runs.
_WATCH = """
(() => {
  window.__benchmark = { firstChart: 0, strokes: 0, frames: [], recording: false };
  const seen = window.__benchmark;
  const stroke = CanvasRenderingContext2D.prototype.stroke;
  CanvasRenderingContext2D.prototype.stroke = function (...path) {
    if (path.length) {
      seen.strokes += 1;
      if (!seen.firstChart) {
        seen.firstChart = performance.now();
        requestAnimationFrame(() => setTimeout(() => { seen.firstChart = performance.now(); }, 0));
      }
    }
    return stroke.apply(this, path);
  };
  let last = 0;
  const frame = (now) => {
    if (seen.recording && last) seen.frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})();
"""


def lacking() -> str:
    """Why there can be no browser here; empty where there can."""
    if _chromium() is None:
        return "chromium is not installed"
    if find_spec("playwright") is None:
        return "playwright is not installed"
    import stepwell

    if not (Path(stepwell.__file__).parent / "web" / "index.html").is_file():
        return "this build has no page"
    return ""


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=_chromium(), args=FLAGS)
        try:
            yield found
        finally:
            found.close()


class Tab:
    """A signed-in tab of a fresh profile: nothing of the page is in its cache but what signing in fetched."""

    def __init__(self, page: Any, site: Site) -> None:
        self.page, self.site = page, site
        self.cdp = page.context.new_cdp_session(page)
        self.cdp.send("Performance.enable")
        self.cdp.send("Network.enable")

    def throttle(self, times: float) -> None:
        """Slows the page's main thread down."""
        self.cdp.send("Emulation.setCPUThrottlingRate", {"rate": times})

    def open_cold(self, place: str) -> float:
        """Loads the address with an empty cache; milliseconds from the start of the navigation to its first curve."""
        self.page.goto("about:blank")
        self.cdp.send("Network.clearBrowserCache")
        self.page.goto(f"{self.site.url}/#{place}", wait_until="commit")
        return self.wait("seen.firstChart", settle=True)

    def wait(self, expression: str, settle: bool = False) -> float:
        """Of `seen` (the watcher above): asked until it is not 0. settle: then once more, two frames later."""
        for _ in range(WAIT_MS // 20):
            value = float(self.ask(expression))
            if value:
                if settle:
                    self.page.wait_for_timeout(120)
                    value = float(self.ask(expression))
                return value
            self.page.wait_for_timeout(20)
        raise TimeoutError(f"{expression} stayed 0 for a minute at {self.page.url}")

    def ask(self, expression: str) -> Any:
        return self.page.evaluate(f"(() => {{ const seen = window.__benchmark; return {expression}; }})()")

    def cost(self) -> dict[str, float]:
        """Seconds of the main thread so far (TaskDuration, ScriptDuration, ...), bytes of the heap."""
        return {one["name"]: one["value"] for one in self.cdp.send("Performance.getMetrics")["metrics"]}

    @contextmanager
    def frames(self) -> Iterator[list[float]]:
        """Milliseconds between the frames drawn inside the block."""
        found: list[float] = []
        self.ask("(seen.frames = [], seen.recording = true)")
        yield found
        found.extend(self.ask("(seen.recording = false, seen.frames)"))


@contextmanager
def tab(chromium: Any, site: Site, width: int = 1280, height: int = 800) -> Iterator[Tab]:
    context = chromium.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.add_init_script(_WATCH)
    page.goto(f"{site.url}/login?ticket={site.ticket()}")
    try:
        yield Tab(page, site)
    finally:
        context.close()
