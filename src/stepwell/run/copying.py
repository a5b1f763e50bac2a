"""Copies of files with bounded memory: shared extents where the filesystem can, inside the kernel where it cannot.

Knows nothing of runs. A copy is whole or the error is raised; the caller removes what there is of it.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Found", "copy_file", "files_below"]

_FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)
_PIECE_BYTES = 64 << 20
_BUFFER_BYTES = 1 << 20
_NOT_THIS_WAY = {
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EBADF,
    errno.ENOTTY,
    errno.ETXTBSY,
}

Found = tuple[str, Path, int]


def files_below(path: Path) -> Iterator[Found]:
    """(name to show, file, size) of a file, or of each file below a folder; links are followed.

    Raises OSError for what cannot be read, for a socket or device, and for a link that leads nowhere.
    """
    if not path.is_dir():
        yield path.name, _regular(path), path.stat().st_size
        return
    seen = {_inode(path)}
    folders = [path]
    while folders:
        for entry in sorted(folders.pop().iterdir()):
            if not entry.is_dir():
                yield entry.relative_to(path).as_posix(), _regular(entry), entry.stat().st_size
            elif (inode := _inode(entry)) not in seen:  # a link upwards would never end
                seen.add(inode)
                folders.append(entry)


def copy_file(source: Path, target: Path) -> int:
    """Copies the bytes of a file into a new one and returns how many. Raises OSError."""
    with source.open("rb", buffering=0) as reading, target.open("xb", buffering=0) as writing:
        if _clone(reading.fileno(), writing.fileno()):
            return os.fstat(writing.fileno()).st_size
        if not _copy_in_kernel(reading.fileno(), writing.fileno()):
            reading.seek(0)
            writing.seek(0)
            writing.truncate(0)
            shutil.copyfileobj(reading, writing, _BUFFER_BYTES)
        return os.fstat(writing.fileno()).st_size


def _clone(reading: int, writing: int) -> bool:
    try:
        import fcntl

        fcntl.ioctl(writing, _FICLONE, reading)
    except (ImportError, OSError):
        return False
    return True


def _copy_in_kernel(reading: int, writing: int) -> bool:
    """False where this pair of filesystems cannot, and for files that claim to be empty (as in /proc)."""
    copy = getattr(os, "copy_file_range", None)
    if copy is None:
        return False
    done = 0
    while True:
        try:
            moved = copy(reading, writing, _PIECE_BYTES)
        except OSError as error:
            if error.errno in _NOT_THIS_WAY:
                return False
            raise
        if moved == 0:
            return done > 0
        done += moved


def _regular(path: Path) -> Path:
    if not path.is_file():
        path.stat()  # says that it is not there, if so
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path


def _inode(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return seen.st_dev, seen.st_ino
