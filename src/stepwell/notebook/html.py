"""Pieces of HTML: escaped text, tables, state dots, small drawings. Whatever a user wrote passes `text`."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from .theme import style

__all__ = ["Cell", "ago", "bars", "clean", "framed", "link", "number", "size", "sparkline", "state", "table", "text"]

Cell = str
"""HTML that is safe: made by the functions here."""

_DOTS = {"running": "#2f81f7", "live": "#2f81f7", "finished": "#2da44e", "failed": "#d4940b", "crashed": "#e5534b"}
_SPARK = (108, 20)


def clean(value: object, limit: int = 300) -> str:
    """One line of text: control characters shown as such, what is too long cut in the middle. Not escaped."""
    whole = value if isinstance(value, str) else str(value)
    if len(whole) > limit:
        whole = f"{whole[: limit // 2]}…{whole[-limit // 2 :]}"
    return "".join(letter if letter.isprintable() else " " if letter in "\n\t\r" else "\ufffd" for letter in whole)


def text(value: object, limit: int = 60) -> Cell:
    """Escaped; what was cut is there in full on hover."""
    whole = clean(value, 2000)
    shown = html.escape(clean(value, limit))
    return shown if len(whole) <= limit else f'<span title="{html.escape(whole)}">{shown}</span>'


def number(value: object) -> Cell:
    """Six digits for a float; anything else as text."""
    return text(f"{value:.6g}" if isinstance(value, float) else value)


def size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def ago(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


def state(name: str) -> Cell:
    colour = _DOTS.get(name, "#8a929c")
    dot = f'<svg width="9" height="9"><circle cx="4.5" cy="4.5" r="4" fill="{colour}"/></svg>'
    return f"{dot} {text(name)}"


def link(address: str, shown: Cell) -> Cell:
    """Only to where a browser may go; anything else stays text."""
    if not address.startswith(("http://", "https://")):
        return shown
    return f'<a href="{html.escape(address)}" target="_blank" rel="noopener noreferrer">{shown}</a>'


def table(columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[Cell]], note: Cell = "") -> Cell:
    """columns: (name, whether it is of numbers). Cells must be safe already, names need not."""
    marks = [' class="n"' if numeric else "" for _, numeric in columns]
    head = "".join(f"<th{mark}>{text(name)}</th>" for (name, _), mark in zip(columns, marks, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(row, marks, strict=True)) + "</tr>"
        for row in rows
    )
    below = f'<div class="m">{note}</div>' if note else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def framed(*parts: Cell) -> Cell:
    """One output: its style and everything in it."""
    return f'{style()}<div class="sw">{"".join(parts)}</div>'


def sparkline(low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> Cell:
    """A curve as small as a word, from the least and the greatest of each bucket; a gap where nothing was finite."""
    width, height = _SPARK
    good = np.isfinite(low) & np.isfinite(high)
    if not good.any():
        return ""
    bottom, top = float(low[good].min()), float(high[good].max())
    span = top - bottom
    across = np.linspace(1.5, width - 1.5, len(low)) if len(low) > 1 else np.array([width / 2])

    def up(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        share = (values - bottom) / span if span > 0 and math.isfinite(span) else np.full(len(values), 0.5)
        return np.asarray(height - 2 - share * (height - 4))

    path, pen = [], False
    with np.errstate(invalid="ignore"):
        for x, first, second, there in zip(across, up(high), up(low), good, strict=True):
            if there:
                path.append(f"{'L' if pen else 'M'}{x:.1f} {first:.1f}")
                path.append(f"L{x:.1f} {second + (0.01 if len(low) == 1 else 0):.1f}" if second != first else "h.01")
            pen = bool(there)
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="from {bottom:.6g} to {top:.6g}">'
        f'<path d="{"".join(path)}" fill="none" style="stroke:var(--sw0,#343ed4)" stroke-width="1.3" '
        'stroke-linejoin="round" stroke-linecap="round"/></svg>'
    )


def bars(counts: npt.NDArray[np.float64], width: int = 220, height: int = 44) -> Cell:
    """A histogram of equal bins."""
    most = float(counts.max()) if len(counts) else 0.0
    if most <= 0:
        return ""
    each = width / len(counts)
    rects = "".join(
        f'<rect x="{place * each:.2f}" y="{height - share * height:.2f}" width="{each * 0.9:.2f}" '
        f'height="{share * height:.2f}"/>'
        for place, share in enumerate(counts / most)
        if share > 0
    )
    return f'<svg width="{width}" height="{height}" style="fill:var(--sw0,#343ed4)">{rects}</svg>'
