"""Finding ring files of a home and taking their consumer's lock; setting aside what is not a ring."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import re
import shutil
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import _core
from ..home import Home
from ..spool import FileLock
from ..spool.layout import host_name

__all__ = ["Mailbox", "RingName", "set_ring_aside", "take_mailbox"]

_log = logging.getLogger("stepwell.agent")

_RING = re.compile(r"([0-9a-f]{16})-(\d{6,})\.ring")
_DRAFT_S = 5.0
"""From a draft's making to its owner's lock it takes milliseconds; its process may have been stopped in between."""
_MAGIC = struct.Struct("<8sI")
_RESCAN_S = 1.0
_CLOCK_TICK_NS = 100_000_000
_LOCK = "agent.lock"
_DAMAGED = "damaged"


@dataclass(frozen=True, order=True)
class RingName:
    """What a ring's file name says; rings of one writer sort in the order in which they were written."""

    writer: int
    index: int
    path: Path


def take_mailbox(home: Home, wait_s: float) -> FileLock | None:
    """The right to be the agent of this mailbox; None where another agent keeps it for `wait_s`."""
    home.make()
    return FileLock.take(home.mailbox(_core.RING_LAYOUT) / _LOCK, wait_s)


class Mailbox:
    """The folders in which rings of a home may lie, and which of them are to be passed over."""

    def __init__(self, home: Home) -> None:
        self._home = home
        shared = home.mailbox(_core.RING_LAYOUT)
        self._folders = [shared] if shared == home.rings else [shared, home.rings]
        self._stamps: dict[Path, int | None] = {}
        self._looked = -_RESCAN_S
        self._names: list[RingName] = []
        self._foreign: set[Path] = set()

    def changed(self) -> bool:
        """A ring may have come or gone since the last `rings`. Cheap: one stat a folder."""
        now = time.monotonic()
        if now - self._looked >= _RESCAN_S:
            return True
        for folder in self._folders:
            stamp = _stamp(folder)
            # Two changes within a tick of the filesystem's clock have one stamp, so a fresh one proves nothing.
            if stamp != self._stamps.get(folder) or (stamp and time.time_ns() - stamp < _CLOCK_TICK_NS):
                return True
        return False

    def rings(self) -> list[RingName]:
        """All ring files that this process may drain, oldest of each writer first."""
        self._looked = time.monotonic()
        found = []
        for folder in self._folders:
            self._stamps[folder] = _stamp(folder)
            found += [name for name in self._scan(folder) if name.path not in self._foreign]
        self._names = sorted(found)
        return self._names

    def older(self, name: RingName) -> bool:
        """An earlier ring of the same writer is still there: it has to be emptied first."""
        return any(other.writer == name.writer and other.index < name.index for other in self._names)

    def open(self, name: RingName) -> _core.Ring | None:
        """The ring, locked; None where another process has it, or where it was set aside as no ring."""
        try:
            ring = _core.Ring(str(name.path))
        except _core.RingBusy:
            return None
        except _core.RingError as error:
            if not name.path.exists():
                return None  # its owner or an agent before us removed it meanwhile
            if _other_layout(name.path):
                _log.info("%s is of another version of stepwell, whose own agent drains it", name.path)
                self._foreign.add(name.path)
                return None
            self.set_aside(name.path, str(error))
            return None
        if name.path.parent == self._home.rings and not _of_this_host(ring):
            # Its pages are in another machine's memory: what this one sees of them may be old.
            self._foreign.add(name.path)
            ring.close()
            return None
        return ring

    def set_aside(self, path: Path, why: str) -> None:
        """Copies a ring that cannot be read to HOME/damaged and removes it; never looks at it again."""
        self.pass_over(path)
        set_ring_aside(self._home, path, why)

    def pass_over(self, path: Path) -> None:
        """Never looks at this ring again, as if it were not there."""
        self._foreign.add(path)

    def kept_of(self, writer: int) -> int:
        """How many rings of a writer were set aside, by this agent or one before it."""
        return sum(entry.name.startswith(f"{writer:016x}-") for entry in _entries(self._home.path / _DAMAGED))

    def remove_drafts(self) -> None:
        """Ring files whose process died while it made them: they take of the memory that rings may have."""
        for folder in self._folders:
            for entry in _entries(folder):
                if not entry.name.startswith(".tmp-"):
                    continue
                try:
                    age_s = time.time() - entry.stat(follow_symlinks=False).st_mtime
                    if age_s > _DRAFT_S and not _owned(entry.path):
                        os.unlink(entry.path)
                except OSError:
                    continue  # finished or removed meanwhile

    def _scan(self, folder: Path) -> Iterator[RingName]:
        for entry in _entries(folder):
            match = _RING.fullmatch(entry.name)
            if match:
                yield RingName(int(match[1], 16), int(match[2]), Path(entry.path))


def set_ring_aside(home: Home, path: Path, why: str) -> None:
    """Copies the file to HOME/damaged, then unlinks it. Where the copy fails the file stays where it is."""
    folder = home.path / _DAMAGED
    target = folder / f"{path.stem}-{time.time_ns()}.ring"
    try:
        home.make(folder)
        shutil.copyfile(path, target, follow_symlinks=False)
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.error("the ring %s cannot be read (%s), nor be copied to %s (%s); it is left there", path, why, target,
                   error)  # fmt: skip
        return
    _log.error("the ring %s cannot be read (%s); it is kept as %s", path, why, target)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError:
        return []  # wiped, or never made


def _owned(path: str) -> bool:
    """A process has the owner's lock on byte 0 of a ring file."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not hasattr(fcntl, "F_OFD_GETLK"):
            return _taken(fd)
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
        (kind,) = struct.unpack_from("h", fcntl.fcntl(fd, fcntl.F_OFD_GETLK, asked))
    finally:
        os.close(fd)
    return bool(kind != fcntl.F_UNLCK)


def _taken(fd: int) -> bool:
    """By trying, where the form of a question differs from system to system (macOS); the try ends with the fd."""
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return True
        raise
    return False


def _stamp(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return None


def _other_layout(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            magic, layout = _MAGIC.unpack(file.read(_MAGIC.size))
    except (OSError, struct.error):
        return False
    return bool(magic.startswith(b"SWRING") and (magic != b"SWRING1\0" or layout != _core.RING_LAYOUT))


def _of_this_host(ring: _core.Ring) -> bool:
    try:
        host = json.loads(ring.identity).get("host", "")
    except (ValueError, AttributeError):
        return True  # the drain says what is wrong with it
    import socket

    return host in ("", socket.gethostname(), host_name())
