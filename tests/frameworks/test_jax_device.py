"""Arrays of jax, here on its CPU, whose arrays are promises as those of any device are."""

from __future__ import annotations

import logging
from typing import Any

import histogram_cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepwell
from fake_device import Recording
from stepwell import _core
from support import wait_for


def harvest(run: Recording) -> None:
    run.slow.finish(60)
    assert not run.recorder.held


def test_scalars_of_every_type_come_exactly(jax: Any, run: Recording) -> None:
    jnp = jax.numpy
    with jax.enable_x64(True):
        wide = {"f64": jnp.asarray(0.1), "i64": jnp.asarray(2**60 + 1)}
    run.log(
        {
            **wide,
            "f32": jnp.float32(0.1),
            "bf16": jnp.bfloat16(2.5),
            "f16": jnp.ones((1, 1), jnp.float16) / 2,
            "int": jnp.int32(7),
            "bool": jnp.asarray(True),
            "lr": 0.5,
        },
        3,
    )
    assert run.cells() == [(3, {"lr": 0.5})]
    harvest(run)
    assert run.seen() == {
        ("f64", 3): 0.1,
        ("i64", 3): 2**60 + 1,
        ("f32", 3): float(np.float32(0.1)),
        ("bf16", 3): 2.5,
        ("f16", 3): 0.5,
        ("int", 3): 7,
        ("bool", 3): True,
        ("lr", 3): 0.5,
    }
    assert type(run.seen()["bool", 3]) is bool
    assert run.slow.refused == 0


class Promise:
    """Stands in for the array that a device is still computing."""

    def __init__(self, array: Any) -> None:
        self.array, self.ready, self.asked, self.read = array, False, False, False
        self.nbytes, self.dtype = array.nbytes, array.dtype

    def copy_to_host_async(self) -> None:
        self.asked = True
        self.array.copy_to_host_async()

    def is_ready(self) -> bool:
        return self.ready

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        assert self.ready, "read before it is there"
        return np.asarray(self.array)


@pytest.fixture
def promises(jax: Any, monkeypatch: pytest.MonkeyPatch) -> list[Promise]:
    """What the backend gathers, as promises that the test keeps."""
    from stepwell.run.device import known
    from stepwell.run.device.jax import JaxBackend

    made: list[Promise] = []
    backend = JaxBackend(jax)
    gather, count = backend._gather, backend._count

    def promise(array: Any) -> Promise:
        made.append(Promise(array))
        return made[-1]

    backend._gather = lambda values: promise(gather(values))
    backend._count = lambda values: tuple(promise(array) for array in count(values))
    monkeypatch.setitem(known._jax_backends, "jax", backend)
    return made


def test_a_call_waits_for_no_array(jax: Any, run: Recording, promises: list[Promise]) -> None:
    jnp = jax.numpy
    with jax.transfer_guard_device_to_host("disallow"):
        run.log({"loss": jnp.float32(0.5), "acc": jnp.float32(0.25), "lr": 0.1}, 0)
        run.log({"w": stepwell.Histogram(jnp.arange(10.0)), "lr": 0.2}, 1)
        run.log({"lr": 0.3}, 2)
    assert [step for step, _ in run.cells()] == [0, 1, 2]
    assert len(promises) == 3, "one array a call for scalars, two for a histogram"
    assert all(promise.asked for promise in promises), "the copies are under way"
    for promise in promises:
        promise.ready = True
    run.log({"lr": 0.4}, 3)
    assert run.seen()["loss", 0] == 0.5
    assert run.seen()["acc", 0] == 0.25
    (record,) = [record for record in run.records() if record.kind == _core.KIND_HISTOGRAM]
    assert (record.step, _core.histogram_decode(record.parts[1])["sum"]) == (1, 45.0)


def test_an_array_given_away_after_the_call(jax: Any, run: Recording) -> None:
    """Its memory may be the next step's by the time it is harvested."""
    loss = jax.numpy.float32(0.5)
    run.log({"loss": loss, "w": stepwell.Histogram(loss)}, 0)
    loss.delete()
    harvest(run)
    assert run.seen() == {("loss", 0): 0.5}
    assert run.slow.refused == 0


def test_what_has_no_value_yet(jax: Any, run: Recording, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "stepwell")

    @jax.jit
    def step(x: Any) -> Any:
        run.log({"inside": x, "lr": 0.1}, 0)
        return x * 2

    assert step(2.0) == 4.0
    assert run.seen() == {("lr", 0): 0.1}
    assert "inside" in caplog.text


def test_a_complex_number_is_refused(jax: Any, run: Recording) -> None:
    run.log({"x": jax.numpy.complex64(1j), "lr": 0.1}, 0)
    harvest(run)
    assert run.seen() == {("lr", 0): 0.1}
    assert run.slow.refused == 1


def on_device(jax: Any, values: np.ndarray[Any, Any], name: str) -> Any:
    if name == "bfloat16":
        import ml_dtypes

        values = values.view(ml_dtypes.bfloat16)
    with jax.enable_x64(True):
        return jax.numpy.asarray(values)


def counted(values: Any) -> dict[str, Any]:
    histogram = stepwell.Histogram(values)
    assert histogram.counted is not None
    return _core.histogram_decode(histogram.data)


@pytest.mark.parametrize("name", histogram_cases.TYPES)
def test_buckets_are_those_of_the_kernel(jax: Any, name: str) -> None:
    values = histogram_cases.values(name)
    histogram_cases.check(counted(on_device(jax, values, name)), values, name)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=20, max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_bits(jax: Any, bits: list[int]) -> None:
    words = np.array(bits, dtype=np.uint64)
    for name in ("float64", "float32", "int64"):
        values = words.view(name)
        smallest = np.finfo(name).tiny if name != "int64" else 0.0  # XLA's CPU flushes what is below
        histogram_cases.check(counted(on_device(jax, values, name)), values, name, float(smallest))


def test_a_plain_script_needs_no_finish_of_ours(jax: Any, run: Recording) -> None:
    """The next call finds what has come."""
    run.log({"loss": jax.numpy.float32(1.0)}, 0)
    wait_for(lambda: (run.log({"lr": 1.0}, 1), not run.recorder.held)[1], what="the value")
    assert run.seen()["loss", 0] == 1.0
