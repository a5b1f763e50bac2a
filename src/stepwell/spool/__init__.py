"""Frames and staged checkpoints on disk, between the ring and the service.

Owns the folders STEPWELL_HOME/spool and STEPWELL_HOME/staging: what lies in them, who holds it, how far it is acked.
Never opens a socket, never looks into a block. Called by the agent, by `sync`, and by the embedded reader.
"""

from .layout import Destination, Position, find_spools
from .lock import FileLock
from .segments import Frame
from .spool import Spool
from .staging import Staged, StagedFile, find_staged

__all__ = [
    "Destination",
    "FileLock",
    "Frame",
    "Position",
    "Spool",
    "Staged",
    "StagedFile",
    "find_spools",
    "find_staged",
]
