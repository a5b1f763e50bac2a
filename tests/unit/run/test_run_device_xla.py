"""Tensors of torch_xla, played by a fake: no such device is at hand, so what the real one does is not seen here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stepwell.run.device import CannotRead
from stepwell.run.device.xla import XlaBackend


class Tensor:
    def __init__(self, value: float, complex_: bool = False) -> None:
        self.value = value
        self.dtype = type("dtype", (), {"is_complex": complex_})
        self.stepped = False

    def detach(self) -> Tensor:
        return self

    def reshape(self, shape: tuple[()]) -> Tensor:
        return self

    def clone(self) -> Tensor:
        return Tensor(self.value)

    def item(self) -> float:
        assert self.stepped, "read before its step was run"
        return self.value


class Model:
    """As much of torch_xla.core.xla_model as is used."""

    def __init__(self) -> None:
        self.closures: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def add_step_closure(self, closure: Callable[..., None], args: tuple[Any, ...], run_async: bool) -> None:
        assert run_async
        self.closures.append((closure, args))

    def mark_step(self) -> None:
        for closure, (tensors,) in self.closures:
            for tensor in tensors:
                tensor.stepped = True
            closure(tensors)
        self.closures.clear()


class Torch:
    class no_grad:  # noqa: N801
        def __enter__(self) -> None: ...
        def __exit__(self, *error: object) -> None: ...


def test_values_come_with_the_end_of_the_step() -> None:
    model = Model()
    first, second = Tensor(0.5), Tensor(0.25)
    transfer = XlaBackend(Torch(), model).scalars([first, second])
    first.value = 9.0
    assert not transfer.is_done()
    model.mark_step()
    assert transfer.is_done()
    assert transfer.take() == [0.5, 0.25]


def test_a_run_that_ends_ends_the_step() -> None:
    model = Model()
    transfer = XlaBackend(Torch(), model).scalars([Tensor(0.5)])
    transfer.hurry()
    assert transfer.take() == [0.5]


def test_an_error_of_the_step_is_raised_where_it_is_harvested() -> None:
    model = Model()
    transfer = XlaBackend(Torch(), model).scalars([Tensor(0.5)])
    for closure, _ in model.closures:
        closure([Tensor(0.5)])
    assert transfer.is_done()
    with pytest.raises(AssertionError):
        transfer.take()


def test_a_complex_number_is_refused() -> None:
    with pytest.raises(CannotRead, match="complex"):
        XlaBackend(Torch(), Model()).scalars([Tensor(1.0, complex_=True)])
