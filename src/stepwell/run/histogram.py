"""`stepwell.Histogram`: the distribution of many values, counted when it is made, in C++.

Owns turning what users hold (torch, numpy, lists, buffers) into one contiguous buffer. Imports numpy only for what is
not such a buffer already.
"""

from __future__ import annotations

import array
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .. import _core
from ..errors import InvalidValue
from .device import CannotRead, Counted, backend_of, on_device, warn_of_sync

__all__ = ["Histogram"]


class Histogram:
    """How values are distributed: sparse log-linear buckets at most 12.5 % wide, with no range to choose.

    Args:
        values: A numpy array, a torch tensor, a jax array, nested lists, or anything with a buffer or `__array__`; any
            shape; f16, bf16, f32, f64, integers or bool. NaN and infinities are counted apart. What lies on a GPU is
            counted there, as it is at this moment, without waiting for it; on a device that is not known the values
            are copied from it, which waits.
        np_histogram: Instead of values: `(counts, edges)` as `numpy.histogram` returns them; n counts and n + 1
            ascending edges, kept as given.

    Raises:
        InvalidValue: Neither, both, or values that have no order (complex).

    Example:
        ```python
        run.log({"grad/conv1": stepwell.Histogram(gradient)})
        run.log({"act": stepwell.Histogram(np_histogram=np.histogram(activations, bins=64))})
        ```
    """

    __slots__ = ("_held",)
    _held: bytes | Counted

    def __init__(self, values: Any = None, *, np_histogram: tuple[Any, Any] | None = None) -> None:
        if (values is None) == (np_histogram is None):
            raise InvalidValue("a Histogram is made of either values or np_histogram=(counts, edges)")
        if np_histogram is not None:
            self._held = _given(np_histogram)
            return
        try:
            self._held = _unseen()(values)
        except InvalidValue:
            raise
        except Exception as error:
            raise InvalidValue(f"no histogram can be made of a {type(values).__name__}: {error}") from error

    @property
    def data(self) -> bytes:
        """Its bytes, as `docs/block-format.md` describes them. Waits for a device that is still counting."""
        return self._held.data if isinstance(self._held, Counted) else self._held

    @property
    def counted(self) -> Counted | None:
        """What a device counts, where one does; for `run.log`."""
        return self._held if isinstance(self._held, Counted) else None

    def __repr__(self) -> str:
        found = _core.histogram_decode(self.data)
        return f"Histogram(count={found['count']}, min={found['min']}, max={found['max']})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)


_shielded: Callable[[Any], bytes | Counted] | None = None


def _unseen() -> Callable[[Any], bytes | Counted]:
    """`_count`; where torch's compiler is loaded, so that it does not compile what it meets in a compiled function."""
    global _shielded  # noqa: PLW0603
    if _shielded is not None:
        return _shielded
    disable = getattr(sys.modules.get("torch._dynamo"), "disable", None)
    if disable is None:
        return _count
    _shielded = disable(_count)  # once: torch takes longer over it than a small histogram does
    return _shielded


def _count(values: Any) -> bytes | Counted:
    return _count_on_device(values) or _core.histogram(_buffer(values))


def _count_on_device(values: Any) -> Counted | None:
    """None for what no device can count behind our back."""
    known = backend_of(values)
    if known is None:
        return None
    backend, given = known
    try:
        transfer = backend.histogram(given)
    except CannotRead as error:
        return Counted(None, str(error))
    return Counted(transfer) if transfer is not None else None


def _given(np_histogram: tuple[Any, Any]) -> bytes:
    try:
        counts, edges = np_histogram
        whole = [_whole(count) for count in _listed(counts)]
        return _core.histogram_counts(whole, [float(edge) for edge in _listed(edges)])
    except Exception as error:
        raise InvalidValue(f"np_histogram is (counts, edges), n counts and n + 1 ascending edges: {error}") from error


def _listed(values: Any) -> Sequence[Any]:
    tolist = getattr(values, "tolist", None)
    return tolist() if callable(tolist) else list(values)


def _whole(count: Any) -> int:
    whole = int(count)
    if whole != count or whole < 0:
        raise InvalidValue(f"a count is a whole number of at least 0, not {count!r} (density=True is not one)")
    return whole


def _buffer(values: Any) -> Any:
    """What `_core.histogram` reads: C-contiguous, of a type it knows."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        return _torch_buffer(torch, values)
    if isinstance(values, (list, tuple, range)):
        try:
            return array.array("d", values)
        except TypeError:
            pass  # nested: numpy finds the shape
    elif isinstance(values, (bytes, bytearray, array.array, memoryview)):
        return values
    if on_device(values):
        warn_of_sync()
    import numpy as np

    found = np.asarray(values)
    if found.dtype == object or (found.dtype.kind == "f" and found.dtype.itemsize > 8):
        found = found.astype(np.float64)
    if found.dtype.kind == "c":
        raise InvalidValue("complex values have no order; take abs(), real or imag")
    return np.ascontiguousarray(found)


def _torch_buffer(torch: Any, values: Any) -> Any:
    values = values.detach()
    if on_device(values):
        warn_of_sync()
        values = values.cpu()
    if values.dtype.is_complex:
        raise InvalidValue("complex values have no order; take abs(), real or imag")
    if values.is_sparse:
        values = values.to_dense()
    if values.dtype not in (
        torch.float16,
        torch.float32,
        torch.float64,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.uint8,
        torch.bool,
    ):
        values = values.float()  # bfloat16 and the 8-bit floats: exact
    return values.contiguous().numpy()
