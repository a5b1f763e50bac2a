"""Tensors in host memory, as a loop on a CPU logs them: read at once and exactly, written by the core if it can."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fake_device import Recording
from stepwell.run.slow import SlowPath


@pytest.fixture
def core_only(torch: Any, run: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """The core has met a tensor; what it cannot read by itself from now on is lost, and the test fails."""
    run.log({"first": torch.tensor(0.0)}, 0)
    assert run.recorder.host_tensor is torch.Tensor
    monkeypatch.setattr(SlowPath, "__call__", lambda *_: pytest.fail("the core left it to the slow path"))


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


@pytest.mark.usefixtures("core_only")
@pytest.mark.parametrize("step", [None, 3])
def test_a_call_of_numbers_and_tensors_is_exact_and_is_read_by_the_core(
    torch: Any, run: Recording, step: int | None
) -> None:
    given = values(torch)
    data = {name: value for name, (value, _) in given.items()}
    run.log(data, step)
    assert list(data.values()) == [value for value, _ in given.values()], "the caller's dict is left alone"
    _, (written, cells) = run.cells()
    assert written == (step or 1)
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
    run.log({"first": torch.tensor(0.0)}, 0)
    data = {"loss": torch.tensor(0.5), "other": other(torch)}
    assert not run.recorder.log_plain(data, 1)
    assert len(run.cells()) == 1, "nothing of it was written"
    run.log(data, 1)
    found = {name: value for _, cells in run.cells() for name, value in cells.items()}
    assert found["loss"] == 0.5


def test_tensors_among_numbers_of_numpy_are_read_by_the_core_too(torch: Any, run: Recording, core_only: None) -> None:
    numpy = pytest.importorskip("numpy")
    run.recorder.log_plain({"learned": numpy.float32(1)}, 1)
    run.log({"loss": torch.tensor(0.5), "rate": numpy.float32(0.25)}, 2)
    assert run.cells()[-1] == (2, {"loss": 0.5, "rate": 0.25})


def test_what_a_tensors_own_code_does_to_the_dict_changes_nothing_of_the_row(
    torch: Any, run: Recording, core_only: None
) -> None:
    from torch.overrides import TorchFunctionMode

    data = {"a": torch.tensor(1.0), "b": torch.tensor(2.0)}

    class Meddling(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            data.update({f"new {number}": 0.0 for number in range(100)})
            data.pop("b", None)
            return func(*args, **(kwargs or {}))

    with Meddling():
        run.log(data, 1)
    assert run.cells()[-1] == (1, {"a": 1.0, "b": 2.0})


def test_host_tensor_is_a_type_or_none(run: Recording) -> None:
    with pytest.raises(TypeError, match="a type or None"):
        run.recorder.host_tensor = 3  # type: ignore[assignment]
    run.recorder.host_tensor = None
    run.log({"loss": 0.5}, 1)
    assert run.cells() == [(1, {"loss": 0.5})]


def test_within_vmap_a_tensor_is_no_number(torch: Any, run: Recording) -> None:
    def body(row: Any) -> Any:
        loss = row.sum()
        run.log({"loss": loss, "known": 1.0})
        return loss

    torch.vmap(body)(torch.ones(3, 2))
    assert [cells for _, cells in run.cells()] == [{"known": 1.0}]
