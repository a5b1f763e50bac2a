"""How long after `run.log` a point is in the query API's answers, asked over HTTP as a client would."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from .figures import Figure, quantile
from .servers import stores_of
from .serving import Site, home_of, serving
from .training import training

__all__ = ["run"]

EVERY_S = 0.1
METRIC = "live/metric_000"
BETWEEN_S = 0.02  # two questions


def run(quick: bool, store: str) -> list[Figure]:
    steps = 50 if quick else 300
    with (
        tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder,
        home_of(Path(folder) / "home") as home,
        stores_of(store, Path(folder)) as stores,
        serving(home, stores.settings) as site,
    ):
        delays = _delays(site, steps)
    note = f"{len(delays)} points, ten a second, of 10 metrics"
    return [
        Figure("log to query API, p50", "ms", (quantile(delays, 0.5),), target=600, note=note),
        Figure("log to query API, p99", "ms", (quantile(delays, 0.99),), target=2000),
        Figure("log to query API, longest", "ms", (max(delays),)),
    ]


def _delays(site: Site, steps: int) -> list[float]:
    seen: dict[int, float] = {}
    with training(site.home, "visible", metrics=10, every_s=EVERY_S, steps=steps) as trained:
        deadline = time.monotonic() + steps * EVERY_S + 60
        while len(seen) < steps and time.monotonic() < deadline:
            last = _last_step(site, trained.id)
            now = time.time()
            for step in range(len(seen), last + 1):
                seen[step] = now
            time.sleep(BETWEEN_S)
        trained.wait(60)
        return [1000 * (seen[step] - at) for step, at in trained.logged.items() if step in seen]


def _last_step(site: Site, id: str) -> int:
    """Of what a chart would be given; -1 where there is nothing yet."""
    opened = _ask(site, f"opening?project=visible&run={id}", None)
    if not opened["runs"]:
        return -1
    asked = {"series": [{"run": opened["runs"][0]["uuid"], "metric": METRIC}]}
    [one] = _ask(site, "series", asked)["body"]
    return int(one["points"]) - 1


def _ask(site: Site, path: str, body: Any) -> Any:
    headers = {"Authorization": f"Bearer {site.token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{site.url}/api/v1/{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        content = answer.read()
    if answer.headers["Content-Type"].startswith("application/json"):
        return json.loads(content)
    return json.loads(content[4 : 4 + int.from_bytes(content[:4], "little")])
