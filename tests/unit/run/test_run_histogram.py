"""`stepwell.Histogram` of whatever holds numbers."""

from __future__ import annotations

import array
import sys
import types
from typing import Any

import numpy as np
import pytest

from stepwell import Histogram, _core
from stepwell.errors import InvalidValue

GIVEN = [
    ("list", [1, 2.5, 3]),
    ("tuple of ints", (1, 2, 3)),
    ("range", range(3)),
    ("nested lists", [[1, 2], [3, 4]]),
    ("f16", np.arange(10, dtype=np.float16)),
    ("f32", np.arange(10, dtype=np.float32)),
    ("f64", np.arange(10.0)),
    ("int8", np.arange(10, dtype=np.int8)),
    ("uint64", np.arange(10, dtype=np.uint64)),
    ("bool", np.array([True, False])),
    ("2-d, transposed", np.arange(12.0).reshape(3, 4).T),
    ("strided", np.arange(10.0)[::2]),
    ("0-d", np.array(5.0)),
    ("longdouble", np.arange(3, dtype=np.longdouble)),
    ("objects", np.array([1, 2.0], dtype=object)),
    ("array.array", array.array("f", [1, 2])),
    ("memoryview", memoryview(array.array("d", [1, 2, 3]))[::2]),
    ("bytes", b"\x01\x02"),
    ("__array__", type("Frame", (), {"__array__": lambda self, dtype=None, copy=None: np.arange(4.0)})()),
]


@pytest.mark.parametrize("values", [case[1] for case in GIVEN], ids=[case[0] for case in GIVEN])
def test_values_are_counted(values: Any) -> None:
    expected = np.asarray(list(values) if isinstance(values, bytes) else values).astype(np.float64)
    found = _core.histogram_decode(Histogram(values).data)
    assert found["count"] == expected.size
    assert (found["min"], found["max"], found["sum"]) == (expected.min(), expected.max(), expected.sum())


def test_non_finite_values_are_counted_apart() -> None:
    found = _core.histogram_decode(Histogram([1.0, float("nan"), float("inf"), -float("inf")]).data)
    assert (found["count"], found["nan"], found["pos_inf"], found["neg_inf"]) == (1, 1, 1, 1)


def test_nothing_is_a_histogram_of_nothing() -> None:
    assert _core.histogram_decode(Histogram([]).data)["count"] == 0


@pytest.mark.parametrize("convert", [lambda x: x, lambda x: x.tolist(), tuple])
def test_one_made_by_numpy_is_kept_as_given(convert: Any) -> None:
    counts, edges = np.histogram([1.0, 2.0, 2.5, 9.0], bins=4)
    found = _core.histogram_decode(Histogram(np_histogram=(convert(counts), convert(edges))).data)
    assert list(found["edges"]) == edges.tolist()
    assert list(found["counts"]) == counts.tolist()


BAD = [
    ("neither", {}),
    ("both", {"values": [1], "np_histogram": ([1], [0, 1])}),
    ("text", {"values": "abc"}),
    ("object", {"values": object()}),
    ("complex", {"values": np.array([1j])}),
    ("ragged", {"values": [[1], [1, 2]]}),
    ("too few edges", {"np_histogram": ([1, 2], [0, 1])}),
    ("density", {"np_histogram": ([0.5], [0, 1])}),
    ("negative", {"np_histogram": ([-1], [0, 1])}),
    ("edges that fall", {"np_histogram": ([1], [1, 0])}),
    ("no pair", {"np_histogram": 5}),
]


@pytest.mark.parametrize("arguments", [case[1] for case in BAD], ids=[case[0] for case in BAD])
def test_what_is_no_histogram_says_so(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        Histogram(**arguments)


class Tensor:
    """As much of torch.Tensor as is used."""

    is_sparse = False

    def __init__(self, values: Any, dtype: str = "float32", device: str = "cpu") -> None:
        self.values = np.asarray(values)
        self.device = type("Device", (), {"type": device})()
        self.dtype = getattr(TORCH, dtype)

    def detach(self) -> Tensor:
        return self

    contiguous = detach

    def cpu(self) -> Tensor:
        return Tensor(self.values, self.dtype.name)

    def float(self) -> Tensor:
        return Tensor(self.values, "float32")

    def numpy(self) -> np.ndarray[Any, Any]:
        if self.dtype.name == "bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.values.astype(self.dtype.name)


NAMES = ["float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool", "complex64"]
TORCH = types.SimpleNamespace(
    Tensor=Tensor, **{name: types.SimpleNamespace(name=name, is_complex=name.startswith("complex")) for name in NAMES}
)


@pytest.mark.parametrize("dtype", ["float16", "float32", "bfloat16", "int64", "uint8"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_tensor(dtype: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", TORCH)  # type: ignore[arg-type]
    found = _core.histogram_decode(Histogram(Tensor([1.0, 2.0, 4.0], dtype, device)).data)
    assert (found["count"], found["sum"]) == (3, 7.0)
    with pytest.raises(InvalidValue, match="complex"):
        Histogram(Tensor([1j], "complex64", device))
