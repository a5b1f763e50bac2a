"""Rings that nobody drains: their process and the agent were killed together, before any reader looked.

Reading may import no agent, but may start one: draining a ring is an agent's work alone.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys

from .. import _core
from ..errors import HomeError
from ..home import Home
from ..launch import agent_is_there

__all__ = ["drain_leftover"]

_log = logging.getLogger("stepwell.query")
_DRAIN_S = 20.0  # retiring a ring takes a second, draining a full one less


def drain_leftover(home: Home) -> bool:
    """Has an agent bring leftover rings into the spool, and waits for it. False where rings may be left over."""
    try:
        mailbox = home.mailbox(_core.RING_LAYOUT)
    except HomeError as error:
        _log.warning("%s", error)
        return False
    if not any(next(folder.glob("*.ring"), None) for folder in (mailbox, home.rings)) or agent_is_there(home):
        return True
    command = [sys.executable, "-m", "stepwell.agent", "--home", str(home.path), "--once"]
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "STEPWELL_HOME": str(home.path)},
            timeout=_DRAIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:  # its process lives: what it logs from now on comes with the next agent
        _log.info("rings of %s are still being drained", home.path)
        return False
    return True
