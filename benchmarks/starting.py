"""What it takes before the first log call: `import` and `init`, each in fresh processes, beside other recorders'."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile

from .figures import Figure, missing

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
PEERS = ("wandb", "mlflow")


def run(quick: bool) -> list[Figure]:
    repeats = 3 if quick else 15
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        home = f"{folder}/home"
        figures = [
            Figure("import stepwell", "ms", _times(_IMPORT, "stepwell", home, repeats), target=50),
            Figure("stepwell.init()", "ms", _times(_INIT, "", home, repeats), target=20, note="an agent already runs"),
        ]
        for name in PEERS:
            try:
                version = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                figures.append(missing(f"import {name}", "not installed"))
                continue
            times = _times(_IMPORT, name, home, min(repeats, 5))
            figures.append(Figure(f"import {name}", "ms", times, version=version))
    return figures


def _times(program: str, argument: str, home: str, repeats: int) -> tuple[float, ...]:
    """Milliseconds; the first is thrown away: it reads files from disk and starts the agent."""
    environment = {**os.environ, "STEPWELL_HOME": home, "STEPWELL_AGENT_LINGER_S": "30"}
    environment.pop("STEPWELL_SERVER", None)
    times = []
    for _ in range(repeats + 1):
        done = subprocess.run(
            [sys.executable, "-c", program, argument],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            timeout=120,
        )
        times += [took / 1e6 for took in json.loads(done.stdout.splitlines()[-1])]
    return tuple(times[1:])
