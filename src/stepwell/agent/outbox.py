"""What is to be sent to one destination: the spools for it, what is on the way, and what became of it.

Knows nothing of gRPC or HTTP; both senders take from it and report to it.
"""

from __future__ import annotations

import heapq
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import SpoolError
from ..settings import Settings
from ..spool import Destination, Frame, Spool

__all__ = ["Outbox", "Parcel"]

_log = logging.getLogger("stepwell.agent")

REFUSALS = ("DAMAGED", "TOO_LARGE", "FORBIDDEN", "REJECTED")
"""Reasons after which a frame is never sent again."""


@dataclass(slots=True)
class Parcel:
    """A frame on its way, and the spool it is from."""

    spool: Spool
    frame: Frame
    tries: int = 0

    @property
    def bytes(self) -> int:
        return self.frame.length


class Outbox:
    """Thread-safe. One thread takes, any thread may report."""

    def __init__(self, destination: Destination, settings: Settings) -> None:
        self.destination = destination
        self.changed = threading.Condition()
        """Notified when there may be something to take, or room, or nothing left."""
        self.acked_frames = 0
        self.acked_bytes = 0
        self.discarded_frames = 0
        """Of those acked: of runs that were purged. Nothing of them is kept anywhere."""
        self.refused_frames = 0
        self.held_frames = 0
        self.version = ""
        """Of the service that answered last."""
        self._settings = settings
        self._spools: list[Spool] = []
        self._own: Spool | None = None
        self._later: list[tuple[float, int, Parcel]] = []  # to be sent again, by due time
        self._unreadable: set[Spool] = set()
        self._purged: set[int] = set()  # writers of which something was discarded
        self._count = 0
        self._out = 0  # taken and not yet reported

    # --- spools

    def add(self, spool: Spool, own: bool = False) -> None:
        """One more spool to send from; `own` is the one that live rings go to, and goes first."""
        spool.on_append = self.notify
        with self.changed:
            if own:
                self._own = spool
            self._spools.append(spool)
            self.changed.notify_all()

    @property
    def spools(self) -> list[Spool]:
        with self.changed:
            return list(self._spools)

    def notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    # --- sending

    def take(self, max_bytes: int) -> list[Parcel]:
        """What goes next: frames to repeat, then what live rings wrote, then what others left behind."""
        now = time.monotonic()
        parcels: list[Parcel] = []
        with self.changed:
            while self._later and self._later[0][0] <= now and max_bytes > 0:
                parcel = heapq.heappop(self._later)[2]
                parcels.append(parcel)
                max_bytes -= parcel.bytes
        parcels = [parcel for parcel in parcels if self._reread(parcel)]
        if not parcels:
            for spool in self._in_order():
                frames = self._read(spool, max_bytes)
                parcels = [parcel for parcel in (Parcel(spool, frame) for frame in frames) if self._fits(parcel)]
                if parcels:
                    break
        with self.changed:
            self._out += len(parcels)
        return parcels

    def wait(self, timeout_s: float) -> None:
        """Until something has changed, a repeat is due, or the time is over."""
        with self.changed:
            if self._later:
                timeout_s = min(timeout_s, max(0.0, self._later[0][0] - time.monotonic()))
            if timeout_s > 0:
                self.changed.wait(timeout_s)

    def restart(self) -> None:
        """A way broke: everything that was not answered is sent again, from the first unacked frame on."""
        with self.changed:
            self._later.clear()
            self._unreadable.clear()
            self._out = 0
        for spool in self.spools:
            spool.restart()
        self.notify()

    def welcome(self, boot: str, version: str) -> None:
        """A service answers. Another boot id: what was acked lately is sent again; another version: what was held."""
        self.version = version
        for spool in self.spools:
            spool.welcome(boot)
            try:
                count = spool.release_held(version)
            except OSError as error:
                _log.error("frames held in %s cannot be taken up again: %s", spool.path, error)
                continue
            if count:
                _log.info("service version %s: sending %d held frames of %s", version, count, spool.path.name)

    # --- what became of it

    def ack(self, parcel: Parcel, *, discarded: bool = False) -> None:
        """The service has it, or has discarded it because its run was purged: either way it is done with."""
        parcel.spool.mark_acked([parcel.frame])
        with self.changed:
            self._out -= 1
            self.acked_frames += 1
            self.acked_bytes += parcel.bytes
            self.discarded_frames += discarded
            said = not discarded or parcel.frame.writer in self._purged
            if discarded:
                self._purged.add(parcel.frame.writer)
            self.changed.notify_all()
        if not said:
            _log.warning("the service discards what writer %016x has recorded: its run was purged", parcel.frame.writer)

    def nack(self, parcel: Parcel, reason: str, message: str) -> None:
        """Refused, held, or to be tried again, as the reason says; an unknown reason means again."""
        try:
            if reason in REFUSALS:
                parcel.spool.refuse(parcel.frame, reason, message)
                self.refused_frames += 1
                self._say(parcel, "refused", reason, message)
            elif reason == "TOO_NEW":
                parcel.spool.hold(parcel.frame, self.version)
                self.held_frames += 1
                self._say(parcel, "held", reason, message)
            else:
                self._again(parcel)
        except OSError as error:  # a full disk: it stays where it is, and is tried again
            _log.error("cannot set a frame of %s aside: %s", parcel.spool.path, error)
            self._again(parcel)
        with self.changed:
            self._out -= 1
            self.changed.notify_all()

    def _again(self, parcel: Parcel) -> None:
        parcel.tries += 1
        longest = min(self._settings.backoff_max_s, self._settings.backoff_min_s * 2 ** min(parcel.tries, 16))
        due = time.monotonic() + longest / 2 + random.uniform(0, longest / 2)
        with self.changed:
            self._count += 1
            heapq.heappush(self._later, (due, self._count, parcel))

    def _say(self, parcel: Parcel, what: str, reason: str, message: str) -> None:
        _log.error(
            "the service has %s records %d to %d of writer %016x (%s: %s); they are kept in %s",
            what, parcel.frame.first_seq, parcel.frame.last_seq, parcel.frame.writer, reason, message,
            parcel.spool.path,
        )  # fmt: skip

    # --- how far

    @property
    def idle(self) -> bool:
        """Nothing to send and nothing on the way."""
        with self.changed:
            if self._out or self._later:
                return False
        return not any(spool.unread for spool in self.spools if spool not in self._unreadable)

    @property
    def pending_bytes(self) -> int:
        return sum(spool.pending_bytes for spool in self.spools)

    def acked_seq(self, writer: int) -> int:
        """Every record of the writer up to this one is durable in the service, as far as these spools know."""
        best = 0
        for spool in self.spools:
            acked = spool.acked_seq(writer)
            best = max(best, acked)
            if not spool.held or spool is self._own:
                continue
            try:
                last = spool.last_seqs().get(writer, 0)
            except (OSError, SpoolError):
                last = acked + 1  # `take` says what is wrong with it
            if acked < last:
                return acked  # an agent before us left older records, and they are still to be sent
        return best

    # --- keeping house

    def each(self, action: Callable[[Spool], None], what: str) -> None:
        """Does something to every spool; a fault of one is said and does not touch the others."""
        for spool in self.spools:
            try:
                action(spool)
            except OSError as error:
                _log.error("cannot %s %s: %s", what, spool.path, error)

    def close(self) -> None:
        self.each(Spool.close, "close")
        with self.changed:
            self._spools.clear()
            self._own = None

    def _read(self, spool: Spool, max_bytes: int) -> list[Frame]:
        if spool in self._unreadable:
            return []
        try:
            return spool.read(max_bytes)
        except (OSError, SpoolError) as error:
            self._unreadable.add(spool)  # until the next connection
            _log.error("cannot read %s: %s; what it holds stays there", spool.path, error)
            return []

    def _in_order(self) -> list[Spool]:
        with self.changed:
            own = [self._own] if self._own is not None else []
            return own + [spool for spool in self._spools if spool is not self._own]

    def _reread(self, parcel: Parcel) -> bool:
        frame = parcel.spool.reread(parcel.frame)
        if frame is None:
            return False
        parcel.frame = frame
        return True

    def _fits(self, parcel: Parcel) -> bool:
        """No service takes a larger block, and a stream breaks on a larger message."""
        if len(parcel.frame.payload) <= self._settings.block_bytes_max:
            return True
        message = f"{len(parcel.frame.payload)} bytes; a block has at most {self._settings.block_bytes_max}"
        self.nack(parcel, "TOO_LARGE", message)
        with self.changed:
            self._out += 1  # it was never counted as taken
        return False
