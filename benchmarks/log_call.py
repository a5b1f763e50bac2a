"""What `run.log` of ten floats costs the calling thread, beside a dict copy and other recorders."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from .environments import Absent
from .figures import Figure, missing
from .peer_process import command
from .peers import PEERS, PINS, Peer

__all__ = ["run"]

TARGETS_NS = {"p50": 300.0, "p99.9": 5_000.0}
DICT_COPIES = 2.5
_ROOT = Path(__file__).resolve().parents[1]
_LIMIT_S = 60.0


def run(quick: bool) -> Iterator[Figure]:
    """p50, p99 and p99.9 of each peer. Each runs in a process of its own."""
    for peer in PEERS:
        try:
            rounds = _measured(peer, quick)
        except Absent as why:
            yield missing(f"{peer.name}, p50", str(why))
            continue
        yield from _figures(peer, rounds)
        if peer.name == "stepwell":
            copies = tuple(one["copies"] for one in rounds)
            yield Figure("stepwell, p50 as dict copies", "dict copies", copies, target=DICT_COPIES)


def _figures(peer: Peer, rounds: list[dict[str, float]]) -> Iterator[Figure]:
    version = PINS[peer.pin].version if peer.pin else ""
    for part in ("p50", "p99", "p99.9"):
        values = tuple(one[f"{part.replace('.', '')}_ns"] for one in rounds)
        target = TARGETS_NS.get(part) if peer.name == "stepwell" else None
        figure = Figure(f"{peer.name}, {part}", "ns", values, target=target, version=version)
        if part == "p50":  # of the copies made in the same moments
            copies = statistics.median(one["copies"] for one in rounds)
            figure = replace(figure, against="dict copy, p50", ratio=copies)
        yield figure


def _measured(peer: Peer, quick: bool) -> list[dict[str, float]]:
    """What each round took. Raises Absent, with what the peer said where it failed."""
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        called = command(peer, "calls", folder, "0.1" if quick else "1")
        try:
            done = subprocess.run(
                called,
                capture_output=True,
                text=True,
                timeout=_LIMIT_S,
                check=False,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise Absent(f"not done after {_LIMIT_S:.0f} s") from error
    if done.returncode:
        if not peer.pin:  # of ours a failure is one
            raise RuntimeError(f"the benchmark of {peer.name} failed:\n{done.stderr[-2000:]}")
        raise Absent(f"it failed: {(done.stderr.strip().splitlines() or ['no word'])[-1][:300]}")
    rounds: list[dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return rounds
