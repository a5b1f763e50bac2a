"""What `run.log` of ten floats costs the calling thread, beside a dict copy and other recorders."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .figures import Figure, compared, missing
from .measure import clock_cost_ns, summarise, time_calls
from .peers import PEERS, Peer

__all__ = ["run"]

REST_S = 0.02
METRICS = 10
TARGETS_NS = {"p50": 300.0, "p99.9": 5_000.0}


def run(quick: bool) -> list[Figure]:
    """p50, p99 and p99.9 of each peer. Each runs in a process of its own."""
    figures: list[Figure] = []
    for peer in PEERS:
        if peer.version is None:
            figures.append(missing(peer.name, "not installed"))
            continue
        with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
            command = [sys.executable, "-m", "benchmarks.log_call", peer.name, folder, *(["--quick"] if quick else [])]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise RuntimeError(f"the benchmark of {peer.name} failed:\n{done.stderr[-2000:]}")
        rounds = json.loads(done.stdout.splitlines()[-1])
        for part in ("p50", "p99", "p99.9"):
            values = tuple(one[f"{part.replace('.', '')}_ns"] for one in rounds)
            target = TARGETS_NS.get(part) if peer.name == "stepwell" else None
            figures.append(Figure(f"{peer.name}, {part}", "ns", values, target=target, version=peer.version))
    halves = [f for f in figures if f.what.endswith("p50") or f.absent]
    ratios = {f.what: f for f in compared(halves, "dict copy, p50", "ns")}
    return [ratios.get(f.what, f) for f in figures]


def _measure(peer: Peer, folder: Path, quick: bool) -> list[dict[str, Any]]:
    """Three rounds: one can meet the machine in a bad moment."""
    source = random.Random(0)
    rows = [{f"train/metric_{i}": source.random() for i in range(METRICS)} for _ in range(64)]
    calls = peer.calls // (10 if quick else 1)
    with peer.open(folder) as log:
        time_calls(log, rows, min(1_000, calls), peer.burst, REST_S)
        return [asdict(summarise(time_calls(log, rows, calls, peer.burst, REST_S), clock_cost_ns())) for _ in range(3)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    peer = next(p for p in PEERS if p.name == arguments.peer)
    print(json.dumps(_measure(peer, arguments.folder, arguments.quick)), flush=True)


if __name__ == "__main__":
    main()
