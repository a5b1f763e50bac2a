"""What this host knows of the runs begun on it: HOME/runs/<uuid>.json, one small file a run.

Owns giving out attempt numbers, which must rise; other rooms may read the files. Written whole and renamed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ..home import Home
from ..ids import attempt_now, run_bytes

__all__ = ["KnownRun", "begin_attempt", "known_run", "note_last_step", "runs_folder"]

_LOCK_WAIT_S = 1.0
_ATTEMPT_MAX = 2**29 - 1  # what a version has room for


class KnownRun(NamedTuple):
    attempt: int
    launch: str
    start: str = ""
    begun: float = 0.0  # when its last attempt began, in seconds since 1970 by the clock of the host that wrote it
    steps: Mapping[str, int] = MappingProxyType({})  # by rank, the last step at an orderly finish


def runs_folder(home: Home) -> Path:
    return home.path / "runs"


def known_run(home: Home, project: str, id: str) -> KnownRun | None:
    """What this host knows of the run, or None. A file that cannot be read counts as unknown."""
    try:
        found = json.loads(_file(home, project, id).read_bytes())
        steps = {str(rank): int(step) for rank, step in dict(found.get("steps", {})).items()}
        start, begun = str(found.get("start", "")), float(found.get("begun", 0.0))
        return KnownRun(int(found["attempt"]), str(found.get("launch", "")), start, begun, steps)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def begin_attempt(home: Home, project: str, id: str, launch: str, at_least: int = 0, start: str = "") -> int:
    """The number of the attempt that begins now, above every earlier one; the same for all ranks of one launch.

    Hosts that share a home give their ranks numbers of their own: what tells their starts apart from a second start
    is not known well enough, and a number given twice would let old rows outrank new ones.
    """
    with _locked(runs_folder(home)):
        known = known_run(home, project, id)
        if known is not None and launch and known.launch == launch and known.attempt >= at_least:
            return known.attempt
        attempt = min(max(attempt_now(), at_least, known.attempt + 1 if known is not None else 0), _ATTEMPT_MAX)
        steps = known.steps if known is not None else {}
        body = {"attempt": attempt, "launch": launch, "start": start, "begun": time.time(), "steps": steps}
        _write(home, project, id, body)
        return attempt


def note_last_step(home: Home, project: str, id: str, rank: int, last_step: int) -> None:
    """Remembers how far a rank came, for a resume that can ask nobody else."""
    with _locked(runs_folder(home)):
        known = known_run(home, project, id)
        if known is None:
            return
        steps = {**known.steps, str(rank): max(last_step, known.steps.get(str(rank), last_step))}
        _write(home, project, id, {**known._asdict(), "steps": steps})


def _file(home: Home, project: str, id: str) -> Path:
    return runs_folder(home) / f"{run_bytes(project, id).hex()}.json"


def _write(home: Home, project: str, id: str, body: dict[str, Any]) -> None:
    path = _file(home, project, id)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with open(draft, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump({"project": project, "id": id, **body}, file)
    draft.replace(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time; after a second without the lock (a filesystem that has none) it goes on regardless."""
    import fcntl

    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + _LOCK_WAIT_S
        while time.monotonic() < end:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                break
        yield
    finally:
        os.close(lock)
