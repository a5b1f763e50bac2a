"""What the recorder calls for a log call that C++ cannot do: reads the row, writes it, says what went wrong.

Called from within `run.log`, from any thread. Raises only under `strict`, and then after the rest of the row is
written. Values on a device are sent for and written later, by the next call that comes here; while there are some,
every call does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from .._core import KIND_HISTOGRAM, Recorder
from ..errors import InvalidValue, StepwellError
from ..settings import Settings
from .device import Call, CannotRead, Cells, Pending, Records, host_tensor
from .notices import Once
from .values import Limits, Problem, Row, read_row, read_step, read_time

if TYPE_CHECKING:
    from .staging import Stager

__all__ = ["SlowPath"]


class SlowPath:
    """Callable as `slow(data, step, time)`; give it its recorder and stager before the first call."""

    recorder: Recorder
    stager: Callable[[str], Stager | None]

    def __init__(self, settings: Settings, once: Once) -> None:
        self._settings = settings
        self._strict = settings.strict
        self._limits = Limits(settings.text_bytes_max, settings.list_items_max)
        self._once = once
        self._pending = Pending(settings.device_pending_bytes_max, self._write, self._lose)
        # Held while the ring is written in order; never while user code runs (a value's `__float__`), and may be taken
        # again by a finaliser that logs.
        self._lock = threading.RLock()
        self.refused = 0  # values that were not recorded

    def __call__(self, data: object, step: object, time: object) -> None:
        if self._pending and self._harvest_and_log(data, step, time):
            return
        if not self._pending and self._host_tensor_learned() and time is None and self.recorder.log_plain(data, step):
            return
        row = read_row(data, self._limits)
        at_step, at_ms = read_step(step, row), read_time(time, row)
        call = _send(row)
        with self._lock:
            if call or row.media:
                # Taken now, also if the values are lost: as a row that finds no room takes its step.
                at_step = self.recorder.take_step(at_step)
                at_ms = self.recorder.now_ms() if at_ms is None else at_ms
            if row.cells or row.records:
                self._write(list(row.cells.items()), list(row.records.values()), at_step, at_ms)
                self._replace(at_step, row.cells, [n for n, (kind, _) in row.records.items() if kind == KIND_HISTOGRAM])
            if call:
                assert at_step is not None
                assert at_ms is not None
                call.step, call.time_ms = at_step, at_ms
                self._pending.add(call)
            self.recorder.held = bool(self._pending)
        if row.media:
            assert at_step is not None
            self._keep_media(row, at_step)
        for problem in row.problems:
            self.refused += problem.lost
            self._tell(problem)

    def finish(self, stall_s: float) -> None:
        """Harvests all, for as long as something comes within `stall_s`."""
        with self._lock:
            self._pending.harvest_all(stall_s)
            self.recorder.held = False

    def after_fork(self) -> None:
        """In the child: what is on its way is the parent's, and the lock may be held by a thread that is not here."""
        self._lock = threading.RLock()
        self._pending.forget()
        self.recorder.held = False

    def _harvest_and_log(self, data: object, step: object, time: object) -> bool:
        """While others wait for a device: writes what has come, and the row if it is one of plain numbers."""
        with self._lock:
            self._pending.harvest()
            done = time is None and self.recorder.log_plain(data, step)
            if done and isinstance(data, dict) and isinstance(step, int):
                self._replace(step, data, ())
            self.recorder.held = bool(self._pending)
        return done

    def _host_tensor_learned(self) -> bool:
        """The core reads tensors in host memory itself once it knows their type; True where it knows it from now on."""
        kind = host_tensor()
        if self.recorder.host_tensor is kind:
            return False
        self.recorder.host_tensor = kind
        return kind is not None

    def _keep_media(self, row: Row, step: int) -> None:
        """Not under the lock: it encodes and writes files, and other threads log meanwhile."""
        from .media import keep

        for name, media in row.media.items():
            shown = media[0] if isinstance(media, Sequence) else media
            try:
                stager = self.stager("log")
                note = keep(stager, name, media, step, self._settings) if stager is not None else ""
            except StepwellError as error:
                row.problem(name, shown, str(error))
            except Exception as error:  # noqa: BLE001 - out of memory while encoding, or what was not thought of
                row.problem(name, shown, f"keeping it raised {type(error).__name__}: {error}")
            else:
                if note:
                    row.problem(name, shown, note, lost=False)

    def _replace(self, step: int | None, scalars: Collection[str], histograms: Collection[str]) -> None:
        if step is not None:  # without one it is higher than any before
            self._pending.replace(step, scalars, histograms)

    def _write(
        self,
        cells: Cells,
        records: Records,
        step: int | None,
        time_ms: int | None,
    ) -> None:
        refused = self.recorder.write(cells, records, step, time_ms)
        if refused:
            self.refused += refused
            self._once.warn(
                "refused",
                f"{refused} values of one log call were refused: too many metrics, too large, or the ring is full",
            )

    def _lose(self, kind: str, count: int, why: str) -> None:
        """Of values that were on their way from a device; not an error of the call that finds out."""
        self.refused += count
        self._once.warn(("device", kind), f"{count} values are lost: {why} (said once; `finish` tells how many in all)")

    def _tell(self, problem: Problem) -> None:
        message = f"{problem.about} ({problem.kind}): {problem.why}"
        if self._strict:
            raise InvalidValue(message)
        kept = "not recorded; said once for this key and type" if problem.lost else "said once for this key and type"
        self._once.warn((problem.about, problem.kind, problem.lost), f"{message} ({kept})")


def _send(row: Row) -> Call:
    """Sends for what lies on a device. A value that cannot be had becomes a problem of the row."""
    call = Call(histograms=row.counted)
    by_backend: dict[int, list[str]] = {}
    for name, (backend, _) in row.device.items():
        by_backend.setdefault(id(backend), []).append(name)
    for names in by_backend.values():
        backend = row.device[names[0]][0]
        values = [row.device[name][1] for name in names]
        try:
            call.scalars.append((names, backend.scalars(values)))
        except CannotRead as error:
            _refuse(row, names, values, str(error))
        except Exception as error:  # noqa: BLE001 - out of memory on the device, or values of a kind not thought of
            _refuse(row, names, values, f"copying it from its device raised {type(error).__name__}: {error}")
    return call


def _refuse(row: Row, names: list[str], values: list[Any], why: str) -> None:
    for name, value in zip(names, values, strict=True):
        row.problem(name, value, why)
