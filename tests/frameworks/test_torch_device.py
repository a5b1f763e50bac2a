"""Tensors of a device with a stream, played by torch's CPU: nothing waits, nothing is lost, and nothing is mistaken.

No GPU is needed, and none is used: what `torch.cuda` itself does with these calls is not seen here.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stepwell
from fake_device import FakeLane, Recording
from stepwell import _core

TESTS = Path(__file__).parents[1]
# What waits for a device, or has a size that depends on a value and so has to be waited for.
WAITING = ("_local_scalar_dense", "item", "is_nonzero", "nonzero", "equal", "unique", "masked_select", "_to_copy.cpu")


def spy(torch: Any) -> Any:
    """A mode that keeps the names of all operations, and refuses those that would wait for a device."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Spy(TorchDispatchMode):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.names: list[str] = []

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = func.__name__
            self.names.append(name)
            if name.partition(".")[0] in WAITING:
                pytest.fail(f"{name} waits for the device")
            if name.startswith("copy_") and args[2:3] != (True,):
                pytest.fail(f"{name} without non_blocking waits for the device")
            return func(*args, **(kwargs or {}))

    return Spy()


def values(torch: Any) -> dict[str, tuple[Any, Any]]:
    """name: (tensor, what is to be read back)."""
    return {
        "f32": (torch.tensor(0.1), float(torch.tensor(0.1))),
        "f64": (torch.tensor(0.1, dtype=torch.float64), 0.1),
        "f16": (torch.tensor([0.5], dtype=torch.float16), 0.5),
        "bf16": (torch.tensor([[2.5]], dtype=torch.bfloat16), 2.5),
        "int": (torch.tensor(2**60 + 1), 2**60 + 1),
        "int8": (torch.tensor(-3, dtype=torch.int8), -3),
        "bool": (torch.tensor(True), True),
        "grad": (torch.tensor(1.25, requires_grad=True), 1.25),
        "of a graph": (torch.tensor(2.0, requires_grad=True) * 3, 6.0),
        "parameter": (torch.nn.Parameter(torch.tensor([4.0])), 4.0),
        "view": (torch.arange(6.0)[3:4], 3.0),
        "f32 again": (torch.tensor(-1.0), -1.0),
    }


def test_scalars_of_every_type_come_exactly(torch: Any, lane: FakeLane, run: Recording) -> None:
    given = values(torch)
    run.log({name: tensor for name, (tensor, _) in given.items()}, 3)
    assert run.cells() == []
    lane.finish()
    run.slow.finish(0)
    ((step, cells),) = run.cells()
    assert step == 3
    assert cells == {name: expected for name, (_, expected) in given.items()}
    assert {name: type(value) for name, value in cells.items()} == {
        name: type(expected) for name, (_, expected) in given.items()
    }


def test_logging_launches_and_never_waits(torch: Any, lane: FakeLane, run: Recording) -> None:
    given = {name: tensor for name, (tensor, _) in values(torch).items()}
    gradient = torch.randn(1000)
    mode = spy(torch)
    with mode:
        for step in range(5):
            run.log({**given, "lr": 0.1, "grad": stepwell.Histogram(gradient)}, step)
    assert "scatter_add_.default" in mode.names
    assert lane.queries == 4, "each call asks once for the oldest, which has not come"
    lane.finish()
    with mode:
        run.log({"lr": 0.2}, 5)
    assert len({step for step, cells in run.cells() if "f32" in cells}) == 5
    assert len([record for record in run.records() if record.kind == _core.KIND_HISTOGRAM]) == 5


def test_the_spy_sees_what_waits(torch: Any) -> None:
    """Or the test above would show nothing."""
    with spy(torch), pytest.raises(pytest.fail.Exception, match="_local_scalar_dense"):
        torch.tensor(1.0).item()


def test_a_call_costs_a_kernel_and_a_copy_a_type(torch: Any, lane: FakeLane, run: Recording) -> None:
    given = {f"metric/{i}": torch.tensor(float(i)) for i in range(50)}
    mode = spy(torch)
    with mode:
        run.log(given, 0)
    views = ("detach", "view", "alias", "slice", "unsqueeze")
    launched = [name.partition(".")[0] for name in mode.names if not name.startswith(views)]
    assert launched == ["stack", "full"], "one kernel; and the fake lane makes its host buffer by `full`"
    lane.finish()
    run.slow.finish(0)
    assert run.cells() == [(0, {f"metric/{i}": float(i) for i in range(50)})]


