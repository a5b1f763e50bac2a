"""The `stepwell` command: one file a command, registered by one line below.

Owns what is printed and the exit codes; asks the rooms for everything else. Nobody imports it but `python -m
stepwell` and the console script. Heavy imports stay inside the commands, so that `--help` is quick.
"""

from .main import main

__all__ = ["main"]
