"""What the recorder calls for a log call that C++ cannot do: reads the row, writes it, says what went wrong.

Called from within `run.log`, from any thread. Raises only under `strict`, and then after the rest of the row is
written.
"""

from __future__ import annotations

from .._core import Recorder
from ..errors import InvalidValue
from ..settings import Settings
from .notices import Once
from .values import Limits, Problem, Row, read_row, read_step, read_time

__all__ = ["SlowPath"]


class SlowPath:
    """Callable as `slow(data, step, time)`; give it its recorder before the first call."""

    recorder: Recorder

    def __init__(self, settings: Settings, once: Once) -> None:
        self._strict = settings.strict
        self._limits = Limits(settings.text_bytes_max, settings.list_items_max)
        self._once = once
        self.refused = 0  # values that were not recorded

    def __call__(self, data: object, step: object, time: object) -> None:
        row = read_row(data, self._limits)
        at_step, at_ms = read_step(step, row), read_time(time, row)
        if row.cells or row.records:
            self._write(row, at_step, at_ms)
        for problem in row.problems:
            self.refused += problem.lost
            self._tell(problem)

    def _write(self, row: Row, step: int | None, time_ms: int | None) -> None:
        refused = self.recorder.write(list(row.cells.items()), list(row.records.values()), step, time_ms)
        if refused:
            self.refused += refused
            self._once.warn(
                "refused",
                f"{refused} values of one log call were refused: too many metrics, too large, or the ring is full",
            )

    def _tell(self, problem: Problem) -> None:
        message = f"{problem.about} ({problem.kind}): {problem.why}"
        if self._strict:
            raise InvalidValue(message)
        kept = "not recorded; said once for this key and type" if problem.lost else "said once for this key and type"
        self._once.warn((problem.about, problem.kind, problem.lost), f"{message} ({kept})")
