"""How far a spool is read and acked: the cursor, what is on the way before it, and what was acked lately."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .layout import CURSOR, SYNCED, Position, read_json, segments_of, write_json
from .segments import HEADER_BYTES, Frame, index_of

__all__ = ["Progress"]


@dataclass(slots=True)
class _Flight:
    """A frame that was read to be sent: what is needed to move the cursor past it once it is acked."""

    end: int
    writer: int
    last_seq: int
    done: bool


class Progress:
    """Not thread-safe: the Spool calls it under its mutex."""

    def __init__(self, folder: Path) -> None:
        self.segments = segments_of(folder)
        """Numbers of those that are there, ascending."""
        self.boot = ""
        """Boot id of the service that acked last."""
        self._flight: OrderedDict[Position, _Flight] = OrderedDict()
        self._done: set[Position] = set()  # acked out of order, before a restart
        self._acked: dict[int, int] = {}
        self._acked_at: dict[int, float] = {}
        self._dirty = False
        self.cursor = self._load(folder)
        """The first frame that is not acked."""
        self.at = self.cursor
        """What is read next."""

    # --- reading

    def restart(self) -> None:
        """Reading begins again at the cursor; frames acked out of order are passed over."""
        self._done |= {position for position, flight in self._flight.items() if flight.done}
        self._flight.clear()
        self.at = self.cursor

    def restart_at_oldest(self) -> None:
        """Reading begins at the oldest segment kept, whatever is acked."""
        self._flight.clear()
        self._done.clear()
        self.at = Position(self.segments[0], 0) if self.segments else self.cursor

    def skip_missing(self) -> None:
        """A segment that is gone is not read."""
        if self.at.segment not in self.segments:
            later = [segment for segment in self.segments if segment > self.at.segment]
            if later:
                self.at = Position(min(later), 0)

    def take_off(self, frame: Frame) -> bool:
        """The frame is on its way; False where it was acked before, and need not be sent."""
        done = frame.position in self._done
        self._done.discard(frame.position)
        self._flight[frame.position] = _Flight(frame.offset + frame.length, frame.writer, frame.last_seq, done)
        return not done

    # --- acks

    def ack(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            flight = self._flight.get(frame.position)
            if flight is not None:
                flight.done = True
        self.settle()

    def settle(self) -> None:
        """Moves the cursor over what is acked at its front."""
        before = self.cursor
        while self._flight:
            position, flight = next(iter(self._flight.items()))
            if not flight.done:
                break
            del self._flight[position]
            self._acked[flight.writer] = max(self._acked.get(flight.writer, 0), flight.last_seq)
            self.cursor = Position(position.segment, flight.end)
        front = next(iter(self._flight)) if self._flight else self.at
        self.cursor = max(self.cursor, front)
        if self.cursor != before:
            self._dirty = True
            for segment in self.segments:
                if segment < self.cursor.segment:
                    self._acked_at.setdefault(segment, time.time())

    def acked_seq(self, writer: int) -> int:
        return self._acked.get(writer, 0)

    def welcome(self, boot: str) -> None:
        """Another boot id than last time: what was acked lately and is still here counts as unacked again."""
        changed = bool(self.boot) and boot != self.boot
        self.boot = boot
        self._dirty = True
        kept = [segment for segment in self.segments if segment <= self.cursor.segment]
        if changed and kept and self.cursor > Position(kept[0], HEADER_BYTES):
            self.cursor = self.at = Position(kept[0], 0)
            self._acked_at.clear()
            self._done.clear()
            self._flight.clear()

    # --- segments that are behind

    def leave_segment(self) -> None:
        """The cursor's segment will not grow: if nothing of it is on its way, the cursor goes to the next."""
        number = self.cursor.segment
        if not self._flight and number in self.segments:
            self.cursor = self.at = Position(number + 1, 0)
            self._acked_at.setdefault(number, time.time())
            self._dirty = True

    def behind(self, for_s: float) -> list[int]:
        """Segments that have been acked as a whole for so long."""
        now = time.time()
        return [
            segment
            for segment in self.segments
            # abs: a clock that was set back must not keep them for years
            if segment < self.cursor.segment and abs(now - self._acked_at.setdefault(segment, now)) >= for_s
        ]

    def forget(self, segment: int) -> None:
        """It was deleted."""
        self.segments.remove(segment)
        self._acked_at.pop(segment, None)
        self._dirty = True

    # --- on disk

    def value(self) -> dict[str, object] | None:
        """What `save` is to write; None where that is on disk already."""
        if not self._dirty:
            return None
        self._dirty = False
        return {
            "segment": self.cursor.segment,
            "offset": self.cursor.offset,
            "boot": self.boot,
            "acked_at": {str(segment): at for segment, at in self._acked_at.items()},
        }

    def save(self, folder: Path, value: dict[str, object], held: bool) -> None:
        """Losing it costs a repeat, no record. Raises OSError, and is then due again."""
        try:
            write_json(folder / (CURSOR if held else SYNCED), value)
        except OSError:
            self._dirty = True
            raise

    def _load(self, folder: Path) -> Position:
        values = [read_json(folder / name) for name in (CURSOR, SYNCED)]
        positions = [_position(value) for value in values]
        cursor = max(positions)
        chosen = values[positions.index(cursor)]
        self.boot = str(chosen.get("boot", ""))
        acked_at = chosen.get("acked_at")
        for segment, at in acked_at.items() if isinstance(acked_at, dict) else ():
            if str(segment).isdigit() and isinstance(at, (int, float)):
                self._acked_at[int(segment)] = float(at)
        for segment in self.segments:
            if segment <= cursor.segment:
                until = cursor.offset if segment == cursor.segment else None
                for writer, seq in index_of(folder, segment, until).items():
                    self._acked[writer] = max(self._acked.get(writer, 0), seq)
        return cursor


def _position(value: dict[str, object]) -> Position:
    segment, offset = value.get("segment"), value.get("offset")
    if isinstance(segment, int) and isinstance(offset, int) and segment >= 0 and offset >= 0:
        return Position(segment, offset)
    return Position(0, 0)
