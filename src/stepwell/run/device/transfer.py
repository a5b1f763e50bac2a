"""The seam between log calls and frameworks: who starts a copy, and the copy on its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

__all__ = ["Backend", "CannotRead", "Number", "Transfer"]

Number = float | int | bool
T_co = TypeVar("T_co", covariant=True)


class CannotRead(Exception):
    """A value that this backend cannot copy now, and why; reading it otherwise would not help either."""


class Transfer(Protocol[T_co]):
    """Something that a device is copying to the host."""

    nbytes: int  # held on the host until it is taken

    def is_done(self) -> bool:
        """Whether `take` would not wait. Never waits itself. Raises what the framework raises for a failed device."""

    def hurry(self) -> None:
        """At the end of a run: starts what would otherwise wait for the training loop to go on."""

    def take(self) -> T_co:
        """What was copied; once, and only when it is done."""


class Backend(Protocol):
    """Reads values of one framework on one device. Neither method waits for the device."""

    def scalars(self, values: Sequence[Any]) -> Transfer[list[Number]]:
        """Of arrays of one element, in their order, each exact in its own type. Raises CannotRead."""

    def histogram(self, values: Any) -> Transfer[bytes] | None:
        """Counts on the device; the bytes of a `stepwell.Histogram`. None: not this type of values."""
