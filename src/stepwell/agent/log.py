"""The agent's log: HOME/log/agent.log, bounded."""

from __future__ import annotations

import logging
import logging.handlers
import sys

from ..home import Home

__all__ = ["open_log"]

_BYTES = 1 << 20
_BACKUPS = 2


def open_log(home: Home) -> None:
    """Messages of stepwell go to the file; where it cannot be written, to stderr."""
    handler: logging.Handler
    try:
        home.make(home.log)
        handler = logging.handlers.RotatingFileHandler(home.log / "agent.log", maxBytes=_BYTES, backupCount=_BACKUPS)
    except OSError as error:
        handler = logging.StreamHandler(sys.stderr)
        sys.stderr.write(f"stepwell agent: no log file: {error}\n")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    logger = logging.getLogger("stepwell")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logging.raiseExceptions = False  # a full disk must not fill stderr in its stead
