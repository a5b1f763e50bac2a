"""Sends everything that lies in spools and staging, of this home or of any folder, once."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ApiError, AuthError, HomeError, ServiceUnavailable, SpoolError
from ..home import Home
from ..settings import Settings
from ..spool import Destination, FileLock, Spool, Staged, find_spools, find_staged

if TYPE_CHECKING:
    from .mailbox import Mailbox

__all__ = ["SyncReport", "drain_rings", "sync"]

_log = logging.getLogger("stepwell.agent")

_SYNC_LOCK = "sync.lock"
_LOOK_S = 0.2


@dataclass(frozen=True)
class SyncReport:
    """What a sync has done and what is left."""

    blocks: int = 0
    bytes: int = 0
    artifacts: int = 0
    artifact_bytes: int = 0
    refused: int = 0
    """Blocks and artifacts that the service will never take; they stay on disk."""
    held: int = 0
    """Blocks for a newer service; they stay on disk."""
    discarded: int = 0
    """Blocks and artifacts of runs that were purged: counted as sent, and kept nowhere."""
    left_bytes: int = 0
    left_artifacts: int = 0
    problems: tuple[str, ...] = field(default=())

    @property
    def complete(self) -> bool:
        """Nothing that could still be sent is left."""
        return not (self.left_bytes or self.left_artifacts or self.refused or self.held or self.problems)

    def __str__(self) -> str:
        text = f"sent {self.blocks} blocks ({self.bytes} bytes) and {self.artifacts} artifacts"
        if self.discarded:
            text += f", of which {self.discarded} are discarded: their runs were purged"
        if self.left_bytes or self.left_artifacts:
            text += f"; left {self.left_bytes} bytes and {self.left_artifacts} artifacts"
        if self.refused or self.held:
            text += f"; {self.refused} refused, {self.held} held for a newer service"
        return "; ".join([text, *self.problems])


def sync(
    home: Home | Path | str | None = None,
    paths: Iterable[Path | str] = (),
    server: str | None = None,
    progress: Callable[[SyncReport], None] | None = None,
) -> SyncReport:
    """Sends the spools and staged artifacts below `paths` (homes, folders of spools, spools; default: the home).

    Those of mode "offline" too, and those that another process still writes, up to where they are now. To `server`,
    else where each was recorded for, else STEPWELL_SERVER, else the home's own service. Never raises for the network:
    what could not be sent is in the report.
    """
    home = home if isinstance(home, Home) else Home(home)
    return _Sync(home, server or "", progress or (lambda _: None)).run([Path(path) for path in paths])


def drain_rings(home: Home, settings: Settings) -> None:
    """Brings the rings of processes that are gone into a spool, where no agent is at work; nothing where one is.

    Raises OSError or HomeError where the mailbox cannot be used.
    """
    from .mailbox import Mailbox, take_mailbox

    lock = take_mailbox(home, 0.0)
    if lock is None:
        return
    try:
        mailbox = Mailbox(home)  # its first look must be the drain's own: a second one soon after sees no change
        if Mailbox(home).rings():
            _drain_all(home, settings, mailbox)
    finally:
        lock.release()


def _drain_all(home: Home, settings: Settings, mailbox: Mailbox) -> None:
    from .dispatch import Dispatch
    from .drain import Drain

    dispatch = Dispatch(home, settings, on_stop=lambda *_: None, sending=False)
    drain = Drain(mailbox, dispatch, settings)
    try:
        while (pause := drain.tick()) and drain.burying and not drain.blocked:
            time.sleep(pause)
        drain.flush()  # the rest is of live processes: what they have written up to now
    finally:
        drain.close()
        dispatch.close()


class _Sync:
    def __init__(self, home: Home, server: str, progress: Callable[[SyncReport], None]) -> None:
        self.report = SyncReport()
        self._home, self._server, self._progress = home, server, progress
        self._settings = Settings.load()

    def run(self, paths: list[Path]) -> SyncReport:
        roots = paths or [self._home.path]
        if self._home.path in [root.absolute() for root in roots]:
            try:
                drain_rings(self._home, self._settings)
            except (OSError, HomeError) as error:
                self._problem(f"rings cannot be looked for: {error}")
        spools: dict[Destination, list[Spool]] = {}
        locks: list[FileLock] = []
        for root in roots:
            if not root.is_dir():
                self._problem(f"{root} is no folder")
            for path in find_spools(root):
                try:
                    spool = self._open(path, locks)
                except (SpoolError, OSError) as error:
                    self._problem(str(error))
                    continue
                if spool is not None:
                    spools.setdefault(self._where(spool.destination), []).append(spool)
        for destination, group in spools.items():
            self._send(destination, group)
        for lock in locks:
            lock.release()
        for root in roots:
            self._upload(root)
        return self.report

    def _open(self, path: Path, locks: list[FileLock]) -> Spool | None:
        try:
            return Spool.adopt(path, self._settings)
        except SpoolError:
            spool = Spool.open_readonly(path, self._settings)  # its owner still writes it
        lock = FileLock.take(path / _SYNC_LOCK)
        if lock is None:
            self._problem(f"{path} is being synced by another process")
            return None
        locks.append(lock)
        return spool

    def _where(self, destination: Destination) -> Destination:
        return Destination(self._server or destination.server or os.environ.get("STEPWELL_SERVER", ""), "online")

    def _send(self, destination: Destination, spools: list[Spool]) -> None:
        from .outbox import Outbox
        from .sender import Sender

        outbox = Outbox(destination, self._settings)
        for spool in spools:
            outbox.add(spool)
        sender = Sender(self._home, outbox, self._settings, agent="sync", until_idle=True)
        before = self.report

        def tell() -> None:
            self.report = replace(
                before,
                blocks=before.blocks + outbox.acked_frames,
                bytes=before.bytes + outbox.acked_bytes,
                refused=before.refused + outbox.refused_frames,
                held=before.held + outbox.held_frames,
                discarded=before.discarded + outbox.discarded_frames,
                left_bytes=before.left_bytes + outbox.pending_bytes,
            )
            self._progress(self.report)

        if not outbox.idle:
            sender.start()
            while sender.is_alive():
                sender.join(timeout=_LOOK_S)
                sender.watch()
                tell()
        tell()
        if self.report.left_bytes > before.left_bytes and sender.problem:
            self._problem(sender.problem)
        outbox.each(Spool.save, "save the cursor of")
        outbox.each(lambda spool: spool.close(keep_acked=False), "close")

    def _upload(self, root: Path) -> None:
        for folder in find_staged(root):
            try:
                staged = Staged.load(folder)
                if staged.refused:
                    self._problem(f"{folder}: {staged.refused}")
                    continue
                lock = staged.lock()
            except (SpoolError, OSError) as error:
                self._problem(str(error))
                continue
            if lock is None:
                self.report = replace(self.report, left_artifacts=self.report.left_artifacts + 1)
                self._problem(f"{folder} is being uploaded by another process")
                continue
            try:
                self._upload_one(staged)
            except (SpoolError, ApiError, ServiceUnavailable, AuthError, OSError) as error:
                self.report = replace(self.report, left_artifacts=self.report.left_artifacts + 1)
                self._problem(f"{staged.name!r} of {staged.project}/{staged.id}: {error}")
            finally:
                lock.release()
            self._progress(self.report)

    def _upload_one(self, staged: Staged) -> None:
        from .uploads import upload_staged

        kept = upload_staged(self._home, staged, self._where(staged.destination), self._settings)
        staged.remove()
        self.report = replace(
            self.report,
            artifacts=self.report.artifacts + 1,
            discarded=self.report.discarded + (not kept),
            artifact_bytes=self.report.artifact_bytes + staged.size,
        )

    def _problem(self, problem: str) -> None:
        _log.warning("%s", problem)
        if problem not in self.report.problems:
            self.report = replace(self.report, problems=(*self.report.problems, problem))
