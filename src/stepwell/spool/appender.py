"""The writing end of a spool: one segment file after another, each frame by one write."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from pathlib import Path

from .. import _core
from ..settings import Settings
from .layout import segment_file
from .segments import FRAME_BLOCK, HEADER_BYTES, write_index

__all__ = ["Appender"]

_log = logging.getLogger("stepwell.spool")

# After these the file itself is in doubt, and the next frame goes into a new one.
_BROKEN_FILE = {errno.EIO, errno.ESTALE, errno.EBADF, errno.ENXIO, errno.ENOENT}


class Appender:
    """Not thread-safe but for `sync`; the Spool calls the rest under its mutex."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.active: int | None = None
        """Number of the segment that grows."""
        self._settings = settings
        self._file: _core.SegmentWriter | None = None
        self._since = 0.0
        self._seqs: dict[int, int] = {}
        self._synced = 0
        self._finished: list[int] = []  # closed since the last sync
        self._new_entry = False
        self._mutex = threading.Lock()

    @property
    def size(self) -> int:
        return self._file.size if self._file is not None else 0

    def append(self, number: int, writer: int, first_seq: int, last_seq: int, block: bytes) -> int:
        """Writes one frame; into segment `number` if a new one has to be begun. Returns the segment used."""
        file = self._file or self._begin(number)
        try:
            file.append(FRAME_BLOCK, writer, first_seq, last_seq, block)
        except OSError as error:
            if error.errno in _BROKEN_FILE:
                self.finish()
            raise
        self._seqs[writer] = max(self._seqs.get(writer, 0), last_seq)
        assert self.active is not None
        return self.active

    def roll(self) -> None:
        """A full segment is closed, and an old one, so that what is kept after its acks is of the last minutes."""
        if self._file is None or self._file.size <= HEADER_BYTES:
            return
        old = time.monotonic() - self._since > self._settings.segment_keep_s
        if old or self._file.size >= self._settings.segment_bytes:
            self.finish()

    def finish(self) -> None:
        """Closes the segment that grows; nothing where there is none."""
        if self._file is None or self.active is None:
            return
        self._file.close()
        with self._mutex:
            self._finished.append(self.active)
            self._synced = 0
        try:
            write_index(self.folder, self.active, self._seqs)
        except OSError as error:  # only a shortcut is missing: the segment itself is read instead
            _log.debug("no index beside segment %d of %s: %s", self.active, self.folder, error)
        self._file = self.active = None
        self._seqs = {}

    def sync(self) -> None:
        """fdatasync of everything since the last one, through a descriptor of its own. Raises OSError."""
        with self._mutex:
            segments, self._finished = self._finished, []
            new_entry, self._new_entry = self._new_entry, False
            file, active = self._file, self.active
            size = file.size if file is not None else 0
            if active is not None and size != self._synced:
                segments.append(active)
                self._synced = size
        for segment in segments:
            _sync(segment_file(self.folder, segment), os.O_RDONLY)
        if new_entry:
            _sync(self.folder, os.O_RDONLY | os.O_DIRECTORY)

    def _begin(self, number: int) -> _core.SegmentWriter:
        path = segment_file(self.folder, number)
        try:
            file = _core.SegmentWriter(str(path))
        except FileExistsError:
            raise
        except OSError:
            path.unlink(missing_ok=True)  # made, but its header did not fit
            raise
        self._file, self.active, self._since = file, number, time.monotonic()
        self._seqs = {}
        self._new_entry = True
        return file


def _sync(path: Path, flags: int) -> None:
    try:
        fd = os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # acked and deleted meanwhile
    try:
        if flags & os.O_DIRECTORY:
            os.fsync(fd)
        else:
            os.fdatasync(fd)
    finally:
        os.close(fd)
