"""Tensors of torch_xla, and so of tt-xla: there is no value before the step's graph is run, so a step closure reads it.

The closure runs in torch_xla's own thread once the step has been launched, and waits there, not in the training loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .transfer import CannotRead, Number, Transfer

__all__ = ["XlaBackend"]


class XlaBackend:
    """xla_model: the module `torch_xla.core.xla_model`, as the user has imported it."""

    def __init__(self, torch: Any, xla_model: Any) -> None:
        self._torch = torch
        self._model = xla_model

    def scalars(self, values: Sequence[Any]) -> Transfer[list[Number]]:
        if any(value.dtype.is_complex for value in values):
            raise CannotRead("a complex number; log its real and imag, or abs()")
        with self._torch.no_grad():
            # A tensor of its own: the caller may write into theirs before the step ends.
            kept = [value.detach().reshape(()).clone() for value in values]
        transfer = _Closure(self._model, len(kept))
        self._model.add_step_closure(transfer.read, args=(kept,), run_async=True)
        return transfer

    def histogram(self, values: Any) -> Transfer[bytes] | None:  # noqa: ARG002
        """Counting would become a part of the step's graph, compiled anew for every histogram that comes or goes."""
        return None


class _Closure:
    def __init__(self, xla_model: Any, count: int) -> None:
        self._model = xla_model
        self._values: list[Number] | None = None
        self._error: Exception | None = None
        self.nbytes = 8 * count

    def read(self, tensors: Sequence[Any]) -> None:
        try:
            self._values = [tensor.item() for tensor in tensors]
        except Exception as error:  # noqa: BLE001 - raised again by the log call that harvests
            self._error = error

    def is_done(self) -> bool:
        return self._values is not None or self._error is not None

    def hurry(self) -> None:
        """Ends the step that the loop did not end."""
        if not self.is_done():
            self._model.mark_step()

    def take(self) -> list[Number]:
        if self._error is not None:
            raise self._error
        assert self._values is not None
        return self._values