def test_a_value_is_that_of_the_log_call(torch: Any, lane: FakeLane, run: Recording) -> None:
    """Running sums are written into while their copy is on its way."""
    loss = torch.tensor(1.0)
    weights = torch.ones(8)
    run.log({"loss": loss, "weights": stepwell.Histogram(weights)}, 0)
    loss.zero_()
    weights.zero_()
    lane.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", 0): 1.0}
    (record,) = [record for record in run.records() if record.kind == _core.KIND_HISTOGRAM]
    assert _core.histogram_decode(record.parts[1])["max"] == 1.0


def test_host_buffers_are_used_again(torch: Any, lane: FakeLane, run: Recording) -> None:
    for step in range(20):
        run.log({"loss": torch.tensor(float(step))}, step)
        lane.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", step): float(step) for step in range(20)}
    assert lane.buffers == 1


def test_nothing_is_asked_while_a_graph_is_captured(
    torch: Any, lane: FakeLane, run: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "stepwell")
    run.log({"loss": torch.tensor(1.0)}, 0)
    lane.capturing = True
    mode = spy(torch)
    with mode:
        run.log({"loss": torch.tensor(2.0), "lr": 0.1, "h": stepwell.Histogram(torch.ones(3))}, 1)
    assert [name for name in mode.names if "stack" in name or "copy" in name] == []
    with pytest.raises(stepwell.errors.InvalidValue, match="captured"):
        repr(stepwell.Histogram(torch.ones(3)))
    assert run.slow.refused == 2
    assert "after replay" in caplog.text
    lane.capturing = False
    lane.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", 0): 1.0, ("lr", 1): 0.1}


def test_in_inference_mode_and_out_of_it(torch: Any, lane: FakeLane, run: Recording) -> None:
    for step in range(4):
        with torch.inference_mode(mode=step % 2 == 0):
            run.log({"loss": torch.tensor(float(step)), "h": stepwell.Histogram(torch.ones(3))}, step)
            lane.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", step): float(step) for step in range(4)}
    assert run.slow.refused == 0


@pytest.mark.parametrize("make", ["complex", "subclass", "many"])
def test_what_is_no_scalar_of_a_device(torch: Any, lane: FakeLane, run: Recording, make: str) -> None:
    class Mine(torch.Tensor):  # type: ignore[misc]
        pass

    given = {
        "complex": torch.tensor(1j),
        "subclass": torch.tensor(7.0).as_subclass(Mine),
        "many": torch.tensor([1.0, 2.0]),
    }[make]
    run.log({"x": given, "lr": 0.1}, 0)
    lane.finish()
    run.slow.finish(0)
    assert run.seen()["lr", 0] == 0.1
    assert run.seen().get(("x", 0)) == (7.0 if make == "subclass" else None)
    assert run.slow.refused == (1 if make == "complex" else 0)


def test_one_histogram_logged_twice(torch: Any, lane: FakeLane, run: Recording) -> None:
    histogram = stepwell.Histogram(torch.arange(10.0))
    run.log({"a": histogram, "b": histogram}, 0)
    run.log({"a": histogram}, 1)
    lane.finish()
    run.slow.finish(0)
    run.log({"a": histogram}, 2)
    records = [record for record in run.records() if record.kind == _core.KIND_HISTOGRAM]
    assert [(record.parts[0], record.step) for record in records] == [(b"a", 0), (b"b", 0), (b"a", 1), (b"a", 2)]
    assert len({record.parts[1] for record in records}) == 1


def test_a_later_histogram_of_the_same_step_wins(torch: Any, lane: FakeLane, run: Recording) -> None:
    run.log({"w": stepwell.Histogram(torch.ones(3))}, 0)
    run.log({"w": stepwell.Histogram([5.0])}, 0)
    lane.finish()
    run.slow.finish(0)
    (record,) = run.records()
    assert _core.histogram_decode(record.parts[1])["max"] == 5.0


