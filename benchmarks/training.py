"""A training process of its own, and when it logged each step."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

__all__ = ["Training", "training"]


class Training:
    """`id` of its run; `logged`: step to the wall time (s) just before its log call."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            raise RuntimeError("the training process ended before its first step")
        self.id: str = json.loads(first)["id"]
        self.logged: dict[int, float] = {}
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            self.logged[said["step"]] = said["time"]

    def wait(self, timeout_s: float) -> None:
        """For its last step."""
        self._process.wait(timeout_s)
        self._reader.join(timeout_s)


@contextmanager
def training(home: Path, project: str, *, metrics: int, every_s: float, steps: int) -> Iterator[Training]:
    """`metrics` scalars every `every_s` seconds; ended with the block."""
    arguments = [project, str(metrics), str(every_s), str(steps)]
    environment = {**os.environ, "STEPWELL_HOME": str(home), "STEPWELL_QUIET": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.training", *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield Training(process)
    finally:
        process.terminate()
        process.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("project")
    parser.add_argument("metrics", type=int)
    parser.add_argument("every_s", type=float)
    parser.add_argument("steps", type=int)
    given = parser.parse_args()
    import stepwell

    source = random.Random(0)
    with stepwell.init(project=given.project, settings={"console": False, "capture": False}) as run:
        print(json.dumps({"id": run.id}), flush=True)
        begin = time.monotonic()
        for step in range(given.steps):
            at = time.time()
            run.log({f"live/metric_{i:03d}": source.gauss(0, 1) + i for i in range(given.metrics)}, step=step)
            print(json.dumps({"step": step, "time": at}), flush=True)
            time.sleep(max(0.0, begin + (step + 1) * given.every_s - time.monotonic()))


if __name__ == "__main__":
    main()
