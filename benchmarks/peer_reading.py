"""`python -m benchmarks.peer_reading PEER FOLDER POINTS RUNS`: what reading back takes in the peer's own interpreter.

Writes by the peer's own API, as much as fits into some seconds, then asks three times for each of: one metric of
POINTS, one metric of RUNS runs, and (mlflow) the runs that pass a filter. Prints a line of JSON for each: what,
milliseconds, how many.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__: list[str] = []

_ASKS = 3
_WRITE_S = 12.0  # for each of what is written
_STEPS = 1_000  # of each of many runs
_PAGE = 1_000


def _told(what: str, ask: Callable[[], int]) -> None:
    """Three times; how many points or runs were read."""
    took = []
    count = 0
    for _ in range(_ASKS):
        begin = time.perf_counter()
        count = ask()
        took.append(1e3 * (time.perf_counter() - begin))
    if not count:  # then its speed means nothing
        raise RuntimeError(f"{what}: nothing of what was written came back")
    print("\n" + json.dumps({"what": what, "ms": took, "count": count}), flush=True)


def _late(begin: float) -> bool:
    return time.monotonic() - begin > _WRITE_S


def _tensorboard(folder: Path, points: int, runs: int) -> None:
    """Its files hold what a step's scalar is; loading them is what its page does before it shows anything."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    def write(place: Path, steps: int, begin: float) -> None:
        source = random.Random(0)
        place.mkdir(parents=True)
        with (place / "events.out.tfevents.1700000000.host").open("wb") as file:
            writer = RecordWriter(file)
            writer.write(Event(wall_time=1.7e9, file_version="brain.Event:2").SerializeToString())
            for step in range(steps):
                value = Summary(value=[Summary.Value(tag="loss", simple_value=source.random())])
                writer.write(Event(wall_time=1.7e9 + step, step=step, summary=value).SerializeToString())
                if step % 1024 == 0 and _late(begin):
                    return

    def load(place: Path) -> int:
        events = EventAccumulator(str(place), size_guidance={"scalars": 0})
        events.Reload()
        return len(events.Scalars("loss"))

    write(folder / "long", points, time.monotonic())
    _told("chart of one metric", lambda: load(folder / "long"))
    begin = time.monotonic()
    names = []
    for index in range(runs):
        if _late(begin):
            break
        names.append(folder / "many" / f"r{index}")
        write(names[-1], _STEPS, begin)
    _told(f"chart of {len(names)} runs", lambda: sum(map(load, names)))


def _aim(folder: Path, points: int, runs: int) -> None:
    from aim import Repo, Run

    def write(name: str, steps: int, begin: float) -> None:
        source = random.Random(0)
        run = Run(repo=str(folder), experiment=name, system_tracking_interval=None, log_system_params=False)
        for step in range(steps):
            run.track(source.random(), name=f"loss_{name}", step=step)
            if step % 256 == 0 and _late(begin):
                break
        run.close()

    def load(name: str) -> int:
        found = 0
        for metric in Repo(str(folder)).query_metrics(f"metric.name == 'loss_{name}'").iter():
            found += len(metric.values.sparse_numpy()[0])
        return found

    write("long", points, time.monotonic())
    _told("chart of one metric", lambda: load("long"))
    begin = time.monotonic()
    written = 0
    while written < runs and not _late(begin):
        write("many", _STEPS, begin)
        written += 1
    _told(f"chart of {written} runs", lambda: load("many"))


def _mlflow(folder: Path, points: int, runs: int) -> None:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    source = random.Random(0)

    def write(experiment: str, steps: int, begin: float) -> str:
        run = client.create_run(experiment).info.run_id
        client.log_batch(run, params=[Param("lr", str(10 ** source.uniform(-5, -1))), Param("kind", "resnet")])
        for start in range(0, steps, _PAGE):
            page = range(start, min(start + _PAGE, steps))
            client.log_batch(run, [Metric("loss", source.random(), 1_700_000_000_000 + step, step) for step in page])
            if _late(begin):
                break
        return str(run)

    def load(names: list[str]) -> int:
        return sum(len(client.get_metric_history(name, "loss")) for name in names)

    def search(experiment: str) -> int:
        found, token = 0, None
        while True:
            page: Any = client.search_runs([experiment], "metrics.loss > 0.5", max_results=_PAGE, page_token=token)
            found, token = found + len(page), page.token
            if not token:
                return found

    long = write(client.create_experiment("long"), points, time.monotonic())
    _told("chart of one metric", lambda: load([long]))
    many, begin = client.create_experiment("many"), time.monotonic()
    names: list[str] = []
    while len(names) < runs and not _late(begin):
        names.append(write(many, _STEPS, begin))
    _told(f"chart of {len(names)} runs", lambda: load(names))
    table, begin = client.create_experiment("table"), time.monotonic()
    listed = 0
    while listed < 100 * runs and not _late(begin):
        write(table, 1, begin)
        listed += 1
    _told(f"table of {listed:,} runs with a filter", lambda: search(table))


if __name__ == "__main__":
    name, place, count, many = sys.argv[1:]
    {"tensorboard": _tensorboard, "aim": _aim, "mlflow": _mlflow}[name](Path(place), int(count), int(many))
    os._exit(0)  # some keep threads that never end
