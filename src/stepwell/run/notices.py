"""What stepwell says to the person: lines on stderr or below a notebook's cell, warnings through the `stepwell` logger.

stderr, because what a script prints to stdout is often read by another program.
"""

from __future__ import annotations

import sys

from . import kernel

__all__ = ["Once", "say", "warn"]

_WARNINGS_MAX = 1000


def say(*lines: str) -> None:
    """Lines on stderr; nothing where there is no stderr or it is closed. In a notebook a note below the cell."""
    stream = sys.stderr
    if not lines or kernel.show(lines) or stream is None:
        return
    try:
        stream.write("".join(f"stepwell: {line}\n" for line in lines))
        stream.flush()
    except (OSError, ValueError, AttributeError, UnicodeError):
        return


def warn(message: str) -> None:
    """A warning through the `stepwell` logger. Never raises, whatever handlers the user has put there."""
    import logging

    try:
        logging.getLogger("stepwell").warning(message)
    except Exception as error:  # noqa: BLE001 - a handler is user code, and this may be called from within a log call
        say(f"{message} (and the logging handler failed: {type(error).__name__})")


class Once:
    """Warnings said once each; of those that differ, so many and no more."""

    def __init__(self) -> None:
        self._said: set[object] = set()

    def warn(self, about: object, message: str) -> None:
        """Warns, unless it has done so about the same thing."""
        if about in self._said:
            return
        if len(self._said) >= _WARNINGS_MAX:
            return
        self._said.add(about)  # before speaking: a logging handler may itself log to the run
        warn(message)
        if len(self._said) == _WARNINGS_MAX:
            warn("no further warnings about this run")
