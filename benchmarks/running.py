"""One subject in a process of its own, for at most its time: what fails or hangs there costs the others nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from .figures import Figure, from_json
from .subjects import Subject

__all__ = ["Result", "measure"]

_ROOT = Path(__file__).resolve().parents[1]
_END_S = 10.0
_KEPT = ("STEPWELL_COMPONENTS",)  # where the real servers are installed


@dataclass(frozen=True)
class Result:
    """Of one subject. failed: why it did not come to its end; the figures are those it had until then."""

    key: str
    about: str
    seconds: float
    figures: tuple[Figure, ...]
    failed: str = ""


def measure(subject: Subject, quick: bool, install: bool = True, limit_s: float | None = None) -> Result:
    """limit_s: of Subject, where not given. install: an environment that a peer lacks may be made."""
    limit_s = limit_s or subject.seconds(quick)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # Nothing of the user's own stepwell: what is measured neither reads nor writes there.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STEPWELL_") or name in _KEPT}
        environment = {**kept, "TMPDIR": str(folder), "STEPWELL_BENCH_INSTALL": "1" if install else ""}
        file, log = folder / "figures.jsonl", folder / "log"
        command = [sys.executable, "-m", "benchmarks.one", subject.key, str(file), *(["--quick"] if quick else [])]
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, cwd=_ROOT
            )
            try:
                code: int | None = process.wait(limit_s)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _end(process, folder)
        failed = "" if code == 0 else _why(code, limit_s, log)
        figures = [from_json(json.loads(line)) for line in _lines(file)]
    return Result(subject.key, subject.about, time.monotonic() - begin, tuple(figures), failed)


def _why(code: int | None, limit_s: float, log: Path) -> str:
    if code is None:
        return f"not done after {limit_s:.0f} s"
    said = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return (said[-1] if said else f"exit code {code}")[:400]


def _lines(file: Path) -> list[str]:
    """Without the last, where that was cut off in the middle."""
    if not file.exists():
        return []
    return [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Of the subject and of all it started: agents and servers leave its process group, not its folder for files."""
    if process.poll() is None:
        process.kill()
    process.wait()
    left = [one for one in _of(folder) if one.pid != os.getpid()]
    for one in left:
        one.terminate()
    _, left = psutil.wait_procs(left, _END_S)
    for one in left:
        one.kill()
    psutil.wait_procs(left, _END_S)


def _of(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder):
                yield process
        except psutil.Error:
            continue
