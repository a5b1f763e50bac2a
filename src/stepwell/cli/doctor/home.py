"""Where things lie: can it be written, does it last, is there room, is there shared memory?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ...errors import HomeError
from ...filesystems import filesystem_of, is_network
from ...home import Home
from ...settings import Settings
from ..output import bytes_text
from .finding import NOTE, OK, WRONG, Finding

__all__ = ["home_folder", "home_lasts", "shared_memory"]

_SHARED_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 1 << 30


def home_folder(home: Home) -> Iterator[Finding]:
    named = "STEPWELL_HOME" if os.environ.get("STEPWELL_HOME") else "the default folder of this user's data"
    try:
        home.make()
        probe = home.path / f".doctor-{os.getpid()}"
        probe.write_bytes(b"stepwell")
        probe.unlink()
    except (HomeError, OSError) as error:
        text = str(error) if isinstance(error, HomeError) else f"cannot write to {home.path}: {error.strerror}"
        yield Finding("home", WRONG, text, "set STEPWELL_HOME to a folder you can write", named)
        return
    yield Finding("home", OK, f"{home.path} can be written", looked=named)
    kind = filesystem_of(home.path)
    yield from _network(home, kind)
    yield from _locks(home)
    usage = shutil.disk_usage(home.path)
    free = f"{bytes_text(usage.free)} free of {bytes_text(usage.total)} ({kind or 'unknown filesystem'})"
    short = usage.free < max(_ROOM_BYTES, Settings.load().bytes_kept_free(usage.total))
    do = "make room: spools and checkpoints wait here" if short else ""
    yield Finding("disk", WRONG if short else OK, free, do, f"the filesystem of {home.path}")


def home_lasts(home: Home) -> Iterator[Finding]:
    from ...run.lifetime import soon_gone

    gone = soon_gone(home)
    if gone:
        why, _, do = gone.partition(": ")
        yield Finding("home", NOTE, why, do, "/proc/mounts")


def shared_memory(home: Home) -> Iterator[Finding]:
    settings = Settings.load()
    if not _SHARED_MEMORY.is_dir() or not os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
        text = f"{_SHARED_MEMORY} cannot be used; rings are files in {home.rings}, which costs a little more"
        usual = not sys.platform.startswith("linux")
        yield Finding("shared memory", OK if usual else NOTE, text, looked=str(_SHARED_MEMORY))
        return
    usage = shutil.disk_usage(_SHARED_MEMORY)
    ours = int(usage.total * settings.ring_share_max)
    text = (
        f"{_SHARED_MEMORY} {bytes_text(usage.total)}, {bytes_text(usage.free)} free; rings may take {bytes_text(ours)}"
    )
    if min(ours, usage.free) < settings.ring_bytes:
        do = "give the container more (docker run --shm-size=1g), or free some; rings are smaller, or files, until then"
        level = WRONG if ours < settings.ring_bytes_min else NOTE
        yield Finding("shared memory", level, text, do, str(_SHARED_MEMORY))
    else:
        yield Finding("shared memory", OK, text, looked=str(_SHARED_MEMORY))


def _network(home: Home, kind: str) -> Iterator[Finding]:
    if is_network(kind):
        yield Finding(
            "filesystem", NOTE, f"the home lies on {kind}: spools are safe there, an embedded store is not",
            "run `stepwell serve` with STEPWELL_HOME on a local disk, or name a service in STEPWELL_SERVER",
            "/proc/mounts",
        )  # fmt: skip


def _locks(home: Home) -> Iterator[Finding]:
    from ...spool import FileLock

    probe = home.path / f".doctor-lock-{os.getpid()}"
    lock = FileLock.take(probe)
    if lock is None:
        return
    works = lock.works
    lock.release()
    probe.unlink(missing_ok=True)
    if not works:
        yield Finding(
            "locks", NOTE, f"the filesystem of {home.path} has no locks: spools are kept apart by host and agent alone",
            "let one host at a time run `stepwell sync` here; mount it with locks (NFS: without nolock) if you can",
            "flock",
        )  # fmt: skip
