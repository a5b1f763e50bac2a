"""Arrays of jax: a value is a promise on every platform, the CPU's too, so none is waited for.

Jax is given, never imported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from . import jax_histogram
from .transfer import CannotRead, Number, Transfer

__all__ = ["JaxBackend"]


class JaxBackend:
    """Reads arrays of whatever devices, of one process."""

    def __init__(self, jax: Any) -> None:
        self._jax = jax
        self._gather = jax.jit(lambda values: jax.numpy.stack([value.reshape(()) for value in values]))
        self._count = jax_histogram.make_count(jax)

    def scalars(self, values: Sequence[Any]) -> Transfer[list[Number]]:
        by_kind: dict[Any, list[int]] = defaultdict(list)
        here = [_local(value) for value in values]
        for place, value in enumerate(here):
            if value.dtype.kind == "c":
                raise CannotRead("a complex number; log its real and imag, or abs()")
            by_kind[value.dtype, value.device].append(place)
        # One array a type and device, and always a new one: the caller may give away the memory of theirs.
        arrays = [self._gather([here[place] for place in places]) for places in by_kind.values()]
        return _Scalars(_Copy(self._jax, arrays), list(by_kind.values()))

    def histogram(self, values: Any) -> Transfer[bytes] | None:
        if values.size == 0 or not jax_histogram.counts(values.dtype):
            return None
        if not values.is_fully_addressable:
            values = _local(values)
        return _Counts(_Copy(self._jax, self._count(values)))


def _local(value: Any) -> Any:
    """The part of a replicated array that lies on one device of this process: no collective is launched."""
    if len(value.sharding.device_set) == 1:
        return value
    if not value.is_fully_replicated:
        if value.is_fully_addressable:
            return value
        raise CannotRead("no process holds all of it; log a replicated value, such as a mean over all devices")
    return value.addressable_data(0)


class _Copy:
    """Arrays whose copies to the host are asked for."""

    def __init__(self, jax: Any, arrays: Sequence[Any]) -> None:
        self.arrays = arrays
        self.nbytes = sum(array.nbytes for array in arrays)
        # The one transfer that is meant, also where the caller forbids those that happen by accident.
        with jax.transfer_guard_device_to_host("allow"):
            for array in arrays:
                array.copy_to_host_async()

    def is_done(self) -> bool:
        return all(array.is_ready() for array in self.arrays)

    def hurry(self) -> None:
        """What is dispatched runs by itself."""


class _Scalars:
    def __init__(self, copy: _Copy, places: list[list[int]]) -> None:
        self._copy, self._places = copy, places
        self.nbytes, self.is_done, self.hurry = copy.nbytes, copy.is_done, copy.hurry

    def take(self) -> list[Number]:
        values: list[Number] = [0.0] * sum(map(len, self._places))
        for places, array in zip(self._places, self._copy.arrays, strict=True):
            for place, value in zip(places, jax_histogram.on_host(array).tolist(), strict=True):
                values[place] = value
        return values


class _Counts:
    def __init__(self, copy: _Copy) -> None:
        self._copy = copy
        self.nbytes, self.is_done, self.hurry = copy.nbytes, copy.is_done, copy.hurry

    def take(self) -> bytes:
        return jax_histogram.finish(*self._copy.arrays)
