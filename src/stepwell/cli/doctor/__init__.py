"""`stepwell doctor`: what was looked at, what was found, what to do, a file of checks for each subject.

Changes nothing but a probe file that it removes; records and sends nothing. Called by the command line alone.
"""

from .command import doctor

__all__ = ["doctor"]
