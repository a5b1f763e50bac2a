"""Stands in for the compiled core on Windows, where runs are read over HTTP and none are recorded.

Wherever the compiled module of the same name was built it is found before this file. Of the core this has what reading
asks for, and the names that the recording rooms mention when they are imported.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from typing import Any

from .errors import StepwellError

if sys.platform != "win32":
    raise ImportError(
        "the compiled core of stepwell is not there, or was built for another Python than this one "
        f"({sys.version_info[0]}.{sys.version_info[1]}): pip install --force-reinstall stepwell"
    )

RING_LAYOUT = 1
KIND_ROW, KIND_TEXT, KIND_HISTOGRAM, KIND_FIELD, KIND_CONSOLE, KIND_EVENT, KIND_CHECKPOINT = range(1, 8)
CONTROL_RETIRED, CONTROL_STOP, CONTROL_UNLINKED = 1, 2, 4
SERVICE_UNKNOWN, SERVICE_CONNECTED, SERVICE_UNREACHABLE, SERVICE_OFFLINE = range(4)

_SIGN_CODE, _TOP_CODE, _CODE_SHIFT = 2048, (254 << 3) | 7, 20  # csrc/histogram/buckets.h


class RingError(Exception):
    """Never raised here: there are no rings."""


class Recorder:
    """Never made: `stepwell.init` refuses before."""

    def __init__(self, **_: Any) -> None:
        raise StepwellError("recording needs Linux or macOS")


def histogram(values: Any, dtype: str | None = None) -> bytes:  # noqa: ARG001
    """Nothing: a run that records nothing takes it, and there is no other here."""
    return b""


def histogram_counts(counts: Sequence[int], edges: Sequence[float]) -> bytes:  # noqa: ARG001
    return b""


def histogram_decode(data: bytes) -> dict[str, Any]:
    raise StepwellError(f"a histogram of {len(data)} bytes cannot be decoded here; Linux and macOS can")


def histogram_edges(buckets: Sequence[int]) -> list[tuple[float, float]]:
    """(low, high) of each log-linear bucket code; low <= high, sign kept."""
    return [_edges(code) for code in buckets]


def _edges(code: int) -> tuple[float, float]:
    magnitude = code & (_SIGN_CODE - 1)
    if code >= 2 * _SIGN_CODE or magnitude > _TOP_CODE:
        raise ValueError(f"{code} is no bucket")
    near, far = _edge(magnitude), _edge(magnitude + 1)
    return (near, far) if code < _SIGN_CODE else (-far, -near)


def _edge(at: int) -> float:
    if at > _TOP_CODE:
        return 2.0**128
    edge: float = struct.unpack("<f", struct.pack("<I", at << _CODE_SHIFT))[0]
    return edge
