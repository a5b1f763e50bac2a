"""One process at a time may open an embedded store: chDB keeps caches that a second one would not see."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from pathlib import Path
from typing import ClassVar

from ..errors import StoreBusy, StoreError

__all__ = ["StoreLock"]


class StoreLock:
    """A `flock` on `<store>.lock`, counted within the process; it falls with the process that held it.

    The file stays behind and means nothing: only the lock on it does, so there are no stale locks.
    """

    _held: ClassVar[dict[str, tuple[int, int, int]]] = {}  # path -> (fd, holders, pid)
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = f"{os.path.realpath(store)}.lock"
        self._acquired = False

    def acquire(self) -> bool:
        """Whether this is the process's first hold. Raises StoreBusy naming the process that has the store open."""
        with self._guard:
            fd, holders, pid = self._held.get(self._path, (-1, 0, os.getpid()))
            if holders and pid != os.getpid():
                raise StoreBusy(
                    f"the store at {self._store} was opened by process {pid} before this one was forked from it; "
                    "read it from a process started anew, or through `stepwell serve`"
                )
            if not holders:
                fd = self._lock()
            self._held[self._path] = (fd, holders + 1, os.getpid())
            self._acquired = True
            return not holders

    def release(self) -> None:
        with self._guard:
            if not self._acquired:
                return
            self._acquired = False
            fd, holders, pid = self._held[self._path]
            if holders > 1:
                self._held[self._path] = (fd, holders - 1, pid)
                return
            del self._held[self._path]
            os.close(fd)

    def _lock(self) -> int:
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreError(f"cannot open {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _holder(fd)
            os.close(fd)
            who = f"process {pid}" if pid else "another process"
            raise StoreBusy(
                f"{who} has the store at {self._store} open, and an embedded store is one process's. If that is "
                "`stepwell serve`, use it through its address (STEPWELL_SERVER, or the service.json of the same "
                "STEPWELL_HOME); else wait for it or end it. Several services at once need a ClickHouse server "
                "(--metrics clickhouse://...)."
            ) from None
        except OSError as error:
            os.close(fd)
            raise StoreError(
                f"cannot lock {self._path}: {error.strerror}. The embedded store must lie on a local disk."
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps({"pid": os.getpid()}).encode(), 0)
        return fd


def _holder(fd: int) -> int | None:
    try:
        return int(json.loads(os.pread(fd, 4096, 0))["pid"])
    except (OSError, ValueError, KeyError, TypeError):  # being written this instant: then nobody is named
        return None
