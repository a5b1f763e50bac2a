"""Points per second from `run.log` to durable rows, sustained, all processes on this machine, beside a bare insert.

The training process logs for half a minute, as fast as what it has logged is stored: it holds back while more than
UNDERWAY points are on their way, as one that computes between its steps does. A rate is of everything logged, until the
last of it is durable. The bare insert writes rows of the same shape, from Native blocks made beforehand, into the same
table of a fresh store of the same kind: what the engine itself can take. It is given rows of new runs again and again,
and only its inserts are timed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

from .figures import Figure
from .servers import metrics_of, stores_of
from .serving import Site, serving
from .stages import stages

__all__ = ["WIDTHS", "agent_of", "cpu_s", "fresh", "native_blocks", "run", "stored_rows", "wait_until"]

T = TypeVar("T")

WIDTHS = (64, 10)  # metrics a row; the first is what the costs are told of
TARGET = 1.5e6  # points a second
SHARE = 0.5  # of the bare insert
SUSTAINED_S = (30.0, 15.0)  # of each width
UNDERWAY = 4_000_000
PACE = 4e6  # points a second at the most, so that a burst does not make the ring grow
START_S = 60.0
_BLOCK_ROWS = 500_000  # Settings.flush_rows
_LOOK_S = 0.2
_STALL_S = 15.0
_MARK = bytes([0xA5] * 16)  # the run of prepared blocks: bytes that no other column has, the same in any order
_ROOT = Path(__file__).resolve().parents[1]
# name, unit, key of the result, target; the embedded engine's own work is in its service's process.
_COSTS = (
    ("agent, CPU", "ms/M points", "agent_ms_per_million", {"embedded": 150.0, "server": 150.0}),
    ("service {}, CPU", "ms/M points", "service_ms_per_million", {"embedded": 680.0, "server": 150.0}),
    ("agent, memory", "bytes", "agent_bytes", {"embedded": 80e6, "server": 80e6}),
    ("training process, memory added", "bytes", "added_bytes", {"embedded": 10e6, "server": 10e6}),
    ("service {}, memory when idle", "bytes", "service_bytes", {"embedded": 550e6, "server": 550e6}),
)
_SERVICE = {"embedded": "with chDB", "server": "without a database"}


def run(quick: bool, store: str) -> Iterator[Figure]:
    """Every measurement in a process and a store of its own."""
    for width, sustained_s in zip(WIDTHS, SUSTAINED_S, strict=True):
        seconds = 2.0 if quick else sustained_s
        whole = _in_a_process("whole", store, width, seconds)
        rate = whole["points"] / whole["seconds"]
        note = f"{whole['points']:,} points in {whole['seconds']:.1f} s, of which {whole['logged_s']:.1f} s of logging"
        shape = f"{width} metrics a row"
        yield Figure(f"log to stored, {shape}", "points/s", (rate,), TARGET, at_least=True, note=note)
        missing_points = whole["points"] - whole["stored"]
        yield Figure(f"points not stored, {shape}", "points", (missing_points,), target=0, note="dropped ones included")
        if width == WIDTHS[0]:
            yield from _costs(whole, store)
        bare = _in_a_process("bare", store, width, seconds)  # as long: merging comes later than inserting
        of_bare = bare["points"] / bare["seconds"]
        note = f"{bare['points']:,} points in {bare['seconds']:.1f} s"
        yield Figure(f"bare insert, {shape}", "points/s", (of_bare,), note=note)
        if store == "embedded" and width == WIDTHS[0]:
            cost = 1e9 * bare["cpu_s"] / bare["points"]
            yield Figure("bare insert with chDB, CPU", "ms/M points", (cost,), note="of all its threads, merging too")
        yield Figure(f"share of the bare insert, {shape}", "", (rate / of_bare,), SHARE, at_least=True)


def _costs(whole: dict[str, Any], store: str) -> Iterator[Figure]:
    for what, unit, key, targets in _COSTS:
        yield Figure(what.format(_SERVICE[store]), unit, (whole[key],), target=targets[store])
    for stage, cost in whole["stages"].items():
        yield Figure(f"of the service's CPU: {stage}", "ms/M points", (cost,))


def _in_a_process(what: str, store: str, width: int, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, "STEPWELL_HOME": f"{folder}/home", "STEPWELL_AGENT_LINGER_S": "1"}
        command = [sys.executable, "-m", "benchmarks.end_to_end", what, store, folder, str(width), str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=_ROOT)
    if done.returncode:
        raise RuntimeError(f"{what}, {width} metrics a row: {done.stderr.strip()[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _rows(width: int) -> list[dict[str, float]]:
    source = random.Random(0)
    return [{f"layer_{i % 10}/metric_{i}": source.gauss(0, 1) for i in range(width)} for _ in range(256)]


def _whole_path(store: str, folder: Path, width: int, seconds: float) -> dict[str, Any]:
    import stepwell

    home = Path(os.environ["STEPWELL_HOME"])
    with stores_of(store, folder) as stores, serving(home, stores.settings) as site:
        service = psutil.Process(site.pid)
        idle = service.memory_full_info().uss
        data = _rows(width)
        recorder = stepwell.init(project="benchmark", settings={"quiet": True, "console": False, "capture": False})
        recorder.log(data[0])
        wait_until(lambda: stored_rows(site) > 0, "the first row to be stored")
        agent = agent_of(home)
        before = [cpu_s(agent), cpu_s(service)]
        spent = stages(site)
        own = psutil.Process().memory_full_info().uss
        begin = time.perf_counter()
        rows = 1 + _log(recorder, data, site, seconds)
        logged_s = time.perf_counter() - begin
        added = psutil.Process().memory_full_info().uss - own
        agent_bytes, agent_s = agent.memory_full_info().uss, cpu_s(agent) - before[0]
        recorder.finish(timeout=120)
        stored, ended, service_s = _stored(recorder.id, rows * width, service)
        took = ended - begin
        service_s -= before[1]
        by_stage = {name: cost - spent.get(name, 0.0) for name, cost in stages(site).items()}
        by_stage["engine and gRPC"] = max(0.0, service_s - _of_threads(by_stage))
    points = rows * width
    return {
        "points": points,
        "seconds": took,
        "logged_s": logged_s,
        "stored": stored,
        "agent_ms_per_million": 1e9 * agent_s / points,
        "service_ms_per_million": 1e9 * service_s / points,
        "agent_bytes": agent_bytes,
        "added_bytes": max(0, added),
        "service_bytes": idle,
        "stages": {name: 1e9 * cost / points for name, cost in by_stage.items()},
    }


def _stored(id: str, points: int, service: psutil.Process) -> tuple[int, float, float]:
    """How many of the points are there, since when, and the service's CPU seconds by then.

    Once it is all of them, or no more come: `finish` gives up on a service that says nothing for some seconds, and the
    agent goes on without it. To count them costs the service too, so what counts is when it was asked.
    """
    import stepwell

    stored, since, spent_s = -1, time.perf_counter(), 0.0
    while True:
        asked, so_far_s = time.perf_counter(), cpu_s(service)
        found = sum(info.points for info in stepwell.Api().run(f"benchmark/{id}").metrics)
        if found > stored:
            stored, since, spent_s = found, asked, so_far_s
        if stored >= points or asked - since > _STALL_S:
            return stored, since, spent_s
        time.sleep(0.1)


def _of_threads(by_stage: dict[str, float]) -> float:
    """The event loop's thread holds receive and ack."""
    return sum(cost for name, cost in by_stage.items() if name not in ("receive", "ack"))


