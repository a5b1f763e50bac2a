"""One spool folder: who appends to it, who reads it, and how far it has been acked."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType

from ..errors import SpoolError
from ..home import Home
from ..settings import Settings
from .appender import Appender
from .aside import Aside
from .layout import LOCK, Destination, Position, folder_name, segment_file, segments_of
from .lock import FileLock
from .progress import Progress
from .segments import HEADER_BYTES, Frame, good_end, index_of, raw_frame, read_frames, torn_tail

__all__ = ["Spool"]

_log = logging.getLogger("stepwell.spool")

_READ_BYTES = 4 << 20


class Spool:
    """The frames of one agent for one destination.

    `append` may be called by one thread and the reading side (`read`, `mark_acked`, `refuse`, `hold`,
    `restart`, `tidy`) by others; a frame is read by one thread at a time.
    """

    def __init__(self, path: Path, destination: Destination, settings: Settings, lock: FileLock | None) -> None:
        self.path = path
        self.destination = destination
        self.on_append: Callable[[], None] = lambda: None
        self._settings = settings
        self._lock_file = lock
        self._mutex = threading.RLock()
        self._appender = Appender(path, settings)
        self._progress = Progress(path)
        self._aside = Aside(path)
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
            progress = self._progress
            number = max([*progress.segments, progress.cursor.segment, progress.at.segment - 1, 0]) + 1
            used = self._appender.append(number, writer, first_seq, last_seq, block)
            if used == number:
                progress.segments.append(number)
            if self._last is not None:
                self._last[writer] = max(self._last.get(writer, 0), last_seq)
        self.on_append()

    def sync(self) -> None:
        """fdatasync of what was appended. Raises OSError. Does not keep `append` waiting."""
        self._appender.sync()

    # --- reading, in order

    def read(self, max_bytes: int = _READ_BYTES) -> list[Frame]:
        """The next frames that are not acked, at most about `max_bytes` but at least one if there is one."""
        progress = self._progress
        while True:
            with self._mutex:
                progress.skip_missing()
                start = progress.at
                # Decided before it is read: a finished segment has no frame that the reading could miss.
                finished = self._finished(start.segment)
                if start.segment not in progress.segments:
                    return []
            try:
                frames, end, damaged = read_frames(self.path, start, max(max_bytes, 1))
            except FileNotFoundError:  # acked and deleted by its owner while we looked
                with self._mutex:
                    progress.segments.remove(start.segment)
                continue
            if finished and end <= start.offset:
                left, _ = torn_tail(self.path, start.segment, max(end, HEADER_BYTES))
                damaged = [(end, left)] if left > 0 else []
            if self.held:
                for offset, length in damaged:
                    self._aside.damage(start.segment, offset, length)
            with self._mutex:
                if progress.at != start:
                    return []  # restarted meanwhile: this reading is void
                fresh = [frame for frame in frames if progress.take_off(frame)]
                if end > start.offset:
                    progress.at = Position(start.segment, end)
                elif finished:
                    progress.at = Position(start.segment + 1, 0)
                progress.settle()
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
                self._progress.restart_at_oldest()
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
            self._progress.restart()

    def _finished(self, segment: int) -> bool:
        if self.held:
            return segment != self._appender.active
        progress = self._progress
        if segment >= max(progress.segments, default=0):
            progress.segments = segments_of(self.path)
            progress.skip_missing()
        return segment < max(progress.segments, default=0)

    # --- what became of a frame

    def mark_acked(self, frames: Iterable[Frame]) -> None:
        """These are durable elsewhere; in any order."""
        with self._mutex:
            self._progress.ack(frames)

    def refuse(self, frame: Frame, reason: str, message: str) -> None:
        """Never to be sent again: kept in `<segment>.refused`. Raises OSError with nothing changed.

        A spool that is only read stays as it is, and the cursor before the frame: its owner sets it aside.
        """
        if self.held:
            self._aside.refuse(frame, reason, message)
            self.mark_acked([frame])

    def hold(self, frame: Frame, version: str) -> None:
        """Too new for the service of this version: kept in `<segment>.held` until another answers."""
        if self.held:
            self._aside.hold(frame, version)
            self.mark_acked([frame])

    def release_held(self, version: str) -> int:
        """Puts frames held for another version than this at the end of the spool; how many. Raises OSError."""
        count = 0
        for path, frames in self._aside.held_for_others(version) if self.held else ():
            for frame in frames:
                self.append(frame.writer, frame.first_seq, frame.last_seq, frame.payload)
            self._aside.let_go(path)
            count += len(frames)
        return count

    def welcome(self, boot: str) -> None:
        """The service's boot id: another one than last time means that what was acked lately is sent again."""
        with self._mutex:
            self._progress.welcome(boot)

    # --- how far

    @property
    def pending_bytes(self) -> int:
        """On disk and not acked."""
        with self._mutex:
            total, cursor = 0, self._progress.cursor
            for segment in self._progress.segments:
                if segment >= cursor.segment:
                    start = max(HEADER_BYTES, cursor.offset if segment == cursor.segment else 0)
                    total += max(0, self._size(segment) - start)
            return total

    @property
    def unread(self) -> bool:
        """Frames may be there that `read` has not given."""
        with self._mutex:
            segments, at = self._progress.segments, self._progress.at
            if not segments:
                return False
            if at.segment != segments[-1]:
                return at.segment < segments[-1]
            return self._size(segments[-1]) > max(at.offset, HEADER_BYTES)

    @property
    def refused(self) -> int:
        """Frames in `.refused` files."""
        return self._aside.count("refused")

    @property
    def on_hold(self) -> int:
        """Frames in `.held` files."""
        return self._aside.count("held")

    @property
    def damaged(self) -> int:
        """Byte ranges in `.damaged` files."""
        return self._aside.count("damaged")

    def last_seqs(self) -> dict[int, int]:
        """The last row_seq of each writer in this spool, acked or not."""
        with self._mutex:
            if self._last is None:
                self._last = {}
                for segment in self._progress.segments:
                    for writer, seq in index_of(self.path, segment).items():
                        self._last[writer] = max(self._last.get(writer, 0), seq)
            return self._last

    def acked_seq(self, writer: int) -> int:
        """Every record of the writer in this spool up to this one is acked (or refused); 0 if none is known to be."""
        with self._mutex:
            return self._progress.acked_seq(writer)

    def _size(self, segment: int) -> int:
        if segment == self._appender.active:
            return self._appender.size
        try:
            return os.stat(segment_file(self.path, segment)).st_size
        except FileNotFoundError:
            return 0

    # --- keeping house

    def save(self) -> None:
        """Writes how far it is acked, if that has changed. Losing it costs a repeat, no record. Raises OSError."""
        with self._mutex:
            value = self._progress.value()
        if value is not None:
            self._progress.save(self.path, value, self.held)

    def tidy(self, keep: bool = True) -> None:
        """Deletes acked segments after `segment_keep_s`, or at once. Raises OSError."""
        with self._mutex:
            if not self.held:
                return
            self._appender.roll()
            if self._progress.cursor.segment != self._appender.active and not self.unread:
                self._progress.leave_segment()
            for segment in self._progress.behind(self._settings.segment_keep_s if keep else 0.0):
                segment_file(self.path, segment).unlink(missing_ok=True)
                segment_file(self.path, segment, "idx").unlink(missing_ok=True)
                self._progress.forget(segment)

    def close(self, keep_acked: bool = True) -> None:
        """Lets go of the folder, and removes it where nothing in it is of use any more. Raises OSError."""
        with self._mutex:
            if not self.held:
                return
            try:
                self._appender.finish()
                self.tidy(keep=keep_acked)
                if self._progress.segments or self._aside.any:
                    self.save()
                else:
                    shutil.rmtree(self.path)
            finally:
                if self._lock_file is not None:
                    self._lock_file.release()
                    self._lock_file = None

    def _cut_torn_tail(self) -> None:
        """What a killed writer left half written goes; its records are still in their ring."""
        if not self._progress.segments:
            return
        last = self._progress.segments[-1]
        end = good_end(self.path, last)
        left, damaged = torn_tail(self.path, last, end)
        if left <= 0:
            return
        if damaged:
            self._aside.damage(last, end, left)
        else:
            _log.info("cut %d bytes of a torn frame off segment %d of %s", left, last, self.path)
        os.truncate(segment_file(self.path, last), end)
