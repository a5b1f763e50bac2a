"""What a training process executes: from `init` to `finish`.

Owns the run and everything that turns user values into records of the ring. Never imports a room that sends, stores or
reads, opens no socket in a log call, has no thread, and imports numpy or torch only where the user has. Called by user
code through `stepwell`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .begin import init
from .config import Fields
from .histogram import Histogram
from .live import current, finish, log
from .run import Run

if TYPE_CHECKING:
    from .image import Image
    from .reference import Reference
    from .table import Table

__all__ = ["Fields", "Histogram", "Image", "Reference", "Run", "Table", "current", "finish", "init", "log"]


def __getattr__(name: str) -> Any:
    """What only some runs make is loaded when it is first named: a training process waits for the import."""
    if name == "Image":
        from .image import Image

        return Image
    if name == "Table":
        from .table import Table

        return Table
    if name == "Reference":
        from .reference import Reference

        return Reference
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
