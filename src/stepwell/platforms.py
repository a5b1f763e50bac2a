"""What this operating system cannot do, refused in one form. Windows reads runs from a service and does no more."""

from __future__ import annotations

import sys

from .errors import StepwellError

__all__ = ["needs_unix"]


def needs_unix(what: str) -> None:
    """Raises StepwellError on Windows. what: as a sentence begins, "Recording"."""
    if sys.platform == "win32":
        raise StepwellError(
            f"{what} needs Linux or macOS (WSL is Linux). Here runs can be read from a service: set STEPWELL_SERVER to "
            'its address. A script runs without being recorded under mode="disabled".'
        )
