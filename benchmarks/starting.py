"""What it takes before the first log call: `import` and `init`, each in fresh processes, beside other recorders'."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace

from .environments import Absent, python_with
from .figures import Figure, missing
from .peers import PINS

__all__ = ["run"]

_IMPORT = """
import json, sys, time
begin = time.perf_counter_ns()
__import__(sys.argv[1])
print(json.dumps([time.perf_counter_ns() - begin]))
"""
_INIT = """
import json, time, stepwell
begin = time.perf_counter_ns()
run = stepwell.init(project="benchmark", settings={"quiet": True})
took = time.perf_counter_ns() - begin
run.finish()
print(json.dumps([took]))
"""
_WANDB = """
import json, os, sys, time, wandb
begin = time.perf_counter_ns()
run = wandb.init(project="benchmark", mode="offline", dir=sys.argv[1])
took = time.perf_counter_ns() - begin
run.finish()
print(json.dumps([took]))
"""
_MLFLOW = """
import json, sys, time, mlflow
begin = time.perf_counter_ns()
mlflow.set_tracking_uri(f"sqlite:///{sys.argv[1]}/mlflow.db")
mlflow.start_run()
took = time.perf_counter_ns() - begin
mlflow.end_run()
print(json.dumps([took]))
"""
_PEERS = (
    ("wandb", "wandb.init(), offline", _WANDB),
    ("mlflow", "mlflow.start_run(), its tables made before", _MLFLOW),
)
_PEER_REPEATS = 3
_LIMIT_S = 60.0
_QUIET = {"WANDB_SILENT": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


def run(quick: bool) -> Iterator[Figure]:
    repeats = 3 if quick else 15
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        home = f"{folder}/home"
        imported = Figure("import stepwell", "ms", _times(_IMPORT, "stepwell", home, repeats), target=50)
        begun = Figure(
            "stepwell.init()", "ms", _times(_INIT, "", home, repeats), target=20, note="an agent already runs"
        )
        yield from (imported, begun)
        for name, what, program in _PEERS:
            pin = PINS[name]
            try:
                python = python_with(pin.package, pin.version, pin.also)
                times = _times(_IMPORT, pin.package, home, _PEER_REPEATS, python)
                inits = _times(program, folder, home, _PEER_REPEATS, python)
            except (Absent, RuntimeError, subprocess.TimeoutExpired) as why:
                yield missing(f"import {name}", str(why))
                continue
            other = Figure(f"import {name}", "ms", times, version=pin.version, against=imported.what)
            yield replace(other, ratio=other.median / imported.median)
            other = Figure(what, "ms", inits, version=pin.version, against=begun.what)
            yield replace(other, ratio=other.median / begun.median)


def _times(program: str, argument: str, home: str, repeats: int, python: str = sys.executable) -> tuple[float, ...]:
    """Milliseconds; the first is thrown away: it reads files from disk and starts what goes on running.

    Raises RuntimeError with the last words of a program that failed.
    """
    environment = {**os.environ, **_QUIET, "STEPWELL_HOME": home, "STEPWELL_AGENT_LINGER_S": "30"}
    environment.pop("STEPWELL_SERVER", None)
    times = []
    for _ in range(repeats + 1):
        done = subprocess.run(
            [python, "-c", program, argument], capture_output=True, text=True, check=False, env=environment,
            timeout=_LIMIT_S,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:300])
        times += [took / 1e6 for took in json.loads(done.stdout.splitlines()[-1])]
    return tuple(times[1:])
