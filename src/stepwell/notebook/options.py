"""What `plot` and `live` were asked for, checked. Imports nothing of the rooms that are asked."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InvalidValue

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """What `plot` was asked for. x: step | time | relative | the name of a metric."""

    metrics: tuple[str, ...] = ()
    x: str = "step"
    smoothing: float = 0.0
    log_y: bool = False
    rank: int | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(name, str) for name in (*self.metrics, self.x)):
            raise InvalidValue("plot takes names of metrics or patterns (train/*), and x a name")
        if (
            isinstance(self.smoothing, bool)
            or not isinstance(self.smoothing, (int, float))
            or not 0 <= self.smoothing < 1
        ):
            raise InvalidValue(f"smoothing is a weight of the past of at least 0 and below 1, not {self.smoothing!r}")
        if self.rank is not None and (isinstance(self.rank, bool) or not isinstance(self.rank, int) or self.rank < 0):
            raise InvalidValue(f"rank is a whole number from 0, not {self.rank!r}")
        if self.rank is not None and self.x not in ("step", "time", "relative"):
            raise InvalidValue('one rank is drawn over x="step", "time" or "relative", not over another metric')
