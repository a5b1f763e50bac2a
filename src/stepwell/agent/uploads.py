"""Staged artifacts to the blob store: hash, ask what is there, send the rest, commit, remove."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ApiError, AuthError, ServiceUnavailable, SpoolError
from ..home import Home
from ..killpoints import killpoint
from ..settings import Settings
from ..spool import Destination, Staged, find_staged
from ..spool.staging import StagedFile, remove_orphans
from .destinations import resolve
from .priority import be_nice

if TYPE_CHECKING:
    from .blob_link import BlobLink

__all__ = ["Uploader", "upload", "upload_staged"]

_log = logging.getLogger("stepwell.agent")

_LOOK_S = 0.5
"""Between two rounds where no glance shows that something was staged."""
_ORPHAN_S = 86_400.0
_COMMIT_TRIES = 3
_YIELD_S = 1.0
"""A chunk waits at most this long for scalars to go first."""


@dataclass
class _Wait:
    """Backoff of one destination."""

    failures: int = 0
    until: float = 0.0


def upload(link: BlobLink, staged: Staged, before_chunk: Callable[[], None], chunk_bytes: int) -> bool:
    """Brings one artifact into the blob store and commits it. Raises what the link raises.

    False where its run was purged: then nothing of it is kept, and it is done with.
    """

    def bytes_of(file: StagedFile) -> Iterator[bytes]:
        for chunk in staged.chunks(file, chunk_bytes):
            before_chunk()
            yield chunk

    from .blob_link import MissingBlob

    digests = staged.digests()
    for attempt in range(_COMMIT_TRIES):
        held = link.have(sorted({digests[file.path] for file in staged.uploads}))
        for file in staged.uploads:
            digest = digests[file.path]
            if digest not in held:
                link.put(digest, file.size, partial(bytes_of, file), before_chunk)
                held.add(digest)
        killpoint("agent.uploaded")
        try:
            kept = link.commit(staged, digests)
            killpoint("agent.completed")
            return kept
        except MissingBlob as error:  # collected between our question and our commit
            if attempt == _COMMIT_TRIES - 1:
                raise ServiceUnavailable(str(error)) from error
    raise AssertionError("the last try returns or raises")


def upload_staged(
    home: Home,
    staged: Staged,
    destination: Destination,
    settings: Settings,
    *,
    before_chunk: Callable[[], None] = lambda: None,
    goes_on: Callable[[], bool] = lambda: True,
) -> bool:
    """The same to wherever the destination is now, by gRPC, else by HTTP."""
    from .blob_link import GrpcBlobs, HttpBlobs, StoreFails
    from .direct import DirectBroken

    endpoint = resolve(home, destination)
    ways: list[Callable[[], BlobLink]] = [lambda: HttpBlobs(endpoint)]
    if endpoint.grpc:
        ways.insert(0, lambda: GrpcBlobs(endpoint, settings))
    for way in ways:
        link = way()
        try:
            return upload(link, staged, before_chunk, settings.blob_chunk_bytes)
        except (DirectBroken, StoreFails):  # not by HTTP: what is in the bucket is gone on with, or nothing can be put
            raise
        except ServiceUnavailable:
            if way is ways[-1] or not goes_on():
                raise
        finally:
            link.close()
    raise AssertionError("the last way returns or raises")


class Uploader(threading.Thread):
    """A thread that uploads what is staged in a home, one artifact at a time; scalars go first."""

    def __init__(self, home: Home, settings: Settings, busy: Callable[[], bool]) -> None:
        super().__init__(name="upload", daemon=True)
        self.uploaded = 0
        self.problem = ""
        """Why the last try failed; "" after a success."""
        self._home, self._settings, self._busy = home, settings, busy
        self._ending = threading.Event()
        self._due = threading.Event()
        self._stamp: int | None = None
        self._lost_at: float | None = None
        self._waits: dict[Destination, _Wait] = {}
        self._seen: dict[Path, Staged | None] = {}

    def waiting(self) -> int:
        """How many artifacts are staged that this thread would still upload; looks at the disk."""
        count = 0
        for folder in find_staged(self._home.path):
            try:
                staged = Staged.load(folder)
            except SpoolError:
                continue  # `_load` has said so
            count += not staged.destination.offline and not staged.refused
        return count

    @property
    def lost_s(self) -> float:
        """For how long nothing could be uploaded; 0 while something can, or may."""
        return time.monotonic() - self._lost_at if self._lost_at is not None else 0.0

    def glance(self) -> None:
        """Wakes the thread where something was staged since the last glance: whoever stages stamps the folder.

        Cheap: one stat. What a filesystem is late to tell, or an older version staged, is found at the next round.
        """
        try:
            stamp = self._home.staging.stat().st_mtime_ns
        except OSError:
            return  # not made yet
        if stamp != self._stamp:
            self._stamp = stamp
            self._due.set()

    def stop(self) -> None:
        self._ending.set()
        self._due.set()

    def run(self) -> None:
        be_nice()
        self._remove_orphans()
        while not self._ending.is_set():
            self._due.clear()
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - a bug of ours must not end the uploads: it is said, and tried again
                _log.exception("uploading failed")
                self.problem = repr(error)
            self._due.wait(_LOOK_S)

    def _round(self) -> None:
        """Tries everything that is due once."""
        folders = find_staged(self._home.path)
        self._seen = {folder: self._seen[folder] for folder in folders if folder in self._seen}
        for folder in folders:
            staged = self._load(folder)
            if staged is None or staged.destination.offline:
                continue
            wait = self._waits.setdefault(staged.destination, _Wait())
            if not self._ending.is_set() and time.monotonic() >= wait.until:
                self._try(staged, wait)

    def _try(self, staged: Staged, wait: _Wait) -> None:
        lock = None
        try:
            lock = staged.lock()
            if lock is None or not (staged.folder / "manifest.json").exists():
                return  # another process has it, or was quicker
            kept = upload_staged(
                self._home,
                staged,
                staged.destination,
                self._settings,
                before_chunk=self._let_scalars_go_first,
                goes_on=lambda: not self._ending.is_set(),
            )
            staged.remove()
            self.uploaded += 1
            wait.failures, self.problem, self._lost_at = 0, "", None
            _log.log(logging.INFO if kept else logging.WARNING, "%s %s %r of %s/%s, %d bytes%s",
                     "uploaded" if kept else "discarded", staged.kind, staged.name, staged.project, staged.id,
                     staged.size, "" if kept else ": the run was purged")  # fmt: skip
        except (SpoolError, ApiError) as error:  # its files are not what they were, or the service will never take it
            _log.error("%s %r of %s/%s is not uploaded: %s; it stays in %s", staged.kind, staged.name, staged.project,
                       staged.id, error, staged.folder)  # fmt: skip
            self._refuse(staged, str(error))
        except (ServiceUnavailable, AuthError, OSError) as error:
            if str(error) != self.problem and not self._ending.is_set():
                _log.warning("cannot upload %r of %s/%s: %s; it is kept in staging", staged.name, staged.project,
                             staged.id, error)  # fmt: skip
            self.problem = str(error)
            if self._lost_at is None:
                self._lost_at = time.monotonic()
            wait.failures += 1
            longest = min(self._settings.backoff_max_s, self._settings.backoff_min_s * 2 ** min(wait.failures, 16))
            wait.until = time.monotonic() + random.uniform(0, longest)
        finally:
            if lock is not None:
                lock.release()

    def _let_scalars_go_first(self) -> None:
        if self._ending.is_set():
            raise ServiceUnavailable("the agent ends")
        end = time.monotonic() + _YIELD_S
        while self._busy() and time.monotonic() < end and not self._ending.wait(0.01):
            pass

    def _load(self, folder: Path) -> Staged | None:
        if folder not in self._seen:
            try:
                staged = Staged.load(folder)
                self._seen[folder] = None if staged.refused else staged
            except SpoolError as error:
                _log.error("%s; it is left as it is", error)
                self._seen[folder] = None
        return self._seen[folder]

    def _refuse(self, staged: Staged, reason: str) -> None:
        self._seen[staged.folder] = None
        try:
            staged.refuse(reason)
        except OSError as error:
            _log.error("cannot note that in %s: %s", staged.folder, error)

    def _remove_orphans(self) -> None:
        for folder in remove_orphans(self._home.staging, _ORPHAN_S):
            _log.info("removed %s: a copy that its process never finished", folder)
