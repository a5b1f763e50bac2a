"""Values for histograms that a framework counts, and what the C++ kernel makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from stepwell import _core

__all__ = ["TYPES", "check", "values"]

FLOATS = ("float32", "float16", "bfloat16", "float64")
TYPES = (*FLOATS, "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "bool")
# Ends of buckets and of types, subnormal numbers, and those beyond float32.
ODD = (0.0, 1e-45, 1e-40, 2.0**-126, 2.0**-129, 2.0**-149, 1e-320, 3.4028235e38, 1e300, 1.0, np.inf, np.nan)
SUMS = 1e-12  # relative to the sum of magnitudes


def values(name: str) -> np.ndarray[Any, Any]:
    """Some 100,000, of which many are odd; every pattern of a type with 16 bits or fewer. bfloat16 as uint16 words."""
    rng = np.random.default_rng(0)
    if name == "bfloat16":
        return np.arange(1 << 16, dtype=np.uint16)
    if name == "bool":
        return rng.integers(0, 2, 1000).astype(bool)
    dtype = np.dtype(name)
    if dtype.itemsize <= 2:
        return np.arange(1 << 8 * dtype.itemsize, dtype=f"u{dtype.itemsize}").view(dtype)
    patterns = rng.integers(0, 256, 50_000 * dtype.itemsize, dtype=np.uint8).view(dtype)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            odd = np.array([*ODD, *(-value for value in ODD)]).astype(dtype)
        return np.concatenate([rng.normal(size=50_000).astype(dtype), patterns, odd])
    bits = [1 << shift for shift in range(8 * dtype.itemsize - (dtype.kind == "i"))]
    ends = np.array([*bits, *(bit - 1 for bit in bits), np.iinfo(dtype).min, np.iinfo(dtype).max], dtype=dtype)
    return np.concatenate([patterns, ends, np.negative(ends)])


def check(found: dict[str, Any], given: np.ndarray[Any, Any], name: str, subnormal: float = 0.0) -> None:
    """That a histogram is the kernel's. subnormal: below it an extreme may have become 0."""
    dtype = "bfloat16" if name == "bfloat16" else None
    expected = _core.histogram_decode(_core.histogram(np.ascontiguousarray(given), dtype))
    for part in ("count", "nan", "pos_inf", "neg_inf", "buckets", "counts"):
        assert found[part] == expected[part], part
    for part in ("min", "max"):
        np.testing.assert_allclose(found[part], expected[part], rtol=0, atol=subnormal)
    numbers = (given.astype(np.uint32) << 16).view(np.float32) if dtype else given
    with np.errstate(all="ignore"):
        finite = numbers[np.isfinite(numbers)].astype(np.float64)
        for part, terms in (("sum", finite), ("sum2", finite * finite)):
            if np.isfinite(scale := np.abs(terms).sum()):
                assert abs(found[part] - expected[part]) <= SUMS * scale + subnormal * finite.size, part
