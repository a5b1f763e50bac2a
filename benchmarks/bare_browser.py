"""Chromium with nothing listening to it: a person's browser reports none of its requests to anybody.

A driver such as Playwright has the browser tell it of each request, with the stack of whoever made it, and of every
frame and target: a fifth of the processor time until a page's first chart. Here the DevTools protocol is spoken only to
open an address and to ask, now and then, whether it is there.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .browser import FLAGS, WAIT_MS, WATCH, chromium_path
from .serving import Site

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

__all__ = ["BareBrowser", "BareTab", "bare_browser"]

_LOOK_S = 0.05
_PAGE = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}


class BareTab:
    """A signed-in tab of a fresh profile."""

    def __init__(self, browser: BareBrowser, session: str) -> None:
        self._browser, self._session = browser, session

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.send(method, parameters, self._session)

    def ask(self, expression: str) -> Any:
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def throttle(self, times: float) -> None:
        """Slows the page's main thread down."""
        self.send("Emulation.setCPUThrottlingRate", rate=times)

    def empty(self) -> None:
        """An empty page, and nothing in the cache."""
        self.send("Page.navigate", url="about:blank")
        self.send("Network.clearBrowserCache")

    def first_chart(self, url: str) -> float:
        """Loads the address; milliseconds from the start of the navigation to its first curve."""
        self.send("Page.navigate", url=url)
        for _ in range(round(WAIT_MS / 1000 / _LOOK_S)):
            time.sleep(_LOOK_S)
            shown = float(self.ask("window.__benchmark?.firstChart ?? 0"))
            if shown:
                return shown
        raise TimeoutError(f"no chart was drawn for a minute at {url}")

    def main_thread_s(self) -> float:
        """Seconds of work so far."""
        metrics = self.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


class BareBrowser:
    def __init__(self, line: ClientConnection) -> None:
        self._line, self._sent = line, 0

    def send(self, method: str, parameters: dict[str, Any], session: str = "") -> dict[str, Any]:
        """Raises RuntimeError for what the browser refuses."""
        self._sent += 1
        call: dict[str, Any] = {"id": self._sent, "method": method, "params": parameters}
        self._line.send(json.dumps(call | ({"sessionId": session} if session else {})))
        while True:
            said = json.loads(self._line.recv(timeout=WAIT_MS / 1000))
            if said.get("id") == self._sent:
                if "error" in said:
                    raise RuntimeError(f"Chromium refused {method}: {said['error'].get('message')}")
                return dict(said["result"])

    @contextmanager
    def tab(self, site: Site) -> Iterator[BareTab]:
        context = self.send("Target.createBrowserContext", {})
        try:
            target = self.send("Target.createTarget", {"url": "about:blank", **context})
            attached = self.send("Target.attachToTarget", {**target, "flatten": True})
            opened = BareTab(self, attached["sessionId"])
            opened.send("Page.enable")
            opened.send("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
            opened.send("Performance.enable", timeDomain="threadTicks")
            opened.send("Emulation.setDeviceMetricsOverride", **_PAGE)
            opened.send("Page.navigate", url=f"{site.url}/login?ticket={site.ticket()}")
            for _ in range(round(WAIT_MS / 1000 / _LOOK_S)):
                if "Projects" in str(opened.ask("document.querySelector('h1')?.textContent")):
                    break
                time.sleep(_LOOK_S)
            yield opened
        finally:
            self.send("Target.disposeBrowserContext", context)


@contextmanager
def bare_browser() -> Iterator[BareBrowser]:
    from websockets.sync.client import connect

    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as profile:
        command = [
            str(chromium_path()),
            *FLAGS,
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(_address(process, Path(profile) / "DevToolsActivePort"), max_size=None) as line:
                yield BareBrowser(line)
        finally:
            process.terminate()
            process.wait()


def _address(process: subprocess.Popen[bytes], file: Path) -> str:
    """Chromium writes port and path there once it listens."""
    for _ in range(round(WAIT_MS / 1000 / _LOOK_S)):
        said = file.read_text().split() if file.exists() else []
        if len(said) == 2:
            return f"ws://127.0.0.1:{said[0]}{said[1]}"
        if process.poll() is not None:
            break
        time.sleep(_LOOK_S)
    raise RuntimeError("Chromium did not start, or does not listen")