def _log(recorder: Any, data: Sequence[dict[str, float]], site: Site, seconds: float) -> int:
    """Rows logged in so many seconds."""
    log, width = recorder.log, len(data[0])
    rows = 0
    begin = look = time.perf_counter()
    already = stored_rows(site)
    room = UNDERWAY
    while (now := time.perf_counter()) - begin < seconds:
        if now - look > _LOOK_S or room < len(data) * width:
            room = UNDERWAY - (rows * width - (stored_rows(site) - already))
            look = now
        if room < len(data) * width:
            time.sleep(_LOOK_S)  # to be asked costs the service: seldom, and much is underway meanwhile
            continue
        for row in data:
            log(row)
        rows += len(data)
        room -= len(data) * width
        time.sleep(len(data) * width / PACE)
    return rows


def stored_rows(site: Site) -> int:
    """Over all tables: a few more than there are points."""
    for line in site.figures().splitlines():
        if line.startswith("stepwell_rows_total "):
            return int(float(line.split()[1]))
    return 0


def agent_of(home: Path) -> psutil.Process:
    """The one that the first log call of this home has started: where two were, one finds the other and ends."""

    def found() -> psutil.Process | None:
        agents = []
        for process in psutil.process_iter():
            try:
                if "stepwell.agent" in process.cmdline() and process.environ().get("STEPWELL_HOME") == str(home):
                    agents.append(process)
            except psutil.Error:
                continue
        return agents[0] if len(agents) == 1 else None

    return wait_until(found, f"one agent of {home}")


def wait_until(condition: Callable[[], T | None], what: str) -> T:
    """What it gives once that is true. Raises TimeoutError after a minute."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(f"waited {START_S:.0f} s in vain for {what}")


def cpu_s(process: psutil.Process) -> float:
    """User and system seconds so far."""
    times = process.cpu_times()
    return times.user + times.system


def _bare_insert(store: str, folder: Path, width: int, seconds: float) -> dict[str, Any]:
    made = native_blocks(width, _BLOCK_ROWS, 2)
    with metrics_of(store, folder) as (metrics, _):
        points, took, busy_s = 0, 0.0, time.process_time()
        while took < seconds:
            for block in made:
                made_s = time.thread_time()
                renamed = fresh(block)
                busy_s += time.thread_time() - made_s  # none of the engine's
                begin = time.perf_counter()
                metrics.insert_native("scalars", renamed)
                took += time.perf_counter() - begin
                points += _BLOCK_ROWS // width * width
        busy_s = time.process_time() - busy_s
    return {"points": points, "seconds": took, "cpu_s": busy_s}


def fresh(block: bytes) -> bytes:
    """The same rows of a run of their own."""
    return block.replace(_MARK, uuid.uuid4().bytes)


def native_blocks(width: int, points: int, count: int) -> list[bytes]:
    """As the service makes them of an agent's blocks, of a run whose key is _MARK, one after the other."""
    from stepwell import _core

    data = [list(row.items()) for row in _rows(width)]
    rows, block_rows, made = points // width, 4_096, []
    for number in range(count):
        batch = _core.NativeBatch()
        for start in range(number * rows, (number + 1) * rows, block_rows):
            block = _core.BlockBuilder(
                project="benchmark", id="bare", run=_MARK, rank=0, attempt=1, writer=1, created_ms=1_700_000_000_000
            )
            for i in range(start, min(start + block_rows, (number + 1) * rows)):
                block.add_row(data[i & 255], i + 1, i, 1_700_000_000_000 + i)
            batch.add(block.encode()[1])
        made.append(batch.build("scalars"))
    return made


def main() -> None:
    what, store, folder, width, seconds = sys.argv[1:]
    task = _whole_path if what == "whole" else _bare_insert
    print(json.dumps(task(store, Path(folder), int(width), float(seconds))), flush=True)


if __name__ == "__main__":
    main()
