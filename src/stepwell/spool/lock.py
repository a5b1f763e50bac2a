"""flock on a file: who holds a spool, a staging folder, a mailbox. Dies with its process, unlike a pid file."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

__all__ = ["FileLock"]

# What network filesystems say that have no locks.
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}
_POLL_S = 0.05


class FileLock:
    """A lock that is held until `release` or the process's end."""

    def __init__(self, path: Path, fd: int, works: bool) -> None:
        self.path = path
        self.works = works
        """False where the filesystem has no locks: then nothing says that nobody else has it."""
        self._fd = fd

    @classmethod
    def take(cls, path: Path, wait_s: float = 0.0, make: bool = True) -> FileLock | None:
        """The lock, or None where another process has it (after `wait_s`). Raises OSError."""
        deadline = time.monotonic() + wait_s
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if make else 0)
        while True:
            fd = os.open(path, flags, 0o600)
            lock = cls(path, fd, works=True)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                if time.monotonic() >= deadline:
                    return None
                time.sleep(_POLL_S)
                continue
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    os.close(fd)
                    raise
                lock.works = False
                return lock
            if lock.ours():
                return lock
            os.close(fd)  # its last holder removed the file between our open and our lock

    def ours(self) -> bool:
        """The path still names the file that is locked; a wiped folder's new file is another lock."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        here = os.fstat(self._fd)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
