"""A histogram that a device is counting."""

from __future__ import annotations

import time

from ...errors import InvalidValue
from .transfer import Transfer

__all__ = ["Counted"]

_LOOK_S = 0.0005


class Counted:
    """The bytes of a histogram once they have come; may be logged any number of times.

    refused: why there will be none; that must not stop a training loop where the histogram is made.
    """

    def __init__(self, transfer: Transfer[bytes] | None, refused: str = "") -> None:
        self._transfer = transfer
        self._data = b""
        self.nbytes = transfer.nbytes if transfer is not None else 0
        self.refused = refused

    @property
    def taken(self) -> bool:
        """Whether the bytes are here."""
        return self._transfer is None

    def is_done(self) -> bool:
        return self._transfer is None or self._transfer.is_done()

    def hurry(self) -> None:
        if self._transfer is not None:
            self._transfer.hurry()

    @property
    def data(self) -> bytes:
        """Waits where it is not done. Raises InvalidValue where it was refused."""
        if self.refused:
            raise InvalidValue(f"no histogram can be made of these values: {self.refused}")
        if self._transfer is None:
            return self._data
        self._transfer.hurry()
        while not self._transfer.is_done():
            time.sleep(_LOOK_S)
        self._data = self._transfer.take()
        self._transfer = None
        return self._data
