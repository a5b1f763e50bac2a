"""One spool folder: who appends to it, who reads it, and how far it has been acked."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .. import _core
from ..errors import SpoolError
from ..home import Home
from ..settings import Settings
from .appender import Appender
from .layout import (
    CURSOR,
    LOCK,
    SYNCED,
    Destination,
    Position,
    folder_name,
    read_json,
    segment_file,
    segments_of,
    write_json,
)
from .lock import FileLock
from .segments import (
    HEADER_BYTES,
    Frame,
    index_of,
    raw_frame,
    read_frames,
    read_notes,
    set_aside,
    torn_tail,
)

__all__ = ["Spool"]

_log = logging.getLogger("stepwell.spool")

_READ_BYTES = 4 << 20


@dataclass(slots=True)
class _Flight:
    """A frame that was read to be sent: what is needed to move the cursor past it once it is acked."""

    end: int
    writer: int
    last_seq: int
    done: bool


class Spool:
    """The frames of one agent for one destination.

    `append` may be called by one thread and the reading side (`read`, `mark_acked`, `refuse`, `hold`,
    `restart`, `tidy`) by others; a frame is read by one thread at a time.
    """

    def __init__(self, path: Path, destination: Destination, settings: Settings, lock: FileLock | None) -> None:
        self.path = path
        self.destination = destination
        self.on_append: Callable[[], None] = lambda: None
        self.boot = ""
        """Boot id of the service that acked last."""
        self._settings = settings
        self._lock_file = lock
        self._mutex = threading.RLock()
        self._appender = Appender(path, settings)
        self._segments = segments_of(path)
        self._flight: OrderedDict[Position, _Flight] = OrderedDict()
        self._done: set[Position] = set()
        self._acked: dict[int, int] = {}
        self._acked_at: dict[int, float] = {}
        self._dirty = False
        self._cursor = self._load_cursor()
        self._read = self._cursor
        self._last: dict[int, int] | None = None

    # --- getting one

    @classmethod
    def create(cls, home: Home, destination: Destination, settings: Settings, agent: str) -> Spool:
        """A new spool of this agent (8 hexadecimal digits or more) in the home. Raises OSError, HomeError."""
        home.make(home.spool)
        path = home.spool / folder_name(agent, destination)
        path.mkdir(mode=0o700, exist_ok=True)
        lock = FileLock.take(path / LOCK)
        if lock is None:
            raise SpoolError(f"{path} is held by another process, though it should be of this agent alone")
        try:
            destination.save(path)
            return cls(path, destination, settings, lock)
        except OSError:
            lock.release()  # a full disk: the next try must not find it held by ourselves
            raise

    @classmethod
    def adopt(cls, path: Path, settings: Settings | None = None) -> Spool:
        """The spool of a process that is gone, torn tail cut off. Raises SpoolError where it is held or is none."""
        destination = Destination.load(path)
        try:
            lock = FileLock.take(path / LOCK)
        except OSError as error:
            raise SpoolError(f"cannot lock {path}: {error}") from error
        if lock is None:
            raise SpoolError(f"{path} is held by another process")
        if not lock.works:
            lock.release()
            raise SpoolError(f"the filesystem of {path} has no locks, so nothing says that its writer is gone")
        try:
            spool = cls(path, destination, settings or Settings.load(), lock)
            spool._cut_torn_tail()
        except (OSError, SpoolError) as error:
            lock.release()
            raise SpoolError(f"cannot adopt {path}: {error}") from error
        return spool

    @classmethod
    def open_readonly(cls, path: Path, settings: Settings | None = None) -> Spool:
        """To look at, also while its owner writes: nothing in the folder is changed but `synced.json` by `save`."""
        return cls(path, Destination.load(path), settings or Settings.load(), None)

    @property
    def held(self) -> bool:
        """This process has the folder's lock."""
        return self._lock_file is not None

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Spool({str(self.path)!r}, held={self.held})"

    # --- writing

    def append(self, writer: int, first_seq: int, last_seq: int, block: bytes) -> None:
        """One frame, by one write: when this returns, a kill of any process loses none of it.

        Raises OSError (ENOSPC, EIO, ...) with the spool as it was before.
        """
        with self._mutex:
            if not self.held:
                raise SpoolError(f"{self.path} is open for reading only")
            self._appender.roll()
            number = max([*self._segments, self._cursor.segment, self._read.segment - 1, 0]) + 1
            used = self._appender.append(number, writer, first_seq, last_seq, block)
            if used == number:
                self._segments.append(number)
            if self._last is not None:
                self._last[writer] = max(self._last.get(writer, 0), last_seq)
        self.on_append()

    def sync(self) -> None:
        """fdatasync of what was appended. Raises OSError. Does not keep `append` waiting."""
        self._appender.sync()

    # --- reading, in order

    def read(self, max_bytes: int = _READ_BYTES) -> list[Frame]:
        """The next frames that are not acked, at most about `max_bytes` but at least one if there is one."""
        while True:
            with self._mutex:
                self._skip_missing()
                start = self._read
                # Decided before it is read: a finished segment has no frame that the reading could miss.
                finished = self._finished(start.segment)
                if start.segment not in self._segments:
                    return []
            try:
                frames, end, damaged = read_frames(self.path, start, max(max_bytes, 1))
            except FileNotFoundError:  # acked and deleted by its owner while we looked
                with self._mutex:
                    self._segments.remove(start.segment)
                continue
            if finished and end <= start.offset:
                left, _ = torn_tail(self.path, start.segment, max(end, HEADER_BYTES))
                damaged = [(end, left)] if left > 0 else []
            for offset, length in damaged:
                self._set_damaged_aside(start.segment, offset, length)
            with self._mutex:
                if self._read != start:
                    return []  # restarted meanwhile: this reading is void
                fresh = [frame for frame in frames if self._takes_off(frame)]
                if end > start.offset:
                    self._read = Position(start.segment, end)
                elif finished:
                    self._read = Position(start.segment + 1, 0)
                self._settle()
            if fresh or (end <= start.offset and not finished):
                return fresh

    def frames(self, from_cursor: bool = True) -> Iterator[Frame]:
        """All frames from the first unacked one on (or from the oldest kept), each once, until now's end.

        A frame given by this may be marked acked only with `from_cursor`.
        """
        if from_cursor:
            self.restart()
        else:
            with self._mutex:
                self._flight.clear()
                self._done.clear()
                self._read = Position(self._segments[0], 0) if self._segments else self._cursor
        while batch := self.read():
            yield from batch

    def reread(self, frame: Frame) -> Frame | None:
        """The same frame with its payload, or None where it is not readable any more."""
        try:
            frames, _, _ = read_frames(self.path, frame.position, frame.length)
        except OSError as error:
            _log.error("cannot read the frame at %s of %s again: %s", frame.position, self.path, error)
            return None
        return frames[0] if frames and frames[0].offset == frame.offset else None

    def raw(self, frame: Frame) -> bytes:
        """The frame as it lies on disk."""
        return raw_frame(self.path, frame)

    def restart(self) -> None:
        """Reading begins again at the first unacked frame; frames acked out of order are passed over."""
        with self._mutex:
            self._done |= {position for position, flight in self._flight.items() if flight.done}
            self._flight.clear()
            self._read = self._cursor

    def _takes_off(self, frame: Frame) -> bool:
        done = frame.position in self._done
        self._done.discard(frame.position)
        self._flight[frame.position] = _Flight(frame.offset + frame.length, frame.writer, frame.last_seq, done)
        return not done

    def _finished(self, segment: int) -> bool:
        if self.held:
            return segment != self._appender.active
        if segment >= max(self._segments, default=0):
            self._segments = segments_of(self.path)
            self._skip_missing()
        return segment < max(self._segments, default=0)

    def _skip_missing(self) -> None:
        if self._read.segment not in self._segments:
            later = [segment for segment in self._segments if segment > self._read.segment]
            if later:
                self._read = Position(min(later), 0)

    def _set_damaged_aside(self, segment: int, offset: int, length: int) -> None:
        if not self.held:
            return
        try:
            new = set_aside(self.path, segment, "damaged", offset, length, note={"at": time.time()})
        except OSError as error:
            _log.error("cannot set %d damaged bytes of segment %d of %s aside: %s", length, segment, self.path, error)
            return
        if new:
            _log.error(
                "%d bytes at %d of %s are damaged; they are kept in %s, everything around them is sent",
                length, offset, segment_file(self.path, segment), segment_file(self.path, segment, "damaged").name,
            )  # fmt: skip

    # --- what became of a frame

    def mark_acked(self, frames: Iterable[Frame]) -> None:
        """These are durable elsewhere; in any order."""
        with self._mutex:
            for frame in frames:
                flight = self._flight.get(frame.position)
                if flight is not None:
                    flight.done = True
            self._settle()

    def refuse(self, frame: Frame, reason: str, message: str) -> None:
        """Never to be sent again: kept in `<segment>.refused`. Raises OSError with nothing changed.

        A spool that is only read stays as it is, and the cursor before the frame: its owner sets it aside.
        """
        if self.held:
            note = {"reason": reason, "message": message, "writer": f"{frame.writer:016x}", "at": time.time()}
            set_aside(self.path, frame.segment, "refused", frame.offset, frame.length, note=note)
            self.mark_acked([frame])

    def hold(self, frame: Frame, version: str) -> None:
        """Too new for the service of this version: kept in `<segment>.held` until another answers."""
        if self.held:
            note = {"version": version, "writer": f"{frame.writer:016x}", "at": time.time()}
            set_aside(self.path, frame.segment, "held", frame.offset, frame.length, note=note)
            self.mark_acked([frame])

    def release_held(self, version: str) -> int:
        """Puts frames held for another version than this at the end of the spool; how many. Raises OSError."""
        count = 0
        for path in sorted(self.path.glob("*.held")) if self.held else ():
            notes = path.with_name(path.name + ".jsonl")
            if all(note.get("version") == version for note in read_notes(notes)):
                continue
            frames, _, _ = _core.scan_segment(str(path), 0, os.stat(path).st_size, True)
            for frame in frames:
                self.append(frame.writer, frame.first_seq, frame.last_seq, frame.payload)
            path.unlink()
            notes.unlink(missing_ok=True)
            count += len(frames)
        return count

    def welcome(self, boot: str) -> None:
        """The service's boot id: another one than last time means that what was acked lately is sent again."""
        with self._mutex:
            changed = bool(self.boot) and boot != self.boot
            self.boot = boot
            self._dirty = True
            if not changed:
                return
            kept = [segment for segment in self._segments if segment <= self._cursor.segment]
            if kept and self._cursor > Position(kept[0], HEADER_BYTES):
                self._cursor = Position(kept[0], 0)
                self._acked_at.clear()
                self._done.clear()
                self._flight.clear()
                self._read = self._cursor

    def _leave_finished(self) -> None:
        """A segment that will not grow and is acked to its end lies behind the cursor, so that it can be deleted."""
        number = self._cursor.segment
        if number != self._appender.active and not self._flight and not self.unread and number in self._segments:
            self._read = self._cursor = Position(number + 1, 0)
            self._acked_at.setdefault(number, time.time())
            self._dirty = True

    def _settle(self) -> None:
        """Moves the cursor over what is acked at its front."""
        before = self._cursor
        while self._flight:
            position, flight = next(iter(self._flight.items()))
            if not flight.done:
                break
            del self._flight[position]
            self._acked[flight.writer] = max(self._acked.get(flight.writer, 0), flight.last_seq)
            self._cursor = Position(position.segment, flight.end)
        if self._flight:
            front = next(iter(self._flight))
            self._cursor = max(self._cursor, front)
        else:
            self._cursor = max(self._cursor, self._read)
        if self._cursor != before:
            self._dirty = True
            for segment in self._segments:
                if segment < self._cursor.segment:
                    self._acked_at.setdefault(segment, time.time())

    # --- how far

    @property
    def pending_bytes(self) -> int:
        """On disk and not acked."""
        with self._mutex:
            total = 0
            for segment in self._segments:
                if segment < self._cursor.segment:
                    continue
                start = max(HEADER_BYTES, self._cursor.offset if segment == self._cursor.segment else 0)
                total += max(0, self._size(segment) - start)
            return total

    @property
    def unread(self) -> bool:
        """Frames may be there that `read` has not given."""
        with self._mutex:
            if not self._segments:
                return False
            last = self._segments[-1]
            if self._read.segment != last:
                return self._read.segment < last
            return self._size(last) > max(self._read.offset, HEADER_BYTES)

    @property
    def refused(self) -> int:
        """Frames in `.refused` files."""
        return self._noted("refused")

    @property
    def on_hold(self) -> int:
        """Frames in `.held` files."""
        return self._noted("held")

    @property
    def damaged(self) -> int:
        """Byte ranges in `.damaged` files."""
        return self._noted("damaged")

    def last_seqs(self) -> dict[int, int]:
        """The last row_seq of each writer in this spool, acked or not."""
        with self._mutex:
            if self._last is None:
                self._last = {}
                for segment in self._segments:
                    for writer, seq in index_of(self.path, segment).items():
                        self._last[writer] = max(self._last.get(writer, 0), seq)
            return self._last

    def acked_seq(self, writer: int) -> int:
        """Every record of the writer in this spool up to this one is acked (or refused); 0 if none is known to be."""
        with self._mutex:
            return self._acked.get(writer, 0)

    def _size(self, segment: int) -> int:
        if segment == self._appender.active:
            return self._appender.size
        try:
            return os.stat(segment_file(self.path, segment)).st_size
        except FileNotFoundError:
            return 0

    def _noted(self, suffix: str) -> int:
        return sum(sum(1 for _ in read_notes(path)) for path in self.path.glob(f"*.{suffix}.jsonl"))

    # --- keeping house

    def save(self) -> None:
        """Writes how far it is acked, if that has changed. Losing it costs a repeat, no record. Raises OSError."""
        with self._mutex:
            if not self._dirty:
                return
            self._dirty = False
            value = {
                "segment": self._cursor.segment,
                "offset": self._cursor.offset,
                "boot": self.boot,
                "acked_at": {str(segment): at for segment, at in self._acked_at.items()},
            }
        write_json(self.path / (CURSOR if self.held else SYNCED), value)

    def tidy(self, keep: bool = True) -> None:
        """Deletes acked segments after `segment_keep_s`, or at once. Raises OSError."""
        with self._mutex:
            if not self.held:
                return
            self._appender.roll()
            self._leave_finished()
            now = time.time()
            for segment in [segment for segment in self._segments if segment < self._cursor.segment]:
                at = self._acked_at.setdefault(segment, now)
                if keep and abs(now - at) < self._settings.segment_keep_s:
                    continue
                segment_file(self.path, segment).unlink(missing_ok=True)
                segment_file(self.path, segment, "idx").unlink(missing_ok=True)
                self._segments.remove(segment)
                self._acked_at.pop(segment, None)
                self._dirty = True

    def close(self, keep_acked: bool = True) -> None:
        """Lets go of the folder, and removes it where nothing in it is of use any more. Raises OSError."""
        with self._mutex:
            if not self.held:
                return
            try:
                self._appender.finish()
                self.tidy(keep=keep_acked)
                aside = any(next(self.path.glob(f"*.{s}"), None) is not None for s in ("refused", "held", "damaged"))
                if self._segments or aside:
                    self.save()
                else:
                    shutil.rmtree(self.path)
            finally:
                if self._lock_file is not None:
                    self._lock_file.release()
                    self._lock_file = None

    def _load_cursor(self) -> Position:
        values = [read_json(self.path / name) for name in (CURSOR, SYNCED)]
        positions = [_position(value) for value in values]
        cursor = max(positions)
        chosen = values[positions.index(cursor)]
        self.boot = str(chosen.get("boot", ""))
        acked_at = chosen.get("acked_at")
        for segment, at in acked_at.items() if isinstance(acked_at, dict) else ():
            if str(segment).isdigit() and isinstance(at, (int, float)):
                self._acked_at[int(segment)] = float(at)
        for segment in self._segments:
            if segment <= cursor.segment:
                until = cursor.offset if segment == cursor.segment else None
                for writer, seq in index_of(self.path, segment, until).items():
                    self._acked[writer] = max(self._acked.get(writer, 0), seq)
        return cursor

    def _cut_torn_tail(self) -> None:
        """What a killed writer left half written goes; its records are still in their ring."""
        if not self._segments:
            return
        last = self._segments[-1]
        position = Position(last, 0)
        while True:
            _, end, _ = read_frames(self.path, position, _READ_BYTES << 4, payloads=False)
            if end <= position.offset:
                break
            position = Position(last, end)
        left, damaged = torn_tail(self.path, last, position.offset)
        if left <= 0:
            return
        if damaged:
            self._set_damaged_aside(last, position.offset, left)
        else:
            _log.info("cut %d bytes of a torn frame off segment %d of %s", left, last, self.path)
        os.truncate(segment_file(self.path, last), position.offset)


def _position(value: dict[str, object]) -> Position:
    segment, offset = value.get("segment"), value.get("offset")
    if isinstance(segment, int) and isinstance(offset, int) and segment >= 0 and offset >= 0:
        return Position(segment, offset)
    return Position(0, 0)
