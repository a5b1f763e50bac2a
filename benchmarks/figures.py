"""What a benchmark measured: a figure with its repeats, its target, and what it is compared with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

__all__ = ["Figure", "compared", "from_json", "missing", "quantile", "shown", "to_json"]


@dataclass(frozen=True)
class Figure:
    """values: of each repeat; the median is the figure, least and greatest its spread.

    target: at most this, or (at_least) at least this; None: nothing is asked, it stands beside others. against: which
    figure `ratio` divides by. absent: why there is none (a peer that is not installed). curve, at: it is a point of
    that curve ("a log call, by metrics of the run"), drawn over `at`.
    """

    what: str
    unit: str
    values: tuple[float, ...] = ()
    target: float | None = None
    at_least: bool = False
    version: str = ""
    against: str = ""
    ratio: float | None = None
    note: str = ""
    absent: str = ""
    curve: str = ""
    at: float | None = None

    @property
    def median(self) -> float:
        return quantile(self.values, 0.5)

    @property
    def met(self) -> bool | None:
        """None: nothing is asked of it, or there is nothing to ask it of."""
        if self.target is None or not self.values:
            return None
        return self.median >= self.target if self.at_least else self.median <= self.target


def missing(what: str, why: str) -> Figure:
    return Figure(what, "", absent=why)


def compared(figures: Iterable[Figure], against: str, unit: str) -> list[Figure]:
    """Each figure of this unit with its ratio to the one named."""
    figures = list(figures)
    base = next((f.median for f in figures if f.what == against and f.values), math.nan)
    return [
        replace(f, against=against, ratio=f.median / base)
        if f.unit == unit and f.values and f.what != against and base
        else f
        for f in figures
    ]


def quantile(values: Sequence[float], share: float) -> float:
    """Between the two nearest; NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def to_json(figure: Figure) -> dict[str, Any]:
    values = asdict(figure)
    if figure.values:
        values |= {"median": figure.median, "low": min(figure.values), "high": max(figure.values), "met": figure.met}
    return values


def from_json(values: Mapping[str, Any]) -> Figure:
    """What `to_json` made; what else stands there is derived from it."""
    known = {field.name: values[field.name] for field in fields(Figure) if field.name in values}
    return Figure(**{**known, "values": tuple(known.get("values") or ())})


_SCALES: Mapping[str, Sequence[tuple[float, str]]] = {
    "ns": ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (0, "ns")),
    "ms": ((1e3, "s"), (0, "ms")),
    "bytes": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (0, "bytes")),
    "points/s": ((1e6, "M points/s"), (1e3, "k points/s"), (0, "points/s")),
}


def shown(value: float, unit: str) -> str:
    """Three digits and a unit that fits: 470 ms, 1.84 M points/s, 96.2 kB."""
    if math.isnan(value):
        return "-"
    for least, name in _SCALES.get(unit, ((0, unit),)):
        if abs(value) >= least:
            number = value / (least or 1)
            digits = (
                0
                if (number == int(number) and abs(number) < 1e4) or abs(number) >= 100
                else 3 - len(str(int(abs(number))))
            )
            return f"{number:,.{digits}f} {name}".rstrip()
    raise AssertionError("the last scale takes everything")
