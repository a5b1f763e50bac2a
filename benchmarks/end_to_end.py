"""Points per second from `run.log` to durable rows, all processes on this machine, beside a bare insert.

The bare insert writes the same number of rows, from Native blocks built beforehand, into the same table of an
empty store: what the engine itself can take. Both use the embedded store, or the server of STEPWELL_METRICS_URL.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from .figures import Figure
from .serving import serving

__all__ = ["run"]

METRICS = 50
TARGET = 1.5e6  # points a second
SHARE = 0.5  # of the bare insert
START_S = 30.0
COSTS = (  # the service's CPU holds that of the embedded engine, which alone takes 530 ms a million
    ("agent, CPU a million points", "ms", "agent_ms_per_million", 150.0),
    ("service with chDB, CPU a million points", "ms", "service_ms_per_million", 680.0),
    ("agent, memory of its own under load", "bytes", "agent_bytes", 80e6),
    ("training process, memory added by logging", "bytes", "added_bytes", 10e6),
    ("service with chDB, memory of its own when idle", "bytes", "service_bytes", 550e6),
)


def run(quick: bool) -> list[Figure]:
    """The whole path, and the bare insert of as many rows, each in a process and a home of its own."""
    rows = 20_000 if quick else 1_000_000
    rates: dict[str, float] = {}
    figures = []
    for name in ("log to stored", "bare insert"):
        with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
            environment = {**os.environ, "STEPWELL_HOME": f"{folder}/home"}
            command = [sys.executable, "-m", "benchmarks.end_to_end", name, folder, str(rows)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=900)
        if done.returncode:
            raise RuntimeError(f"the benchmark {name!r} failed:\n{done.stderr[-3000:]}")
        result = json.loads(done.stdout.splitlines()[-1])
        rates[name] = result["points_per_s"]
        whole = name == "log to stored"
        note = f"{result['points']:,} points in {result['seconds']:.1f} s"
        figures.append(Figure(name, "points/s", (rates[name],), TARGET if whole else None, at_least=whole, note=note))
        if whole:
            figures.append(Figure("points not stored", "points", (result["missing_points"],), target=0))
            figures += [Figure(what, unit, (result[key],), target=target) for what, unit, key, target in COSTS]
    share = Figure(
        "share of the bare insert", "", (rates["log to stored"] / rates["bare insert"],), SHARE, at_least=True
    )
    return [*figures, share]


def _rows() -> list[dict[str, float]]:
    source = random.Random(0)
    return [{f"layer_{i % 10}/metric_{i}": source.gauss(0, 1) for i in range(METRICS)} for _ in range(256)]


def _whole_path(rows: int) -> dict[str, Any]:
    import stepwell

    with serving(Path(os.environ["STEPWELL_HOME"])) as site:
        service = psutil.Process(site.pid)
        idle = service.memory_full_info().uss
        data = _rows()
        recorder = stepwell.init(project="benchmark", settings={"quiet": True, "console": False, "capture": False})
        log = recorder.log
        log(data[0])
        agent = _agent(site.home)
        before = [_cpu_s(agent), _cpu_s(service)]
        own = psutil.Process().memory_full_info().uss
        begin = time.perf_counter()
        for i in range(1, rows):
            log(data[i & 255])
        added = psutil.Process().memory_full_info().uss - own
        agent_bytes = agent.memory_full_info().uss
        agent_s = _cpu_s(agent) - before[0]
        recorder.finish(timeout=600)
        seconds = time.perf_counter() - begin
        service_s = _cpu_s(service) - before[1]
        stored = sum(info.points for info in stepwell.Api().run(f"benchmark/{recorder.id}").metrics)
    points = rows * METRICS
    return {
        "points": points,
        "seconds": seconds,
        "points_per_s": points / seconds,
        "missing_points": points - stored,
        "agent_ms_per_million": 1e9 * agent_s / points,
        "service_ms_per_million": 1e9 * service_s / points,
        "agent_bytes": agent_bytes,
        "added_bytes": max(0, added),
        "service_bytes": idle,
    }


def _agent(home: Path) -> psutil.Process:
    """The one that the first log call of this home has started."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        for process in psutil.process_iter():
            try:
                if "stepwell.agent" in process.cmdline() and process.environ().get("STEPWELL_HOME") == str(home):
                    return process
            except psutil.Error:
                continue
        time.sleep(0.05)
    raise RuntimeError(f"no agent of {home} was found")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _bare_insert(folder: Path, rows: int) -> dict[str, Any]:
    from stepwell import _core
    from stepwell.stores.metrics import open_metrics

    data = [list(row.items()) for row in _rows()]
    batch_rows = 10_000
    blocks = []
    for start in range(0, rows, batch_rows):
        block = _core.BlockBuilder(
            project="benchmark", id="bare", run=bytes(16), rank=0, attempt=1, writer=1, created_ms=1_700_000_000_000
        )
        for i in range(start, min(start + batch_rows, rows)):
            block.add_row(data[i & 255], i + 1, i, 1_700_000_000_000 + i)
        batch = _core.NativeBatch()
        batch.add(block.encode()[1])
        blocks.append(batch.build("scalars"))
    # On a server the rows go beside those of the whole path, under a run of their own.
    store = open_metrics(os.environ.get("STEPWELL_METRICS_URL") or f"chdb://{folder / 'bare'}")
    store.migrate()
    begin = time.perf_counter()
    for native in blocks:
        store.insert_native("scalars", native)
    seconds = time.perf_counter() - begin
    store.close()
    points = rows * METRICS
    return {"points": points, "seconds": seconds, "points_per_s": points / seconds, "missing_points": 0}


def main() -> None:
    name, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    result = _whole_path(rows) if name == "log to stored" else _bare_insert(folder, rows)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
