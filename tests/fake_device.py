"""A device whose copies come when the test says so: of plain values, and of torch's tensors on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from recorders import recorder_in
from ring_reader import Record, read_ring
from stepwell import _core
from stepwell.run.device import CannotRead, Transfer
from stepwell.run.notices import Once
from stepwell.run.slow import SlowPath
from stepwell.settings import Settings


@dataclass
class Recording:
    """A recorder with the slow path of a run, and what its ring holds."""

    recorder: _core.Recorder
    slow: SlowPath

    @classmethod
    def begin(cls, folder: Path, **settings: Any) -> Recording:
        slow = SlowPath(Settings.load(settings), Once())
        recorder = recorder_in(folder, slow=slow)
        slow.recorder = recorder
        return cls(recorder, slow)

    @property
    def log(self) -> Callable[..., None]:
        return self.recorder.log

    def records(self) -> list[Record]:
        return read_ring(self.recorder.path)

    def cells(self) -> list[tuple[int, dict[str, Any]]]:
        """(step, cells) of each row, in order."""
        return [(record.step, dict(record.cells)) for record in self.records() if record.kind == _core.KIND_ROW]

    def seen(self) -> dict[tuple[str, int], Any]:
        """What a reader sees: of each metric and step the value that was written last."""
        return {(name, step): value for step, cells in self.cells() for name, value in cells.items()}


@dataclass
class Value:
    """An array of one element on the fake device."""

    value: float | int | bool
    device: Device = field(repr=False)
    shape: tuple[int, ...] = ()
    size: int = 1

    def item(self) -> Any:
        pytest.fail("a value on the device was read, which would wait for it")


class Device:
    """A backend whose transfers are done in the order in which they were begun, when `finish` says so."""

    def __init__(self) -> None:
        self.begun: list[Sent] = []
        self.refuses = ""
        self.hurried = False

    def put(self, value: float | int | bool) -> Value:
        return Value(value, self)

    def scalars(self, values: Sequence[Value]) -> Transfer[list[float | int | bool]]:
        if self.refuses:
            raise CannotRead(self.refuses)
        self.begun.append(Sent(self, [value.value for value in values]))
        return self.begun[-1]

    def histogram(self, values: Any) -> Transfer[bytes] | None:
        raise NotImplementedError

    def finish(self, count: int | None = None) -> None:
        for sent in [sent for sent in self.begun if not sent.done][:count]:
            sent.done = True

    def fail(self, error: Exception) -> None:
        for sent in self.begun:
            sent.error = error


@dataclass
class Sent:
    device: Device
    values: list[float | int | bool]
    done: bool = False
    error: Exception | None = None
    nbytes: int = 512

    def is_done(self) -> bool:
        if self.error is not None:
            raise self.error
        return self.done

    def hurry(self) -> None:
        self.device.hurried = True

    def take(self) -> list[float | int | bool]:
        assert self.done, "taken before it has come"
        return self.values


class FakeLane:
    """The stream of torch's `cpu`, taken for a device: nothing reaches the host before `finish`."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._waiting: list[tuple[Any, Any] | Mark] = []
        self.capturing = False
        self.buffers = 0
        self.queries = 0

    def captures(self) -> bool:
        return self.capturing

    def buffer(self, nbytes: int) -> Any:
        self.buffers += 1
        with self._torch.inference_mode(mode=False):
            return self._torch.full((nbytes,), 0xFF, dtype=self._torch.uint8, device="cpu")

    def copy(self, source: Any, target: Any) -> None:
        self._waiting.append((source, target))

    def mark(self) -> Mark:
        mark = Mark(self)
        self._waiting.append(mark)
        return mark

    def finish(self, marks: int | None = None) -> None:
        """Everything before the next so many marks, or all."""
        while self._waiting and marks != 0:
            entry = self._waiting.pop(0)
            if isinstance(entry, Mark):
                entry.reached = True
                marks = None if marks is None else marks - 1
            else:
                source, target = entry
                target.copy_(source)


@dataclass
class Mark:
    lane: FakeLane
    reached: bool = False

    def query(self) -> bool:
        assert not self.lane.capturing, "an event was asked while a graph is captured, which ends the capture"
        self.lane.queries += 1
        return self.reached
