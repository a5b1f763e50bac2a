"""Tensors in host memory, as a loop on a CPU logs them: read at once and exactly, written by the core if it can."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fake_device import Recording
from stepwell.run.values import host_numbers


def values(torch: Any) -> dict[str, tuple[Any, float | int | bool]]:
    """name: (tensor, what is to be read back)."""
    return {
        "f32": (torch.tensor(0.1), float(torch.tensor(0.1))),
        "f64": (torch.tensor(0.1, dtype=torch.float64), 0.1),
        "bf16": (torch.tensor([[2.5]], dtype=torch.bfloat16), 2.5),
        "int": (torch.tensor(2**60 + 1), 2**60 + 1),
        "bool": (torch.tensor(True), True),
        "infinite": (torch.tensor(-math.inf), -math.inf),
        "of a graph": (torch.tensor(2.0, requires_grad=True) * 3, 6.0),
        "number": (7, 7),
    }


@pytest.mark.parametrize("step", [None, 3])
def test_a_call_of_numbers_and_tensors_is_exact_and_goes_the_short_way(
    torch: Any, run: Recording, step: int | None
) -> None:
    given = values(torch)
    data = {name: value for name, (value, _) in given.items()}
    assert host_numbers(data) == {name: expected for name, (_, expected) in given.items()}
    run.log(data, step)
    ((written, cells),) = run.cells()
    assert written == (step or 0)
    assert cells == {name: expected for name, (_, expected) in given.items()}
    assert {name: type(value) for name, value in cells.items()} == {
        name: type(expected) for name, (_, expected) in given.items()
    }


@pytest.mark.parametrize(
    "other",
    [
        lambda torch: torch.tensor([1.0, 2.0]),
        lambda torch: torch.tensor(1j),
        lambda torch: torch.nn.Parameter(torch.tensor(1.0)),
        lambda torch: torch.empty(1, device="meta"),
        lambda torch: "text",
        lambda torch: None,
        lambda torch: {"nested": torch.tensor(1.0)},
    ],
    ids=["of two", "complex", "parameter", "without memory", "text", "nothing", "nested"],
)
def test_a_call_of_anything_else_goes_the_long_way_and_keeps_its_numbers(
    torch: Any, run: Recording, other: Any
) -> None:
    data = {"loss": torch.tensor(0.5), "other": other(torch)}
    assert host_numbers(data) is None
    run.log(data, 1)
    found = {name: value for _, cells in run.cells() for name, value in cells.items()}
    assert found["loss"] == 0.5


def test_a_call_without_tensors_is_not_for_it(torch: Any) -> None:
    assert host_numbers({"loss": 0.5}) is None


def test_within_vmap_a_tensor_is_no_number(torch: Any, run: Recording) -> None:
    def body(row: Any) -> Any:
        loss = row.sum()
        assert host_numbers({"loss": loss}) is None
        run.log({"loss": loss, "known": 1.0})
        return loss

    torch.vmap(body)(torch.ones(3, 2))
    assert [cells for _, cells in run.cells()] == [{"known": 1.0}]
