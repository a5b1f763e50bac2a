"""Counting a histogram on the device, by torch: the buckets of csrc/histogram/buckets.h, bit for bit.

Every function only launches: no size depends on a value, so nothing waits. What the buckets do not tell (sums and
extremes) is taken in float64. NaN and infinities are counted in codes of their own.
"""

from __future__ import annotations

from typing import Any

from ... import _core

__all__ = ["count", "counts", "finish"]

CODES = 4096
SIGN = 2048
TOP = 2039  # of the largest finite float32
INFINITY = 2040
NAN = 2041
_REBIAS = (1023 - 127) << 3
_EXACT = 1 << 53  # a double holds every integer up to here
_CHUNK = 1 << 21  # values at a time: bounds the temporaries on the device to some 100 MB
_SMALL_COUNTS = 1 << 31

_AS_FLOAT = ("float32", "float16", "bfloat16", "int8", "uint8", "int16", "bool")
_OTHERS = ("float64", "int32", "int64")


def counts(torch: Any, dtype: Any) -> bool:
    """Whether values of this type can be counted here."""
    return any(dtype is getattr(torch, name, None) for name in (*_AS_FLOAT, *_OTHERS)) or _is_float8(dtype)


def count(torch: Any, values: Any) -> tuple[Any, Any]:
    """(counts by code, [sum, sum of squares, min, max]), both on the device of the values, of which there is one."""
    flat = values.detach().reshape(-1)
    kind = torch.int32 if flat.numel() < _SMALL_COUNTS else torch.int64
    table = torch.zeros(CODES, dtype=kind, device=flat.device)
    one = torch.ones((), dtype=kind, device=flat.device)
    sums, lows, highs = [], [], []
    for part in flat.split(_CHUNK):
        codes, exact = _codes(torch, part)
        table.scatter_add_(0, codes, one.expand(codes.numel()))
        finite = torch.isfinite(exact)
        zeroed = torch.where(finite, exact, 0.0).double()
        sums.append(torch.stack([zeroed.sum(), (zeroed * zeroed).sum()]))
        lows.append(torch.where(finite, exact, torch.inf).amin())
        highs.append(torch.where(finite, exact, -torch.inf).amax())
    extremes = torch.stack([torch.stack(lows).amin(), torch.stack(highs).amax()]).double()
    return table, torch.cat([torch.stack(sums).sum(0), extremes])


def finish(table: Any, figures: Any) -> bytes:
    """A histogram's bytes of what `count` gave, on the host by now."""
    return _core.histogram_counted(memoryview(table.numpy()), *figures.tolist())


def _is_float8(dtype: Any) -> bool:
    return bool(dtype.is_floating_point) and dtype.itemsize == 1


def _codes(torch: Any, values: Any) -> tuple[Any, Any]:
    """(codes as int64, the values in a type that holds their sums' terms) of a flat tensor."""
    if values.dtype is torch.int64 or values.dtype is torch.int32:
        nearest = values.double()
        if values.dtype is torch.int32:
            return _codes_of_doubles(torch, nearest), nearest
        # Beyond 2^53 the bucket is cut from below, so that it holds the integer: no rounding into the next one.
        magnitude = torch.where(values < 0, -values, values)
        cut = torch.where((magnitude >= _EXACT) | (magnitude < 0), magnitude & -2048, magnitude)
        return _codes_of_doubles(torch, torch.where(values < 0, -cut, cut).double()), nearest
    if values.dtype is torch.float64:
        return _codes_of_doubles(torch, values), values
    floats = values.float()  # exact for all that comes here
    codes = (floats.view(torch.int32) >> 20) & (CODES - 1)
    odd = torch.isnan(floats)
    return torch.where(odd, NAN, codes).long(), floats


def _codes_of_doubles(torch: Any, values: Any) -> Any:
    magnitude = values.abs()
    key = magnitude.view(torch.int64) >> 49  # 11 exponent and 3 mantissa bits
    # Below float32's normal range eight linear buckets of 2^-129.
    low = (magnitude.clamp(max=2.0**-126) * 2.0**129).long()
    codes = torch.where(key >= _REBIAS + 8, (key - _REBIAS).clamp(max=TOP), low)
    codes = torch.where(torch.isinf(values), INFINITY, codes) + torch.signbit(values) * SIGN
    return torch.where(torch.isnan(values), NAN, codes)
