"""Tensors of torch on a device with streams: gathered, copied to pinned memory, and asked for by an event.

Torch is given, never imported. What is done on the device is done on its current stream, so a value is the one that
the tensor has at the log call, whatever is written into it later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from . import torch_histogram
from .transfer import CannotRead, Number, Transfer

__all__ = ["Lane", "Mark", "StreamLane", "TorchBackend"]

_ALIGN = 8  # of each dtype's part of a host buffer
_HOST_BYTES_MIN = 512


class Mark(Protocol):
    """A place in a lane."""

    def query(self) -> bool:
        """Whether everything before it has been done. Does not wait."""


class Lane(Protocol):
    """The current stream of one device, as far as copies to the host go."""

    def captures(self) -> bool:
        """Whether what is launched now is recorded into a graph instead of being run."""

    def buffer(self, nbytes: int) -> Any:
        """Host memory (uint8) that the device can write to while the host goes on."""

    def copy(self, source: Any, target: Any) -> None:
        """From the device into a part of such a buffer, without waiting."""

    def mark(self) -> Mark:
        """A mark behind everything launched so far."""


class StreamLane:
    """`torch.cuda` (also ROCm's) and those built like it: `torch.xpu`."""

    def __init__(self, torch: Any, device: Any) -> None:
        self._torch = torch
        self._device = device
        self._module = getattr(torch, device.type)
        self._event: Callable[[], Any] = self._module.Event
        self._capturing = getattr(self._module, "is_current_stream_capturing", None)

    def captures(self) -> bool:
        if self._capturing is None:
            return False
        if self._device.index in (None, self._module.current_device()):
            return bool(self._capturing())
        with self._module.device(self._device):
            return bool(self._capturing())

    def buffer(self, nbytes: int) -> Any:
        # Not an inference tensor, which could not be written outside of inference mode.
        with self._torch.inference_mode(mode=False):
            return self._torch.empty(nbytes, dtype=self._torch.uint8, device="cpu", pin_memory=True)

    def copy(self, source: Any, target: Any) -> None:
        target.copy_(source, non_blocking=True)

    def mark(self) -> Mark:
        event: Mark = self._event()
        event.record(self._module.current_stream(self._device))  # type: ignore[attr-defined]
        return event


class TorchBackend:
    """Reads tensors of one device. Host buffers are used again, as pinning memory is slow and may wait."""

    def __init__(self, torch: Any, lane: Lane) -> None:
        self._torch = torch
        self._lane = lane
        self._spare: dict[int, list[Any]] = defaultdict(list)

    def scalars(self, values: Sequence[Any]) -> Transfer[list[Number]]:
        self._refuse_capture()
        by_type: dict[Any, list[int]] = defaultdict(list)
        for place, value in enumerate(values):
            if value.dtype.is_complex:
                raise CannotRead("a complex number; log its real and imag, or abs()")
            by_type[value.dtype].append(place)
        torch = self._torch
        with torch.no_grad():
            # One kernel and one copy a type, and exact: no value changes its type on the way.
            parts = [torch.stack([_as_scalar(values[place]) for place in places]) for places in by_type.values()]
            copy = self._copy(parts)
        return _Scalars(copy, list(by_type.values()))

    def histogram(self, values: Any) -> Transfer[bytes] | None:
        if not torch_histogram.counts(self._torch, values.dtype) or values.is_sparse or values.numel() == 0:
            return None
        self._refuse_capture()
        with self._torch.no_grad():
            return _Counts(self._copy(torch_histogram.count(self._torch, values)))

    def _refuse_capture(self) -> None:
        if self._lane.captures():
            raise CannotRead("it was logged while a graph is captured, where it has no value yet; log it after replay")

    def _copy(self, parts: Sequence[Any]) -> _Copy:
        """Starts copying tensors of the device into one host buffer."""
        sizes = [part.numel() * part.element_size() for part in parts]
        total = sum(-(-size // _ALIGN) * _ALIGN for size in sizes)
        size = max(_HOST_BYTES_MIN, 1 << (total - 1).bit_length())
        try:
            buffer = self._spare[size].pop()
        except IndexError:
            buffer = self._lane.buffer(size)
        views = []
        at = 0
        for part, nbytes in zip(parts, sizes, strict=True):
            view = buffer[at : at + nbytes].view(part.dtype)
            self._lane.copy(part, view)
            views.append(view)
            at += -(-nbytes // _ALIGN) * _ALIGN
        return _Copy(buffer, views, self._lane.mark(), self._spare[size], self._lane)


def _as_scalar(value: Any) -> Any:
    return value if value.ndim == 0 else value.reshape(())


class _Copy:
    """A host buffer that the device writes to."""

    def __init__(self, buffer: Any, views: list[Any], mark: Mark, spare: list[Any], lane: Lane) -> None:
        self.views = views
        self.nbytes: int = buffer.numel()
        self._buffer, self._mark, self._spare, self._lane = buffer, mark, spare, lane

    def is_done(self) -> bool:
        # An event may not be asked while a graph is captured: that would end the capture.
        return not self._lane.captures() and bool(self._mark.query())

    def give_back(self) -> None:
        self.views.clear()
        self._spare.append(self._buffer)


class _Scalars:
    def __init__(self, copy: _Copy, places: list[list[int]]) -> None:
        self._copy, self._places = copy, places
        self.nbytes = copy.nbytes

    def is_done(self) -> bool:
        return self._copy.is_done()

    def hurry(self) -> None:
        """A stream needs no asking."""

    def take(self) -> list[Number]:
        values: list[Number] = [0.0] * sum(map(len, self._places))
        for places, view in zip(self._places, self._copy.views, strict=True):
            for place, value in zip(places, view.tolist(), strict=True):
                values[place] = value
        self._copy.give_back()
        return values


class _Counts:
    def __init__(self, copy: _Copy) -> None:
        self._copy = copy
        self.nbytes = copy.nbytes

    def is_done(self) -> bool:
        return self._copy.is_done()

    def hurry(self) -> None:
        """A stream needs no asking."""

    def take(self) -> bytes:
        counts, figures = self._copy.views
        data = torch_histogram.finish(counts, figures)
        self._copy.give_back()
        return data
