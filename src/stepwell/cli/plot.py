"""Small plots of braille dots and blocks for the terminal. No point is hidden: a column spans all of its values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["bars", "line_plot"]

_BARS = " ▁▂▃▄▅▆▇█"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell, by row and column

_Floats = npt.NDArray[np.float64]


def bars(values: Sequence[float] | _Floats) -> str:
    """One block a value, the largest full; a value that is not 0 is never drawn as nothing."""
    top = max(values, default=0.0)
    if not top > 0:
        return " " * len(values)
    return "".join(_BARS[0 if not value > 0 else max(1, round(value / top * 8))] for value in values)


def line_plot(steps: _Floats, values: _Floats, width: int = 60, height: int = 8) -> list[str]:
    """Lines of text: an axis with the extremes, the curve, and the first and last step below.

    Each dot column draws the span from the least to the greatest of its values, joined to its neighbour, so
    a spike shows however many points there are. What is not finite is counted in the last line.
    """
    finite = np.isfinite(values)
    others = int((~finite).sum())
    x, y = steps[finite], values[finite]
    if not len(x):
        return [f"no finite value; {others} others" if others else "no points"]
    columns, rows = width * 2, height * 4
    low, high = float(y.min()), float(y.max())
    span = high - low
    first, last = float(x.min()), float(x.max())
    across = np.zeros(len(x), np.int64)
    if last > first:
        across = np.minimum((x - first) / (last - first) * (columns - 1), columns - 1).round().astype(np.int64)
    up = np.full(len(y), rows // 2, np.int64)
    if span > 0 and np.isfinite(span):
        up = ((y - low) / span * (rows - 1)).round().astype(np.int64)
    dots = _dots(across, up, columns, rows)
    labels = [f"{high:.4g}", *[""] * (height - 2), f"{low:.4g}"]
    margin = max(map(len, labels))
    lines = [f"{label:>{margin}} ┤{_braille(dots, row)}" for row, label in enumerate(labels)]
    ends = f"{first:.0f}".ljust(width - len(f"{last:.0f}")) + f"{last:.0f}"
    note = f"   {others} not finite" if others else ""
    return [*lines, f"{'':>{margin}}  {ends}{note}"]


def _dots(across: npt.NDArray[np.int64], up: npt.NDArray[np.int64], columns: int, rows: int) -> npt.NDArray[np.bool_]:
    dots = np.zeros((rows, columns), np.bool_)
    low = np.full(columns, rows, np.int64)
    high = np.full(columns, -1, np.int64)
    np.minimum.at(low, across, up)
    np.maximum.at(high, across, up)
    before: int | None = None
    for column in range(columns):
        if high[column] < 0:
            continue
        bottom, top = int(low[column]), int(high[column])
        dots[rows - 1 - top : rows - bottom, column] = True
        if before is not None:
            _join(dots, before, column, (int(low[before]), int(high[before])), (bottom, top))
        before = column
    return dots


def _join(
    dots: npt.NDArray[np.bool_], left: int, right: int, from_span: tuple[int, int], to_span: tuple[int, int]
) -> None:
    """A line between the nearest ends of two columns' spans."""
    rows = dots.shape[0]
    start = min(max(to_span[0], from_span[0]), from_span[1])
    end = min(max(start, to_span[0]), to_span[1])
    count = max(right - left, abs(end - start)) + 1
    for column, row in zip(
        np.linspace(left, right, count).round().astype(int),
        np.linspace(start, end, count).round().astype(int),
        strict=True,
    ):
        dots[rows - 1 - row, column] = True


def _braille(dots: npt.NDArray[np.bool_], row: int) -> str:
    cells = []
    for column in range(0, dots.shape[1], 2):
        code = 0x2800
        for down in range(4):
            for right in range(2):
                if dots[row * 4 + down, column + right]:
                    code |= _DOTS[down][right]
        cells.append(chr(code))
    return "".join(cells).rstrip("\u2800")
