"""What a training process executes: from `init` to `finish`.

Owns the run and everything that turns user values into records of the ring. Never imports a room that sends, stores or
reads, opens no socket in a log call, has no thread, and imports numpy or torch only where the user has. Called by user
code through `stepwell`.
"""

from __future__ import annotations

from .begin import init
from .config import Fields
from .histogram import Histogram
from .image import Image
from .live import current, finish, log
from .reference import Reference
from .run import Run
from .table import Table

__all__ = ["Fields", "Histogram", "Image", "Reference", "Run", "Table", "current", "finish", "init", "log"]
