"""Chromium driven by Playwright, signed in to a service, and its own clocks read over the DevTools protocol."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .serving import Site

__all__ = [
    "FLAGS",
    "LATE_MS",
    "TURNS",
    "TURNS_QUICK",
    "WAIT_MS",
    "WATCH",
    "Tab",
    "browser",
    "chromium_path",
    "lacking",
    "memory_of_tab",
    "tab",
]

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

LATE_MS = 25.0  # between two frames, where one every 16.7 is on time
TURNS, TURNS_QUICK = 240, 60  # of the wheel, where it is measured

# Notes when the first curve is on the screen (the page strokes curves as Path2D objects or puts them as pixels, axes
# and grids as neither; the frame after the one that drew it has been shown when a task that it queues runs), how long
# the frames' own work takes, what comes between two frames, and when the newest step of the watched metric is on the
# screen.
WATCH = """
(() => {
  const seen = {
    firstChart: 0, longestDraw: 0, frames: [], tasks: [], steps: {}, recording: false, watching: '',
  };
  window.__benchmark = seen;
  let drew = false;
  const request = window.requestAnimationFrame.bind(window);
  const drawn = () => {
    drew = true;
    if (!seen.firstChart) {
      seen.firstChart = performance.now();
      request(() => setTimeout(() => (seen.firstChart = performance.now()), 0));
    }
  };
  const { stroke, putImageData } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.stroke = function (...path) {
    if (path.length) drawn();
    return stroke.apply(this, path);
  };
  CanvasRenderingContext2D.prototype.putImageData = function (...image) {
    drawn();
    return putImageData.apply(this, image);
  };
  // Each frame's callbacks and the microtasks after them: from the first callback to a message queued by it.
  let begun = 0;
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const took = performance.now() - begun;
    begun = 0;
    if (!drew) return;
    drew = false;
    seen.longestDraw = Math.max(seen.longestDraw, took);
    seen.tasks.push(took);
  };
  window.requestAnimationFrame = (callback) => request((now) => {
    if (!begun) {
      begun = performance.now();
      channel.port2.postMessage(0);
    }
    callback(now);
  });
  // Asked for only while it is wanted: a page that has nothing to draw draws no frames.
  let last = 0;
  const frame = (now) => {
    if (last) seen.frames.push(now - last);
    last = now;
    if (seen.watching) {
      // The card says how many points it shows; the first has step 0.
      const points = document.querySelector(`figure[aria-label="${seen.watching}"] .points`);
      const step = points ? Number(points.textContent.replace(/[^0-9]/g, '')) - 1 : NaN;
      if (step >= 0 && !(step in seen.steps)) seen.steps[step] = Date.now();
    }
    if (seen.recording) request(frame);
  };
  seen.record = () => { seen.frames = []; last = 0; seen.recording = true; request(frame); };
})();
"""


def lacking() -> str:
    """Why there can be no browser here; empty where there can."""
    if chromium_path() is None:
        return "chromium is not installed"
    for package in ("playwright", "websockets"):
        if find_spec(package) is None:
            return f"{package} is not installed"
    import stepwell

    if not (Path(stepwell.__file__).parent / "web" / "index.html").is_file():
        return "this build has no page"
    return ""


def chromium_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        try:
            yield found
        finally:
            found.close()


class Tab:
    """A signed-in tab of a fresh profile: nothing of the page is in its cache but what signing in fetched."""

    def __init__(self, page: Any, site: Site) -> None:
        self.page, self.site = page, site
        self.cdp = page.context.new_cdp_session(page)
        self.cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.cdp.send("Network.enable")

    def wait(self, expression: str) -> float:
        """Of `seen` (the watcher above): asked until it is not 0."""
        for _ in range(WAIT_MS // 20):
            value = float(self.ask(expression))
            if value:
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
        self.ask("seen.record()")
        yield found
        found.extend(self.ask("(seen.recording = false, seen.frames)"))

    def scroll(self, x: float, y: float, turns: int) -> list[float]:
        """Milliseconds between frames while the wheel is turned at a place."""
        self.page.mouse.move(x, y)
        with self.frames() as frames:
            for _ in range(turns):
                self.page.mouse.wheel(0, 240)
                self.page.wait_for_timeout(12)
        return frames


@contextmanager
def tab(chromium: Any, site: Site, width: int = 1280, height: int = 800) -> Iterator[Tab]:
    context = chromium.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(f"{site.url}/login?ticket={site.ticket()}")
    try:
        yield Tab(page, site)
    finally:
        context.close()


def memory_of_tab(chromium: Any, opened: Tab) -> float:
    """Bytes that the largest renderer process has to itself and its part of what is shared (PSS)."""
    opened.page.evaluate("0")  # a tab that hangs is not measured
    session = chromium.new_browser_cdp_session()
    try:
        found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    finally:
        session.detach()
    sizes = [0.0]
    for one in found:
        if one["type"] == "renderer":
            try:
                text = Path(f"/proc/{one['id']}/smaps_rollup").read_text()
            except OSError:
                continue
            sizes += [1024 * float(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")]
    return max(sizes)