def test_a_histogram_asked_for_its_bytes_waits_for_them(torch: Any, lane: FakeLane) -> None:
    histogram = stepwell.Histogram(torch.arange(10.0))
    assert histogram.counted is not None
    assert not histogram.counted.is_done()
    lane.finish()
    assert histogram == stepwell.Histogram([float(i) for i in range(10)])
    assert "count=10" in repr(histogram)


def test_within_a_transform_a_value_is_read_as_before(torch: Any, lane: FakeLane, run: Recording) -> None:
    def loss(x: Any) -> Any:
        value = x.square().sum()
        run.log({"loss": value}, 0)
        return value

    torch.func.grad(loss)(torch.ones(3))
    assert run.seen() == {("loss", 0): 3.0}


def test_what_offers_dlpack_is_read_by_torch(
    torch: Any, lane: FakeLane, run: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As cupy does on a GPU."""
    from stepwell.run.device import known

    class Array:
        shape, size = (), 1

        def __init__(self, tensor: Any) -> None:
            self.tensor = tensor

        def __dlpack__(self, **options: Any) -> Any:
            return self.tensor.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.tensor.__dlpack_device__()

        def item(self) -> float:
            pytest.fail("read, which waits for the device")

    monkeypatch.setattr(known, "_DLPACK_TYPES", (1,))
    run.log({"loss": Array(torch.tensor(2.5))}, 0)
    lane.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", 0): 2.5}


def train(torch: Any, run: Recording, compile_it: Callable[[Any], Any]) -> dict[tuple[str, int], float]:
    """A compiled step that logs from within; the losses as they are read the ordinary way."""
    model = torch.nn.Linear(4, 1)
    expected = {}

    def step(x: Any, number: int) -> Any:
        loss = model(x).square().mean()
        run.log({"loss": loss, "plain": 1.0}, number)
        return loss * 2

    compiled = compile_it(step)
    for number in range(4):
        x = torch.full((8, 4), float(number))
        expected["loss", number] = compiled(x, number).item() / 2
    return expected


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_step_that_logs(torch: Any, lane: FakeLane, run: Recording) -> None:
    torch._dynamo.reset()
    expected = train(torch, run, lambda step: torch.compile(step, backend="eager"))
    lane.finish()
    run.slow.finish(0)
    seen = run.seen()
    assert {key: seen[key] for key in expected} == pytest.approx(expected)
    assert [seen["plain", number] for number in range(4)] == [1.0] * 4
    assert run.slow.refused == 0


@pytest.mark.filterwarnings("ignore")
def test_the_compiler_does_not_look_into_the_slow_path(torch: Any, lane: FakeLane, run: Recording) -> None:
    """It would compile each of its functions, and warn of what it cannot."""
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()

    def step(x: Any, number: int) -> Any:
        run.log({"loss": x.sum(), "weights": stepwell.Histogram(x)}, number)
        return x + 1

    compiled = torch.compile(step, backend="eager")
    for number in range(3):
        compiled(torch.ones(4), number)
    lane.finish()
    run.slow.finish(0)
    assert run.seen() == {("loss", number): 4.0 for number in range(3)}
    assert sum(record.kind == _core.KIND_HISTOGRAM for record in run.records()) == 3
    reasons = " ".join(counters["graph_break"])
    assert "Recorder" in reasons
    assert "RLock" not in reasons
    assert "functorch" not in reasons


def test_the_compiler_is_not_imported_by_us(torch: Any) -> None:
    """It takes seconds."""
    script = """
import pathlib, sys, tempfile, torch
from fake_device import FakeLane, Recording
from stepwell import Histogram
from stepwell.run.device import known
known.TORCH_LANES["cpu"] = lambda torch, device: FakeLane(torch)
run = Recording.begin(pathlib.Path(tempfile.mkdtemp()))
run.log({"loss": torch.tensor(1.0), "weights": Histogram(torch.ones(3))})
print([name for name in sys.modules if name.startswith("torch._dynamo")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=TESTS)
    assert done.stdout == "[]\n"


def test_import_does_not_bring_torch_or_jax() -> None:
    script = "import sys, stepwell; stepwell.Histogram([1.0]); print([n for n in ('torch', 'jax') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
