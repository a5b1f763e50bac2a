"""Charts and tables of other recorders, of data that they wrote themselves: as much as they can in some seconds.

That is less than what `reading` asks of stepwell (the note says how much), so what stands beside it flatters them.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .environments import Absent, python_with
from .figures import Figure, missing
from .peers import PINS

__all__ = ["run"]

_PEERS = ("tensorboard", "aim", "mlflow")
_LIMIT_S = 120.0
_ROOT = Path(__file__).resolve().parents[1]


def run(quick: bool) -> Iterator[Figure]:
    points, runs = (20_000, 3) if quick else (1_000_000, 100)
    for name in _PEERS:
        pin = PINS[name]
        try:
            python = python_with(pin.package, pin.version, pin.also)
            lines = _asked(python, name, points, runs)
        except Absent as why:
            yield missing(f"{name}, chart of one metric", str(why))
            continue
        for line in lines:
            note = f"{line['count']:,} {'runs found' if 'table' in line['what'] else 'points'}"
            yield Figure(f"{name}, {line['what']}", "ms", tuple(line["ms"]), version=pin.version, note=note)


def _asked(python: str, name: str, points: int, runs: int) -> list[dict[str, object]]:
    """Raises Absent, with what the peer said where it failed before its first answer."""
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        command = [python, "-m", "benchmarks.peer_reading", name, folder, str(points), str(runs)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                cwd=_ROOT,
                timeout=_LIMIT_S,
            )
            out, errors = done.stdout, done.stderr
        except subprocess.TimeoutExpired as error:
            out, errors = (error.stdout or b"").decode(errors="replace"), f"not done after {_LIMIT_S:.0f} s"
    answers = [json.loads(line) for line in out.splitlines() if line.startswith('{"what"')]
    if not answers:
        raise Absent(f"it failed: {(errors.strip().splitlines() or ['no word'])[-1][:300]}")
    return answers
