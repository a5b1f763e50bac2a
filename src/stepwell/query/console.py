"""What a terminal would show of a run's output: progress bars that rewrite their line are kept readable.

A small terminal: carriage return, backspace, line feed, tab as it is, cursor up and down, erase line. Colours
stay with the character before which they stand; other control sequences are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import overload

import pyarrow as pa

__all__ = ["Console", "ConsoleLine", "Screen", "collapse"]

_PIECE = re.compile(
    r"\x1b\[([0-9;?]*)([@-~])|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[^\x1b]|[\r\n\b]|[^\x1b\r\n\b]+", re.DOTALL
)
_OPEN = re.compile(r"\x1b(?:\[[0-9;?]*|\][^\x07\x1b\n]*\x1b?)?\Z")  # a sequence that is not whole yet
_COLUMNS_MAX = 1 << 16  # cursor movements cannot make a line longer than this
STREAMS = {1: "stdout", 2: "stderr"}


@dataclass(frozen=True)
class ConsoleLine:
    """One line as it stood at the end. stream: stdout | stderr. time: when it was last written to."""

    text: str
    time: datetime
    rank: int
    stream: str


class Console(Sequence[ConsoleLine]):
    """The lines of a run's output, in order of time. `str()` of it is the plain text."""

    def __init__(self, lines: Sequence[ConsoleLine]) -> None:
        self._lines = tuple(lines)

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> ConsoleLine: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ConsoleLine]: ...
    def __getitem__(self, index: int | slice) -> ConsoleLine | Sequence[ConsoleLine]:
        return self._lines[index]

    def __iter__(self) -> Iterator[ConsoleLine]:
        return iter(self._lines)

    def __str__(self) -> str:
        return "".join(line.text + "\n" for line in self._lines)

    def __repr__(self) -> str:
        return f"<console of {len(self)} lines>"

    @property
    def text(self) -> str:
        """All lines, each with its line feed."""
        return str(self)


@dataclass
class _Row:
    cells: list[str] = field(default_factory=list)
    touched: int = -1  # index of the last chunk that wrote to it


class Screen:
    """The lines of one stream. Feed it chunks as they were written; read `lines` at any time."""

    def __init__(self) -> None:
        self._rows = [_Row()]
        self._row = 0
        self._column = 0
        self._colour = ""  # a sequence that waits for its character
        self._held = ""  # the beginning of a sequence that a chunk cut off

    def feed(self, text: str, chunk: int = 0) -> None:
        text = self._held + text
        self._held = ""
        if cut := _OPEN.search(text):
            text, self._held = text[: cut.start()], cut.group()
        for match in _PIECE.finditer(text):
            piece = match.group()
            if piece == "\n":
                self._touch(chunk)
                self._move(1)
                self._column = 0
            elif piece == "\r":
                self._column = 0
            elif piece == "\b":
                self._column = max(0, self._column - 1)
            elif piece[0] != "\x1b":
                self._write(piece, chunk)
            elif match.group(2):
                self._control(match.group(1), match.group(2), piece, chunk)

    @property
    def lines(self) -> list[tuple[str, int]]:
        """(text, index of the last chunk that wrote to it); without the empty line behind the last line feed."""
        rows = self._rows[:-1] if not self._rows[-1].cells else self._rows
        return [("".join(row.cells).rstrip(" "), row.touched) for row in rows]

    def _touch(self, chunk: int) -> _Row:
        row = self._rows[self._row]
        row.touched = chunk
        return row

    def _write(self, text: str, chunk: int) -> None:
        row = self._touch(chunk)
        if len(row.cells) < self._column:
            row.cells.extend(" " * (self._column - len(row.cells)))
        cells = list(text)
        if self._colour:
            cells[0] = self._colour + cells[0]
            self._colour = ""
        row.cells[self._column : self._column + len(cells)] = cells
        self._column += len(cells)

    def _move(self, rows: int) -> None:
        self._row = max(0, self._row + rows)
        while self._row >= len(self._rows):
            self._rows.append(_Row())

    def _control(self, argument: str, final: str, piece: str, chunk: int) -> None:
        first = argument.partition(";")[0]
        count = int(first) if first.isdigit() else 0
        if final == "m":
            self._colour += piece
        elif final == "K":
            row = self._touch(chunk)
            if count == 0:
                del row.cells[self._column :]
            elif count == 2:
                row.cells.clear()
            else:
                row.cells[: self._column] = " " * min(self._column, len(row.cells))
        elif final == "A":
            self._move(-max(count, 1))
        elif final == "B":
            self._move(min(max(count, 1), len(self._rows) - 1 - self._row))
        elif final == "C":
            self._column = min(self._column + max(count, 1), _COLUMNS_MAX)
        elif final == "D":
            self._column = max(0, self._column - max(count, 1))
        elif final == "G":
            self._column = min(max(count, 1) - 1, _COLUMNS_MAX)


def collapse(chunks: pa.Table) -> Console:
    """Lines from the chunks of reader.CONSOLE_SCHEMA: each rank's stdout and stderr is a screen of its own."""
    screens: dict[tuple[int, int], Screen] = {}
    times = chunks.column("time").to_pylist()
    for index, (rank, stream, text) in enumerate(
        zip(*(chunks.column(name).to_pylist() for name in ("rank", "stream", "text")), strict=True)
    ):
        screens.setdefault((rank, stream), Screen()).feed(text, index)
    placed: list[tuple[int, int, int, int, ConsoleLine]] = []
    for (rank, stream), screen in screens.items():
        latest = 0
        for number, (text, touched) in enumerate(screen.lines):
            latest = max(latest, touched)  # a line stays behind the one above it
            name = STREAMS.get(stream, str(stream))
            placed.append((latest, rank, stream, number, ConsoleLine(text, times[max(touched, 0)], rank, name)))
    return Console([line for *_, line in sorted(placed, key=lambda item: item[:4])])
