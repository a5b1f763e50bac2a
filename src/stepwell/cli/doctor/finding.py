"""What a check says, and how bad it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...home import Home

__all__ = ["NOTE", "OK", "WRONG", "Check", "Finding"]

OK, NOTE, WRONG = "ok", "note", "wrong"


@dataclass(frozen=True)
class Finding:
    """of: the subject. level: ok | note (works, worth knowing) | wrong. do: what to do about it. looked: at what."""

    of: str
    level: str
    text: str
    do: str = ""
    looked: str = ""


Check = Callable[[Home], Iterator[Finding]]
