"""All destinations of an agent: their spools, senders and the house-keeping of both."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping

from .. import _core
from ..errors import SpoolError
from ..home import Home
from ..settings import Settings
from ..spool import Destination, Spool, find_spools
from .outbox import Outbox
from .priority import be_nice
from .sender import Sender

__all__ = ["Dispatch"]

_log = logging.getLogger("stepwell.agent")

_ADOPT_INTERVAL_S = 10.0


class Dispatch:
    """The drain's outlet. Its own thread syncs spools, saves cursors, deletes what is acked, adopts orphans."""

    def __init__(
        self, home: Home, settings: Settings, *, on_stop: Callable[[bytes, str], None], sending: bool = True
    ) -> None:
        self.agent = secrets.token_hex(8)
        self._home, self._settings, self._on_stop, self._sending = home, settings, on_stop, sending
        self._mutex = threading.Lock()
        self._outboxes: dict[Destination, Outbox] = {}
        self._senders: dict[Destination, Sender] = {}
        self._own: dict[Destination, Spool] = {}
        self._before: dict[int, int] | None = None
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keep-house", daemon=True)
        self._said: set[str] = set()

    def start(self) -> None:
        if self._sending:
            self.adopt()
        self._keeper.start()

    # --- what the drain asks

    def spool(self, destination: Destination) -> Spool:
        """This agent's own spool for a destination, made when it is first needed. Raises OSError, SpoolError."""
        spool = self._own.get(destination)
        if spool is None:
            spool = Spool.create(self._home, destination, self._settings, self.agent)
            self._own[destination] = spool
            self._outbox(destination).add(spool, own=True)
        return spool

    def service(self, destination: Destination) -> int:
        """How the way to the destination's service is, in the words of the ring."""
        if destination.offline:
            return _core.SERVICE_OFFLINE
        sender = self._senders.get(destination)
        return sender.service if sender is not None else _core.SERVICE_UNKNOWN

    def acked_seq(self, destination: Destination, writer: int) -> int:
        outbox = self._outboxes.get(destination)
        return outbox.acked_seq(writer) if outbox is not None else 0

    def last_seqs(self) -> Mapping[int, int]:
        """The last record of each writer in the spools that were there before this agent wrote any."""
        if self._before is None:
            found: dict[int, int] = {}
            own = {spool.path for spool in self._own.values()}
            for path in find_spools(self._home.spool):
                if path in own:
                    continue
                try:
                    seqs = Spool.open_readonly(path, self._settings).last_seqs()
                except (OSError, SpoolError) as error:
                    _log.error("cannot read %s: %s", path, error)
                    continue
                except Exception:  # noqa: BLE001 - without it what an agent before us spooled comes twice, and is the same row
                    _log.exception("cannot tell what %s holds", path)
                    continue
                for writer, seq in seqs.items():
                    found[writer] = max(found.get(writer, 0), seq)
            self._before = found
        return self._before

    def room_for(self, size: int) -> bool:
        """Whether the spools stay below their limit with so many bytes more."""
        pending = sum(outbox.pending_bytes for outbox in self._all())
        return pending + size <= self._settings.spool_bytes_max

    # --- what the agent asks

    @property
    def idle(self) -> bool:
        """Everything that may be sent has been answered."""
        return all(outbox.idle for outbox in self._all() if not outbox.destination.offline)

    @property
    def lost_s(self) -> float:
        """For how long no service has answered for anything that is to be sent; 0 while one does, or may."""
        now = time.monotonic()
        lost = [sender.lost_at for sender in list(self._senders.values()) if not sender.outbox.idle]
        return min((now - at if at is not None else 0.0 for at in lost), default=0.0)

    @property
    def sending_much(self) -> bool:
        """Scalars wait, though a service takes them: blobs go later."""
        return any(
            sender.connected and sender.outbox.pending_bytes > 4 * self._settings.block_bytes
            for sender in list(self._senders.values())
        )

    def wait_idle(self, timeout_s: float) -> bool:
        """True once everything is answered; False where the time ran out, or nobody answers."""
        end = time.monotonic() + timeout_s
        while not self.idle:
            if time.monotonic() >= end or self.lost_s > 0:
                return False
            time.sleep(0.02)
        return True

    def adopt(self) -> None:
        """Takes spools of this home that nobody holds and that are to be sent."""
        held = {spool.path for outbox in self._all() for spool in outbox.spools}
        for path in find_spools(self._home.spool):
            if path in held:
                continue
            try:
                if Destination.load(path).offline:
                    continue
                spool = Spool.adopt(path, self._settings)
            except SpoolError as error:
                if str(error) not in self._said:
                    self._said.add(str(error))
                    _log.info("%s", error)
                continue
            _log.info("adopted %s: %d bytes to send", path.name, spool.pending_bytes)
            self._outbox(spool.destination).add(spool)

    def close(self) -> None:
        """Ends the senders and lets go of the spools; what is not acked stays on disk."""
        self._ending.set()
        senders = list(self._senders.values())
        for sender in senders:
            sender.stop()
        for sender in senders:
            sender.join(timeout=2.0)
            if sender.is_alive():
                sender.kill()
                sender.join(timeout=5.0)
        if self._keeper.is_alive():
            self._keeper.join()
        for outbox in self._all():
            outbox.each(Spool.sync, "sync")
            outbox.close()

    # --- inside

    def _all(self) -> list[Outbox]:
        with self._mutex:
            return list(self._outboxes.values())

    def _outbox(self, destination: Destination) -> Outbox:
        with self._mutex:
            outbox = self._outboxes.get(destination)
            if outbox is not None:
                return outbox
            outbox = self._outboxes[destination] = Outbox(destination, self._settings)
        if self._sending and not destination.offline:
            sender = Sender(self._home, outbox, self._settings, agent=self.agent, on_stop=self._on_stop)
            self._senders[destination] = sender
            sender.start()
        return outbox

    def _keep(self) -> None:
        be_nice()
        adopted = time.monotonic()
        while not self._ending.wait(self._settings.spool_sync_interval_s):
            try:
                self._keep_once()
                if self._sending and time.monotonic() - adopted > _ADOPT_INTERVAL_S:
                    adopted = time.monotonic()
                    self.adopt()
            except Exception:  # noqa: BLE001 - a bug of ours must not end the syncing of the disk
                _log.exception("keeping house failed")

    def _keep_once(self) -> None:
        for outbox in self._all():
            outbox.each(Spool.sync, "sync")
            outbox.each(Spool.save, "save the cursor of")
            outbox.each(Spool.tidy, "tidy")
        for sender in list(self._senders.values()):
            sender.watch()
