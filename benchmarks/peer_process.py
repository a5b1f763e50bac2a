"""`python -m benchmarks.peer_process TASK PEER FOLDER [ARGUMENT]`: what is done in the peer's own interpreter.

`calls`: each call timed, in rounds. `flood SECONDS WIDTH`: rows of WIDTH metrics as fast as the peer takes them for
so long, then closed. The standard library only, beside the peer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .environments import python_with
from .measure import in_turn, middle, summarise, time_calls
from .peers import PEERS, PINS, Peer

__all__ = ["BEGUN", "command"]

BEGUN = "begun"  # a file of the peer's folder: from here on counts what it costs
REST_S = 0.02
METRICS = 10
ROUNDS = 3
OWN_ROUNDS = 9  # of what takes no time


def command(peer: Peer, task: str, folder: Path | str, *arguments: str) -> list[str]:
    """To be run where `benchmarks` lies. Raises Absent where the peer cannot be had."""
    python = sys.executable
    if peer.pin:
        pin = PINS[peer.pin]
        python = python_with(pin.package, pin.version, pin.also)
    return [python, "-m", "benchmarks.peer_process", task, peer.name, str(folder), *arguments]


def _rows(width: int) -> list[dict[str, float]]:
    source = random.Random(0)
    return [{f"train/metric_{i}": source.random() for i in range(width)} for _ in range(64)]


def _calls(peer: Peer, folder: Path, share: float) -> list[dict[str, Any]]:
    """Some rounds, as one can meet the machine in a bad moment, of calls and dict copies that take turns."""
    rows = _rows(METRICS)
    calls = max(peer.burst, int(peer.calls * share))
    rounds = []
    with peer.open(folder) as log:
        time_calls(log, rows, min(1_000, calls), peer.burst, REST_S)
        for _ in range(ROUNDS if peer.pin else OWN_ROUNDS):
            turns = list(in_turn((None, dict.copy, log), rows, calls, peer.burst, REST_S))
            bare, _, logged = ([took for turn in one for took in turn] for one in zip(*turns, strict=True))
            copies = [
                (middle(called) - middle(clock)) / max(1.0, middle(copied) - middle(clock))
                for clock, copied, called in turns
            ]
            timing = summarise(logged, statistics.median(bare))
            rounds.append({**asdict(timing), "copies": statistics.median(copies)})
    return rounds


def _flood(peer: Peer, folder: Path, seconds: float, width: int) -> dict[str, float]:
    """Points, seconds to the end of what closing takes, and the process's own memory before (USS, bytes)."""
    rows = _rows(width)
    count = 0
    with peer.open(folder) as log:
        log(rows[0])
        own = _own_bytes()
        (folder / BEGUN).touch()
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds:
            for row in rows:
                log(row)
            count += len(rows)
    return {"points": count * width, "seconds": time.perf_counter() - begin, "own_bytes": own}


def _own_bytes() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=("calls", "flood"))
    parser.add_argument("peer")
    parser.add_argument("folder", type=Path)
    parser.add_argument("arguments", nargs="*", type=float)
    given = parser.parse_args()
    peer = next(one for one in PEERS if one.name == given.peer)
    result: Any
    if given.task == "calls":
        result = _calls(peer, given.folder, *given.arguments)
    else:
        seconds, width = given.arguments
        result = _flood(peer, given.folder, seconds, int(width))
    print("\n" + json.dumps(result), flush=True)
    # Some keep threads that wait for a server for ever; what was to be measured has been.
    os._exit(0)


if __name__ == "__main__":
    main()
