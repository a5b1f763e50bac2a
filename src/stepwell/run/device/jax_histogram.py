"""Counting a histogram by jax, on whatever device: the buckets of csrc/histogram/buckets.h, bit for bit.

One jitted function a shape and type. The sums are taken in float64, whatever the user's `jax_enable_x64` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import _core
from .torch_histogram import CODES, INFINITY, NAN, SIGN, TOP

__all__ = ["counts", "finish", "make_count", "on_host"]

_REBIAS = (1023 - 127) << 3
_AS_FLOAT = ("float32", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "bool")
_OTHERS = ("float64", "int32", "int64", "uint32")


def counts(dtype: Any) -> bool:
    """Whether values of this type can be counted here."""
    return dtype.name in _AS_FLOAT or dtype.name in _OTHERS


def make_count(jax: Any) -> Callable[[Any], tuple[Any, Any]]:
    """A function of an array that gives (counts by code, [sum, sum of squares, min, max])."""
    jnp = jax.numpy
    x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

    def count(values: Any) -> tuple[Any, Any]:
        flat = values.reshape(-1)
        codes, exact = _codes(jax, flat)
        kind = jnp.int32 if flat.size < 1 << 31 else jnp.int64
        table = jnp.zeros(CODES, kind).at[codes].add(1)
        finite = jnp.isfinite(exact)
        zeroed = jnp.where(finite, exact, 0).astype(jnp.float64)
        low = jnp.where(finite, exact, jnp.inf).min()
        high = jnp.where(finite, exact, -jnp.inf).max()
        figures = [zeroed.sum(), (zeroed * zeroed).sum(), low, high]
        return table, jnp.stack([figure.astype(jnp.float64) for figure in figures])

    jitted = jax.jit(count)

    def count_in_float64(values: Any) -> tuple[Any, Any]:
        with x64(True):
            found: tuple[Any, Any] = jitted(values)
            return found

    return count_in_float64


def on_host(array: Any) -> Any:
    """As a numpy array; its copy has been asked for before."""
    import numpy as np

    found = np.asarray(array)
    return found.astype(np.float64) if found.dtype.kind == "V" or found.dtype.name == "bfloat16" else found


def finish(table: Any, figures: Any) -> bytes:
    """A histogram's bytes of what `count` gave."""
    return _core.histogram_counted(on_host(table), *on_host(figures).tolist())


def _codes(jax: Any, values: Any) -> tuple[Any, Any]:
    jnp, bits_of = jax.numpy, jax.lax.bitcast_convert_type
    name = values.dtype.name
    if name in ("int32", "uint32", "int64"):
        nearest = values.astype(jnp.float64)
        if name != "int64":
            return _codes_of_doubles(jax, nearest), nearest
        # Beyond 2^53 the bucket is cut from below, so that it holds the integer: no rounding into the next one.
        magnitude = jnp.where(values < 0, -values, values)
        cut = jnp.where((magnitude >= 1 << 53) | (magnitude < 0), magnitude & -2048, magnitude)
        return _codes_of_doubles(jax, jnp.where(values < 0, -cut, cut).astype(jnp.float64)), nearest
    if name == "float64":
        return _codes_of_doubles(jax, values), values
    floats = values.astype(jnp.float32)
    codes = (bits_of(floats, jnp.uint32) >> 20).astype(jnp.int32)
    if name == "bfloat16":  # from its own bits: XLA may flush subnormal numbers as it converts them
        codes = (bits_of(values, jnp.uint16) >> 4).astype(jnp.int32)
    return jnp.where(jnp.isnan(floats), NAN, codes), floats


def _codes_of_doubles(jax: Any, values: Any) -> Any:
    jnp, bits_of = jax.numpy, jax.lax.bitcast_convert_type
    bits = bits_of(values, jnp.uint64)
    sign = (bits >> 63).astype(jnp.int32) * SIGN
    magnitude = jnp.abs(values)
    key = ((bits << 1) >> 50).astype(jnp.int32)  # 11 exponent and 3 mantissa bits
    low = (jnp.minimum(magnitude, 2.0**-126) * 2.0**129).astype(jnp.int32)
    codes = jnp.where(key >= _REBIAS + 8, jnp.minimum(key - _REBIAS, TOP), low)
    codes = jnp.where(jnp.isinf(values), INFINITY, codes) + sign
    return jnp.where(jnp.isnan(values), NAN, codes)
