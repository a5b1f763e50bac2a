"""The training process's side of capturing the environment: starts the child, and knows when it has ended.

The work is `capture`'s, which is never imported here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..home import Home
from ..launch import start_detached
from ..settings import Settings
from .identity import Ranks

__all__ = ["TASK_VARIABLE", "EnvironmentCapture", "capture_prefix", "shown_arguments"]

TASK_VARIABLE = "STEPWELL_CAPTURE_TASK"
_ARGUMENTS_MAX, _ARGUMENT_CHARACTERS_MAX = 1000, 2000
_ARGV_CHARACTERS_MAX = 60_000  # one environment variable holds at most 128 KiB on Linux
_LOCAL_RANKS = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PMIX_LOCAL_RANK", "SLURM_LOCALID")


class EnvironmentCapture:
    """One child, ended or not."""

    def __init__(self) -> None:
        self._reading = -1

    def start(
        self, home: Home, settings: Settings, identity: Mapping[str, Any], run: bytes, rank: int, attempt: int,
        prefix: Sequence[str],
    ) -> None:  # fmt: skip
        task = {
            "home": str(home.path),
            "settings": settings._asdict(),
            "identity": dict(identity),
            "run": run.hex(),
            "rank": rank,
            "attempt": attempt,
            "prefix": list(prefix),
            "machine_only": bool(prefix),
            "argv": shown_arguments(),
            "executable": sys.executable or "",
            "cwd": _cwd(),
        }
        # The child holds the other end of a pipe until it ends, however it ends.
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        started = False
        try:
            extra = {TASK_VARIABLE: json.dumps(task)}
            started = start_detached(["stepwell.run.capture"], home, "capture.log", extra, (writing,))
        finally:
            os.close(writing)
            if not started:
                os.close(reading)
        self._reading = reading if started else -1

    def ended(self) -> bool:
        """Whether there is no child (any more)."""
        if self._reading < 0:
            return True
        try:
            if os.read(self._reading, 1):
                return False
        except BlockingIOError:
            return False
        except OSError:
            self._reading = -1  # somebody closed all descriptors
            return True
        self.close()
        return True

    def close(self) -> None:
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1


def capture_prefix(ranks: Ranks, env: Mapping[str, str]) -> tuple[str, ...] | None:
    """() for the rank that describes everything, a folder for the first rank of another host, None for the others."""
    if ranks.rank == 0:
        return ()
    local = next((env[name] for name in _LOCAL_RANKS if env.get(name)), None)
    if ranks.one_host or local != "0":
        return None
    return ("hosts", os.uname().nodename)


def shown_arguments() -> list[str]:
    """The command line, bounded; not yet redacted."""
    arguments: list[str] = []
    left = _ARGV_CHARACTERS_MAX
    for argument in getattr(sys, "orig_argv", sys.argv)[:_ARGUMENTS_MAX]:
        arguments.append(argument[:_ARGUMENT_CHARACTERS_MAX])
        left -= len(arguments[-1])
        if left < 0:
            break
    return arguments


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""  # removed under us
