"""Log calls whose values are on their way from a device, oldest first, each with the step and time it was made at.

Harvested in order, so that of two calls that write one point the later one is written later. A call that needs no
device is written at once, and so before older ones that wait: a point of theirs that it writes again is left out, as it
would have been replaced. Bounded: beyond `bytes_max` a call's values are given up at once, which is counted and said.

Not thread-safe by itself: every method is called under the lock of the slow path.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection

from ..._core import KIND_HISTOGRAM
from .counted import Counted
from .transfer import Number, Transfer

__all__ = ["Call", "Cells", "Pending", "Records"]

Cells = list[tuple[str, Number]]
Records = list[tuple[int, tuple[bytes, ...]]]

_CALL_BYTES = 1024  # counted for what Python keeps of a call
_LOOK_MIN_S, _LOOK_MAX_S = 0.0005, 0.02
_in_parent: list[object] = []  # of a forked child: never touched, never freed, as the device is the parent's


class Call:
    """What one log call waits for: names of scalars beside the transfer that brings them, and histograms.

    histograms: by name its UTF-8, and what it holds.
    """

    def __init__(self, histograms: dict[str, tuple[bytes, Counted]]) -> None:
        self.scalars: list[tuple[list[str], Transfer[list[Number]]]] = []
        self.histograms = histograms
        self.step = self.time_ms = 0
        self.replaced_scalars: set[str] = set()
        self.replaced_histograms: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.scalars or self.histograms)

    @property
    def nbytes(self) -> int:
        """Held until it is harvested."""
        return _CALL_BYTES + sum(t.nbytes for _, t in self.scalars) + sum(c.nbytes for _, c in self.histograms.values())

    @property
    def values(self) -> int:
        """How many are on their way."""
        return sum(len(names) for names, _ in self.scalars) + len(self.histograms)

    def is_done(self) -> bool:
        """Never waits."""
        return all(t.is_done() for _, t in self.scalars) and all(c.is_done() for _, c in self.histograms.values())

    def hurry(self) -> None:
        for _, transfer in self.scalars:
            transfer.hurry()
        for _, counted in self.histograms.values():
            counted.hurry()

    def take(self) -> tuple[Cells, Records]:
        """What has not been replaced."""
        cells: Cells = [
            (name, value)
            for names, transfer in self.scalars
            for name, value in zip(names, transfer.take(), strict=True)
            if name not in self.replaced_scalars
        ]
        records: Records = [
            (KIND_HISTOGRAM, (encoded, counted.data))
            for name, (encoded, counted) in self.histograms.items()
            if name not in self.replaced_histograms
        ]
        return cells, records


class Pending:
    """The calls in flight.

    write: given harvested cells, records, step and time (ms). lose: told the kind of a loss, how many values, and why.
    """

    def __init__(
        self,
        bytes_max: int,
        write: Callable[[Cells, Records, int, int], None],
        lose: Callable[[str, int, str], None],
    ) -> None:
        self._bytes_max = bytes_max
        self._write = write
        self._lose = lose
        self._calls: deque[Call] = deque()
        self._nbytes = 0
        self._harvesting = False

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: Call) -> None:
        """Keeps a call until it is harvested, or gives it up where there is no room."""
        if self._calls and self._nbytes + call.nbytes > self._bytes_max:
            self._lose(
                "full",
                call.values,
                f"{len(self._calls)} log calls already wait for the device, and together they would hold over "
                f"{self._bytes_max >> 20} MiB (setting device_pending_bytes_max). The call did not wait for it, so the "
                "values of further calls are not recorded until some of those have come",
            )
            return
        self._calls.append(call)
        self._nbytes += call.nbytes

    def replace(self, step: int, scalars: Collection[str], histograms: Collection[str]) -> None:
        """A later call has written these points of a step: what waits for them is not written any more."""
        for call in self._calls:
            if call.step == step:
                call.replaced_scalars.update(scalars)
                call.replaced_histograms.update(histograms)

    def harvest(self) -> bool:
        """Writes the oldest calls whose values have come. Whether there were any."""
        if self._harvesting:  # a finaliser that logs, run within what is below
            return False
        self._harvesting = True
        found = False
        try:
            while self._calls and self._write_oldest():
                found = True
        finally:
            self._harvesting = False
        return found

    def _write_oldest(self) -> bool:
        """False: it has not come yet."""
        call = self._calls[0]
        try:
            if not call.is_done():
                return False
            cells, records = call.take()
        except Exception as error:  # noqa: BLE001 - a failed device is told by whatever its framework raises
            cells, records = [], []
            why = f"the device gave an error in place of values of step {call.step}: {error}"
            self._lose("error", call.values, why)
        self._calls.popleft()
        self._nbytes -= call.nbytes
        if cells or records:
            self._write(cells, records, call.step, call.time_ms)
        return True

    def harvest_all(self, stall_s: float) -> None:
        """At the end of a run: polls until all have come, or none has for `stall_s`; the rest is lost, and said."""
        for call in self._calls:
            call.hurry()
        moved = time.monotonic()
        pause = _LOOK_MIN_S
        while self._calls:
            if self.harvest():
                moved, pause = time.monotonic(), _LOOK_MIN_S
            elif time.monotonic() - moved >= stall_s:
                break
            else:
                time.sleep(pause)
                pause = min(pause * 1.5, _LOOK_MAX_S)
        lost = sum(call.values for call in self._calls)
        if lost:
            first = self._calls[0].step
            why = f"the device gave nothing for {stall_s:g} s; from step {first} on its values are missing"
            self._lose("end", lost, why)
        self._calls.clear()
        self._nbytes = 0

    def forget(self) -> None:
        """In a forked child, where they are the parent's."""
        _in_parent.append(self._calls)
        self._calls = deque()
        self._nbytes = 0
