"""A real service with real runs, and a real browser that is signed in."""

from __future__ import annotations

import json
import math
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving import Service
from support import AT_ONCE, REQUIRE_ALL, end_processes_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",
]
Recording = Callable[[], "dict[str, str]"]
"""Records runs and returns their ids by names."""
HOSTILE = "<img src=x onerror=alert(1)> ünïcödé 名前 " + "long " * 50


def _missing() -> str:
    from importlib.util import find_spec

    if CHROMIUM is None:
        return "chromium is not installed"
    if find_spec("playwright") is None:
        return "playwright is not installed"
    import stepwell

    if not (Path(stepwell.__file__).parent / "web" / "index.html").is_file():
        return "this build has no page"
    return ""


@pytest.fixture(scope="module", autouse=True)
def _everything_is_there() -> None:
    missing = _missing()
    if missing and REQUIRE_ALL:
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)


class Served:
    """One service for all modules of a worker. Each records what it needs, in projects of its own, once."""

    def __init__(self, home: Path) -> None:
        self.home, self.service = home, Service(home)
        self._ids: dict[Recording, dict[str, str]] = {}

    @contextmanager
    def holding(self, recordings: Iterable[Recording]) -> Iterator[Site]:
        """The site with these recordings; until the end, what this process records and reads goes to it too."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STEPWELL_HOME", str(self.home))
            patch.setenv("STEPWELL_QUIET", "1")
            patch.setenv("STEPWELL_CAPTURE", "0")  # it takes longer than the short runs that are recorded here
            patch.setenv("STEPWELL_AGENT_LINGER_S", "1")
            patch.setenv("STEPWELL_FINISH_STALL_TIMEOUT_S", "60")  # what is recorded is there when it is looked at
            for name, value in AT_ONCE.items():
                patch.setenv(name, value)
            patch.delenv("STEPWELL_SERVER", raising=False)
            if self.service.process is None:
                self.service.start()
            for recording in recordings:
                if recording not in self._ids:
                    self._ids[recording] = recording()
            ids = {name: id for recording in recordings for name, id in self._ids[recording].items()}
            yield Site(self.home, self.service, ids)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("page") / "home")
    try:
        yield served
    finally:
        if served.service.process is not None:
            served.service.stop()
        end_processes_of(served.home)


@pytest.fixture(scope="module")
def recordings() -> tuple[Recording, ...]:
    """What the site holds; modules with runs of their own override it."""
    return (record,)


@pytest.fixture(scope="module")
def site(served: Served, recordings: tuple[Recording, ...]) -> Iterator[Site]:
    with served.holding(recordings) as found:
        yield found


class Site:
    """Where the service is, and the ids of the runs by their names."""

    def __init__(self, home: Path, service: Service, ids: dict[str, str]) -> None:
        self.home, self.service, self.ids = home, service, ids

    @property
    def address(self) -> dict[str, Any]:
        return json.loads((self.home / "service.json").read_text())  # type: ignore[no-any-return]

    @property
    def url(self) -> str:
        return str(self.address["url"])

    def ticket(self) -> str:
        headers = {"Authorization": f"Bearer {self.address['token']}"}
        request = urllib.request.Request(self.url + "/api/v1/login", method="POST", headers=headers)
        with urllib.request.urlopen(request) as answer:
            return str(json.load(answer)["ticket"])


def record() -> dict[str, str]:
    """Two runs to compare, one with a hostile name, one of 1,500 metrics, one that failed."""
    import stepwell

    ids = {}
    for name, lr in (("vit-lr0.01", 0.01), ("vit-lr0.03", 0.03)):
        config = {"lr": lr, "model": {"depth": 12, "kind": "vit"}, "seed": 1}
        settings = {"capture": True}
        with stepwell.init(project="vision", name=name, config=config, tags=["sweep"], settings=settings) as run:
            ids[name] = run.id
            _train(run, lr)
    with stepwell.init(project="vision", name=HOSTILE) as run:
        ids["hostile"] = run.id
        for step in range(20):
            run.log({"<b>bold</b>/<script>": step})
    with stepwell.init(project="wide", name="1500") as run:
        ids["wide"] = run.id
        for step in range(20):
            run.log({f"layer{index // 50:02d}/p{index % 50:02d}": math.sin(index + step) for index in range(1500)})
    run = stepwell.init(project="vision", name="broken")
    run.log({"train/loss": 1.0})
    run.finish(exit_code=1)
    return {**ids, "broken": run.id}


def _train(run: Any, lr: float) -> None:
    import stepwell

    rng = np.random.default_rng(0)
    for step in range(3000):
        loss = 2 * math.exp(-step * lr / 10) + 0.1 * rng.random()
        if step == 1500:
            loss = 9.0  # a spike that no view may hide
        if step in (1000, 1001):
            loss = math.nan
        run.log({"train/loss": loss, "train/acc": 1 - math.exp(-step / 800), "optim/lr": lr}, step=step)
        if step % 100 == 0:
            run.log({"grad/w": stepwell.Histogram(rng.normal(size=500) * math.exp(-step / 900))}, step=step)
            print(f"\x1b[32mstep {step}\x1b[0m loss {loss:.3f}")
    run.log({"val/confusion": json.dumps({"labels": ["cat", "dog"], "matrix": [[40, 3], [5, 52]]})})
    run.summary["best"] = 0.93


@pytest.fixture
def record_run(site: Site) -> Callable[..., str]:
    """Records a short run of (project, name) and returns its id."""

    def one(project: str, name: str) -> str:
        import stepwell

        with stepwell.init(project=project, name=name) as run:
            run.log({"loss": 0.5})
        return str(run.id)

    return one


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


class Tab:
    """A signed-in page; what the browser complains about fails the test that drove it."""

    def __init__(self, page: Any, site: Site) -> None:
        self.page, self.site, self.complaints = page, site, list[str]()
        self.expected: tuple[str, ...] = ()
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def go(self, place: str) -> Any:
        self.page.goto(f"{self.site.url}/#{place}")
        return self.page

    def shot(self, name: str) -> None:
        folder = os.environ.get("STEPWELL_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.fixture(scope="module")
def signed_in(browser: Any, site: Site) -> Iterator[Any]:
    """One browser's profile for all tests of a module: it fetches and compiles the page's code once."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    assert context.request.get(f"{site.url}/login?ticket={site.ticket()}").ok
    context.new_page().goto(f"{site.url}/healthz")  # keeps the process that draws the site's pages from one to the next
    yield context
    context.close()


@pytest.fixture
def tab(request: pytest.FixtureRequest, signed_in: Any, site: Site) -> Iterator[Tab]:
    """Parametrise indirectly with {"width", "height", "dark"}. What one test leaves in the profile, no other finds."""
    wanted = {"width": 1280, "height": 800, "dark": False, **getattr(request, "param", {})}
    page = signed_in.new_page()
    page.set_viewport_size({"width": wanted["width"], "height": wanted["height"]})
    page.emulate_media(color_scheme="dark" if wanted["dark"] else "light")
    made = Tab(page, site)
    yield made
    page.evaluate("window.localStorage.clear()")
    page.close()
    unexpected = [said for said in made.complaints if not any(part in said for part in made.expected)]
    assert not unexpected, unexpected
