"""What goes through sys.stdout and sys.stderr, recorded as well as shown.

The stream objects stay what they are; only their `write` and `flush` are wrapped, so that `isatty`, `fileno`,
`encoding`, `buffer`, `pdb`, `input()`, redirections and handlers made earlier go on working. The original is always
called first: what is printed reaches the terminal whatever becomes of us. Nothing here waits, holds a lock or raises.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from .._core import KIND_CONSOLE
from .fields import Record

__all__ = ["Console"]

_PIECE_BYTES = 32 << 10  # of one record
_HELD_CHARACTERS_MAX = 8 << 10  # without a line's end


class Console:
    """Wraps both streams from `start` until `stop`."""

    def __init__(self, record: Record, bytes_per_s: int) -> None:
        self._taps = [
            _Tap(stream, name, record, _Budget(bytes_per_s)) for stream, name in ((b"1", "stdout"), (b"2", "stderr"))
        ]

    def start(self) -> None:
        for tap in self._taps[: 1 if sys.stdout is sys.stderr else 2]:
            tap.start()

    def stop(self) -> None:
        """Writes what is held, and takes the wrapping off where it is still ours."""
        for tap in self._taps:
            tap.stop()

    def renew(self) -> None:
        """Wraps again what somebody has put back meanwhile (IPython's terminal, after each cell)."""
        for tap in self._taps:
            tap.renew()

    def forget_held(self) -> None:
        """In a forked child: what is held is the parent's to write."""
        for tap in self._taps:
            tap.forget_held()


class _Budget:
    """So many bytes a second, and one second's worth at once."""

    def __init__(self, bytes_per_s: int) -> None:
        self.bytes_per_s = bytes_per_s
        self._left = float(bytes_per_s)
        self._at = time.monotonic()

    def take(self, wanted: int) -> int:
        """How many of the wanted bytes may be recorded now."""
        now = time.monotonic()
        self._left = min(float(self.bytes_per_s), self._left + (now - self._at) * self.bytes_per_s)
        self._at = now
        taken = min(wanted, int(self._left))
        self._left -= taken
        return taken


class _Echo:
    """In the place of a notebook stream's `echo`, which it goes on serving."""

    def __init__(self, before: Any, take: Callable[[str], None], emit: Callable[[], None]) -> None:
        self.before, self._take, self._emit = before, take, emit

    def write(self, text: str) -> None:
        if self.before is not None:
            self.before.write(text)
        self._take(text)

    def flush(self) -> None:
        if self.before is not None:
            self.before.flush()
        self._emit()


class _Tap:
    """One stream. Text is held until a line ends or the stream is flushed, as the stream itself would hold it."""

    def __init__(self, stream: bytes, name: str, record: Record, budget: _Budget) -> None:
        self._number = stream
        self._name = name
        self._record = record
        self._budget = budget
        self._held: deque[str] = deque()  # appended to and popped from by any thread, a step at a time
        self._held_characters = 0
        self._missed = 0
        self._busy: set[int] = set()  # threads that are in here: what they print meanwhile is held, not recursed into
        self._target: Any = None
        self._echo: _Echo | None = None
        self._writing: set[int] = set()  # threads within our `write`: another of ours below it records nothing

    def start(self) -> None:
        target = getattr(sys, self._name)
        if target is None or not callable(getattr(target, "write", None)):
            return
        if hasattr(target, "echo"):
            target.echo = self._echo = _Echo(target.echo, self._take, self._emit)
            self._target = target
        else:
            self._wrap(target)

    def renew(self) -> None:
        if self._echo is None and self._target is not None and vars(self._target).get("write") is not self._our_write:
            self._wrap(self._target)

    def _wrap(self, target: Any) -> None:
        flush = getattr(target, "flush", None)
        our_write, our_flush = self._make_write(target.write), self._make_flush(flush)
        try:
            target.write = our_write
            if flush is not None:
                target.flush = our_flush
        except (AttributeError, TypeError):
            return  # a stream that lets nobody wrap it is not recorded
        self._target, self._our_write, self._our_flush = target, our_write, our_flush

    def stop(self) -> None:
        self._emit()
        if self._missed:
            self._record(KIND_CONSOLE, (self._number, _mark(self._missed)))
            self._missed = 0
        target, self._target = self._target, None
        if target is None:
            return
        if self._echo is not None:
            if target.echo is self._echo:
                target.echo = self._echo.before
            return
        for name, ours in (("write", self._our_write), ("flush", self._our_flush)):
            if vars(target).get(name) is ours:  # else somebody has wrapped us: then we stay, and pass on
                delattr(target, name)

    def forget_held(self) -> None:
        self._held.clear()
        self._busy.clear()

    def _make_write(self, original: Callable[[str], Any]) -> Callable[[str], Any]:
        def write(text: str) -> Any:
            me = threading.get_ident()
            if me in self._writing:
                return original(text)
            self._writing.add(me)
            try:
                written = original(text)
            finally:
                self._writing.discard(me)
            if isinstance(text, str):
                self._take(text)
            return written

        return write

    def _make_flush(self, original: Callable[[], Any] | None) -> Callable[[], Any]:
        def flush() -> Any:
            result = original() if original is not None else None
            if self._held and self._target is not None:
                self._emit()
            return result

        return flush

    def _take(self, text: str) -> None:
        if self._target is None:
            return
        self._held.append(text)
        self._held_characters += len(text)
        if "\n" in text or "\r" in text or self._held_characters > _HELD_CHARACTERS_MAX:
            self._emit()

    def _emit(self) -> None:
        me = threading.get_ident()
        if me in self._busy:
            return
        self._busy.add(me)
        try:
            pieces = []
            while True:
                try:
                    pieces.append(self._held.popleft())
                except IndexError:
                    break
            self._held_characters = 0
            if pieces:
                self._put("".join(pieces))
        finally:
            self._busy.discard(me)

    def _put(self, text: str) -> None:
        # No more text than could be allowed is encoded: a print of a gigabyte must not take another.
        data = text[: self._budget.bytes_per_s].encode("utf-8", "backslashreplace")
        missed = max(0, len(text) - self._budget.bytes_per_s)
        allowed = self._budget.take(len(data))
        if allowed < len(data):
            kept = data[:allowed].decode("utf-8", "ignore").encode()
            missed += len(data) - len(kept)
            data = kept
        if data and self._missed:
            data = _mark(self._missed) + data
            self._missed = 0
        self._missed += missed
        while data:
            piece = data[:_PIECE_BYTES]
            if len(piece) < len(data):
                piece = piece.decode("utf-8", "ignore").encode()  # not within a character
            self._record(KIND_CONSOLE, (self._number, piece))
            data = data[len(piece) :]


def _mark(missed: int) -> bytes:
    return f"[stepwell: some {missed} bytes of output were not recorded]\n".encode()
