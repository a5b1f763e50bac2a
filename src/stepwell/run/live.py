"""The run of this process, and the module-level calls that go to it.

Owns one reference; begins and ends nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .notices import Once
from .run import Run

__all__ = ["current", "finish", "log", "set_current"]

_run: Run | None = None
_once = Once()


def current() -> Run | None:
    """The live run, or None before `init` and after `finish`."""
    return None if _run is None or _run.finished else _run


def set_current(run: Run) -> None:
    global _run  # noqa: PLW0603
    _run = run


def log(data: Mapping[str, Any], step: int | None = None, time: float | None = None) -> None:
    """`run.log` of the live run. In a hot loop take `run.log` itself: one call less.

    Without a run nothing is recorded, which is said once.

    Args:
        data: Metric names and values.
        step: Any whole number of 64 bits; default: one more than the highest so far.
        time: Seconds since 1970 or a datetime; default: now.

    Example:
        ```python
        stepwell.init(project="digits")
        stepwell.log({"loss": 0.5})
        ```
    """
    if _run is None:
        _once.warn("no run", "stepwell.log was called without a run: call stepwell.init() first. Nothing is recorded")
        return
    _run.log(data, step, time)


def finish(exit_code: int = 0, timeout: float | None = None) -> None:
    """`run.finish` of the live run; nothing without one.

    Args:
        exit_code: 0 makes the run "finished", another "failed".
        timeout: Seconds to wait at most; default: see `Run.finish`.
    """
    if _run is not None:
        _run.finish(exit_code, timeout)
