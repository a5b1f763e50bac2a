"""The host agent: rings into spools, spools and staged checkpoints to the service.

Owns the consumer's end of every ring of a home, and the senders. Never decodes a block, never imports service or
stores. Started as `python -m stepwell.agent` by a training process or the service; `sync` is called by the CLI.
"""

from .sync import SyncReport, sync

__all__ = ["SyncReport", "sync"]
