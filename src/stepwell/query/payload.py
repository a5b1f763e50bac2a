"""Columns for a browser: a JSON header, then raw little-endian arrays that a typed array can look at in place.

    u32 length of the header | header, UTF-8, padded with spaces to 8 bytes | arrays, each padded to 8 bytes

The header is {"body": ..., "arrays": [[type, items, offset from the first array], ...]}; the body refers to an
array by its place. Equal arrays (the step column of metrics that were logged together) travel once.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Payload", "compact", "decode"]

_TYPES: dict[np.dtype[Any], str] = {
    np.dtype("<f8"): "f64",
    np.dtype("<f4"): "f32",
    np.dtype("<u4"): "u32",
    np.dtype("<u2"): "u16",
}
_DTYPES = {name: dtype for dtype, name in _TYPES.items()}
_F32_EXACT = float(1 << 24)


class Payload:
    """Collects arrays; `add` gives the number by which the body names one."""

    def __init__(self) -> None:
        self._arrays: list[tuple[str, int, bytes]] = []
        self._known: dict[tuple[str, bytes], int] = {}

    def add(self, array: npt.NDArray[Any]) -> int:
        """Takes float64, float32, uint32 and uint16."""
        flat = np.ascontiguousarray(array)
        kind = _TYPES[flat.dtype.newbyteorder("<")]
        data = flat.astype(flat.dtype.newbyteorder("<"), copy=False).tobytes()
        number = self._known.get((kind, data))
        if number is None:
            number = self._known[kind, data] = len(self._arrays)
            self._arrays.append((kind, len(flat), data))
        return number

    def encode(self, body: Any) -> bytes:
        offset, places, parts = 0, [], []
        for kind, items, data in self._arrays:
            places.append([kind, items, offset])
            padded = data + b"\0" * (-len(data) % 8)
            parts.append(padded)
            offset += len(padded)
        header = json.dumps({"body": body, "arrays": places}, separators=(",", ":"), allow_nan=False).encode()
        header += b" " * (-(len(header) + 4) % 8)
        return b"".join([len(header).to_bytes(4, "little"), header, *parts])


def compact(values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """float32 where that shows no difference on a screen, else float64.

    A small change on a large offset (a counter, a wall time, a loss of 1e6 + 1e-3) would turn into stairs.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return values.astype(np.float32)
    low, high = float(finite.min()), float(finite.max())
    largest = max(abs(low), abs(high))
    if largest >= _F32_EXACT or 0 < high - low < 1e-3 * largest or 0 < largest < 1e-30:
        return values
    return values.astype(np.float32)


def decode(data: bytes) -> tuple[Any, list[npt.NDArray[Any]]]:
    """The body and the arrays of what `Payload.encode` made. Raises ValueError for anything else."""
    if len(data) < 4:
        raise ValueError("no columns: the answer ends before its header")
    start = 4 + int.from_bytes(data[:4], "little")
    header = json.loads(data[4:start])
    arrays = []
    for kind, items, offset in header["arrays"]:
        dtype = _DTYPES[kind]
        arrays.append(np.frombuffer(data, dtype, items, start + offset))
    return header["body"], arrays
