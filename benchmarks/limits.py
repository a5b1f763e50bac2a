"""What keeps a figure from its target where it misses it, as far as that was measured: said beside those that miss.

Each names its measurement, so that it can be taken again; what is not looked into yet has no line here and is said so.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

__all__ = ["limit_of"]

# By the row and a pattern of what it asks. The first that fits.
_LIMITS: tuple[tuple[int, str, str], ...] = ()


def limit_of(row: int, what: str) -> str:
    """ "" where nothing is known."""
    return next((text for number, pattern, text in _LIMITS if number == row and fnmatchcase(what, pattern)), "")
