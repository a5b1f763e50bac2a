"""Row 1: what `run.log` of ten floats costs the calling thread, beside a dict copy and other recorders."""

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

from .measure import clock_cost_ns, summarise, time_calls
from .peers import PEERS, Peer

__all__ = ["COLUMNS", "run"]

COLUMNS = ("recorder", "version", "p50", "p99", "p99.9", "p50 / dict copy")
REST_S = 0.02
METRICS = 10


def run(quick: bool) -> list[dict[str, Any]]:
    """One result a peer, `missing` true for one that is not installed. Each runs in a process of its own."""
    results: list[dict[str, Any]] = []
    for peer in PEERS:
        if peer.version is None:
            results.append({"name": peer.name, "missing": True})
            continue
        with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
            command = [sys.executable, "-m", "benchmarks.log_call", peer.name, folder, *(["--quick"] if quick else [])]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise RuntimeError(f"the benchmark of {peer.name} failed:\n{done.stderr[-2000:]}")
        timing = json.loads(done.stdout.splitlines()[-1])
        results.append({"name": peer.name, "version": peer.version, **timing})
    reference = next(r["p50_ns"] for r in results if r["name"] == "dict copy")
    for result in results:
        if not result.get("missing"):
            result["ratio"] = result["p50_ns"] / reference
    return results


def _measure(peer: Peer, folder: Path, quick: bool) -> dict[str, Any]:
    """The median of three rounds by each figure: one round can meet the machine in a bad moment."""
    source = random.Random(0)
    rows = [{f"train/metric_{i}": source.random() for i in range(METRICS)} for _ in range(64)]
    calls = peer.calls // (10 if quick else 1)
    with peer.open(folder) as log:
        time_calls(log, rows, min(1_000, calls), peer.burst, REST_S)
        rounds = [
            asdict(summarise(time_calls(log, rows, calls, peer.burst, REST_S), clock_cost_ns())) for _ in range(3)
        ]
    return {key: sorted(r[key] for r in rounds)[1] for key in rounds[0]}


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
