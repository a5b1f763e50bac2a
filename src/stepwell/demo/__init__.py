"""`stepwell demo`: a real training run recorded, read back and compared, to the last bit.

Uses only what any user has: `stepwell.init`, `run.log`, `stepwell.Api`, `stepwell serve`. Called by the CLI.
"""

from .run import run_demo

__all__ = ["run_demo"]
