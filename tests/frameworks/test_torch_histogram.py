"""Histograms that torch counts: the buckets of the C++ kernel bit for bit, and its sums to 1e-12 of what is added."""

from __future__ import annotations

from typing import Any

import histogram_cases
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell import _core
from stepwell.run.device import torch_histogram


def counted(torch: Any, tensor: Any) -> dict[str, Any]:
    table, figures = torch_histogram.count(torch, tensor)
    return _core.histogram_decode(torch_histogram.finish(table, figures))


def as_tensor(torch: Any, values: np.ndarray[Any, Any], name: str) -> Any:
    if name == "bfloat16":
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(values)


TYPES = [name for name in histogram_cases.TYPES if name not in ("uint16", "uint32")]


@pytest.mark.parametrize("name", TYPES)
def test_buckets_are_those_of_the_kernel(torch: Any, name: str) -> None:
    values = histogram_cases.values(name)
    tensor = as_tensor(torch, values, name)
    histogram_cases.check(counted(torch, tensor), values, name)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
@settings(max_examples=200, deadline=None)
def test_any_bits(torch: Any, bits: list[int]) -> None:
    words = np.array(bits, dtype=np.uint64)
    for name in ("float64", "int64"):
        values = words.view(name)
        histogram_cases.check(counted(torch, as_tensor(torch, values, name)), values, name)
    values = words.view(np.float32)
    histogram_cases.check(counted(torch, as_tensor(torch, values, "float32")), values, "float32")


def test_in_several_chunks(torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_histogram, "_CHUNK", 1000)
    values = histogram_cases.values("float32")
    histogram_cases.check(counted(torch, torch.from_numpy(values)), values, "float32")


def test_any_shape_and_stride(torch: Any) -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    tensor = torch.from_numpy(values).permute(2, 0, 1)[::2]
    histogram_cases.check(counted(torch, tensor), tensor.contiguous().numpy(), "float32")


def test_nothing_finite(torch: Any) -> None:
    values = np.array([np.nan, np.inf, -np.inf, np.inf], dtype=np.float32)
    histogram_cases.check(counted(torch, torch.from_numpy(values)), values, "float32")


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_eight_bit_floats(torch: Any, name: str) -> None:
    tensor = torch.arange(256, dtype=torch.int16).to(torch.uint8).view(getattr(torch, name))
    histogram_cases.check(counted(torch, tensor), tensor.float().numpy(), "float32")


@pytest.mark.parametrize("name", ["complex64", "uint64"])
def test_what_it_does_not_count(torch: Any, name: str) -> None:
    assert not torch_histogram.counts(torch, getattr(torch, name))
