"""Rings into spools: when a block is closed, in which order it is made safe, and how a ring ends.

The order of one block, which everything rests on: collect, append to the spool by one write, and only then move the
ring's tail. A kill between any two of these repeats records and loses none.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from .. import _core
from ..blocks import seal
from ..errors import HomeError, SpoolError
from ..killpoints import killpoint
from ..settings import Settings
from ..spool import Destination, Spool
from ..spool.layout import host_name
from .faults import Faults
from .mailbox import Mailbox
from .open_ring import OpenRing
from .sampling import LiveRun, Sample, Writers

__all__ = ["Drain", "Outlet"]

_log = logging.getLogger("stepwell.agent")

_BEAT_S = 0.05
_LIVENESS_S = 0.25
_RETRY_S = 0.5
_BLOCKS_A_VISIT = 8
"""So that one busy ring does not keep the others waiting."""
_KEPT_OF_A_WRITER = 3
"""A process whose rings cannot be drained makes a new one each time it is told: so many are kept, no more."""
CRASH_WRITER = 1 << 63
"""Turned over in a dead writer's number: its crash is written under a number of its own, for a process that was
only taken for dead goes on counting under the old one."""


class Outlet(Protocol):
    """Where blocks go, and what is known of their fate."""

    def spool(self, destination: Destination) -> Spool: ...
    def service(self, destination: Destination) -> int: ...
    def acked_seq(self, destination: Destination, writer: int) -> int: ...
    def last_seqs(self) -> Mapping[int, int]: ...
    def room_for(self, size: int) -> bool: ...


class Drain:
    """All rings of a mailbox. One thread."""

    def __init__(self, mailbox: Mailbox, outlet: Outlet, settings: Settings) -> None:
        self.adopting = True
        """New rings are taken; not once the mailbox belongs to another agent."""
        self._mailbox, self._outlet, self._settings = mailbox, outlet, settings
        self._open: dict[Path, OpenRing] = {}
        self._ended: list[OpenRing] = []
        self._passed_over: set[Path] = set()
        self._stops: dict[tuple[bytes, int], str] = {}
        self._blocked_until = 0.0
        self._blocked: str = ""
        self._faults = Faults()
        self._samples = Writers(socket.gethostname())
        self._said: set[str] = set()
        self.given_up = 0
        """Rings that could not be drained, and were set aside or left."""
        self.pressed = False
        """Some ring is over half full."""

    # --- what the agent asks

    @property
    def busy(self) -> bool:
        """Rings are there whose records may still come, or are not all in a spool."""
        return bool(self._open)

    @property
    def empty(self) -> bool:
        """Every record that was published is in a spool, as far as it can be, and no dead ring waits for its end."""
        return all((not one.ring.pending_bytes and one.retired_at is None and one.ring.owner_alive)
                   or self._faults.lasts(one.name.path) for one in self._open.values())  # fmt: skip

    @property
    def burying(self) -> bool:
        """Some ring's process is gone, or went on in another ring, and this one is not emptied and removed yet."""
        return any((one.ring.closed or not one.ring.owner_alive) and not self._faults.lasts(one.name.path)
                   for one in self._open.values())  # fmt: skip

    @property
    def awaited(self) -> bool:
        """A process that has ended its ring still waits to hear that it is acked."""
        return bool(self._ended)

    @property
    def blocked(self) -> bool:
        """The spool takes no more."""
        return bool(self._blocked)

    def ring_came(self) -> bool:
        """A ring is there that this drain has not seen: asked after the mailbox's lock is released."""
        return any(name.path not in self._passed_over for name in self._mailbox.rings())

    def live(self) -> list[LiveRun]:
        """The runs that have a live process here, each once."""
        rings: dict[tuple[Destination, bytes], list[OpenRing]] = defaultdict(list)
        for one in self._open.values():
            if one.main and one.retired_at is None and not one.ring.closed:
                rings[one.destination, one.ring.run].append(one)
        return [_live(some, self._settings.system_interval_s) for some in rings.values()]

    def add(self, sample: Sample) -> None:
        """Into the spool, unless that takes nothing now: a sample is no record, and is not waited for."""
        if time.monotonic() < self._blocked_until or not sample.figures:
            return
        try:
            writer, builder = self._samples.block(sample)
            self._append(sample.run.destination, writer, builder)
        except Exception as error:  # noqa: BLE001 - a bug of ours, or a run of strange names: no matter of the records
            if repr(error) not in self._said:
                self._said.add(repr(error))
                _log.error(
                    "a sample of this machine for %s/%s cannot be kept: %r", sample.run.project, sample.run.id, error
                )

    def stop_run(self, run: bytes, reason: str) -> None:
        """Somebody asked this run to stop: its rings, and those it continues in, are told."""
        for one in self._open.values():
            if one.ring.run == run:
                self._stops[run, one.ring.attempt] = reason
        self._tell_stops()

    # --- the loop

    def tick(self) -> float:
        """Looks at every ring once; returns how long it may take until the next look, in seconds."""
        now = time.monotonic()
        if self.adopting and self._mailbox.changed():
            self._adopt()
        self.pressed = False
        pause = self._settings.poll_idle_s
        for one in list(self._open.values()):
            pause = min(pause, self._guarded(one, self._visit, now))
        self._ended = [one for one in self._ended if self._still_awaited(one, now)]
        return max(pause, self._settings.poll_busy_s)

    def flush(self) -> None:
        """Puts what is published right now into the spools, whatever the intervals say."""
        for one in list(self._open.values()):
            if not self._mailbox.older(one.name):
                self._guarded(one, self._flush, time.monotonic())

    def close(self) -> None:
        """Lets go of all rings; those of live processes stay for the next agent, with the last ack noted."""
        now = time.monotonic()
        for one in (*self._open.values(), *self._ended):
            self._beat(one, now)
            one.ring.close()
        self._open.clear()
        self._ended.clear()

    # --- rings come

    def _adopt(self) -> None:
        for name in self._mailbox.rings():
            if name.path in self._open or self._faults.waits(name.path):
                continue
            ring = self._mailbox.open(name)
            if ring is None:
                self._passed_over.add(name.path)
                continue
            # What an agent before us had in its spool when it died, and had not moved the tail for.
            seen = self._outlet.last_seqs().get(ring.writer, 0)
            try:
                one = OpenRing.of(name, ring)
                if seen >= ring.first_seq:
                    ring.skip_to(seen)
            except (OSError, MemoryError) as error:
                self._faults.another(name.path, "a process", error)
                ring.close()
                continue
            except Exception as error:  # noqa: BLE001 - there is no end to what may be wrong with bytes of another process
                ring.set_control(_core.CONTROL_RETIRED)
                ring.close()
                self._mailbox.set_aside(name.path, repr(error))
                self.given_up += 1
                continue
            self._open[name.path] = one
            _log.info("adopted %s of %s", name.path.name, one.who)
            self._tell_stops()

    # --- one ring

    def _guarded(self, one: OpenRing, action: Callable[[OpenRing, float], float], now: float) -> float:
        """What goes wrong with one ring is no matter of the others."""
        if self._faults.waits(one.name.path):
            return self._settings.poll_idle_s
        try:
            return action(one, now)
        except _core.RingError as error:
            self._give_up(one, str(error))
        except Exception as error:  # noqa: BLE001 - a bug of ours, perhaps: it is said, and the ring is given up in the end
            one.start_again()
            if self._faults.another(one.name.path, one.who, error):
                self._give_up(one, repr(error))
        return self._settings.poll_idle_s

    def _flush(self, one: OpenRing, _: float) -> float:
        self._drain(one)
        return 0.0

    def _visit(self, one: OpenRing, now: float) -> float:
        ring, settings = one.ring, self._settings
        if now - one.beaten_at >= _BEAT_S:
            self._beat(one, now)
        if self._mailbox.older(one.name):
            return settings.poll_idle_s
        closed = ring.closed  # before `pending`: what is published before it is closed is then seen
        pending = ring.pending_bytes
        self.pressed |= pending * 2 > ring.ring_bytes
        if pending and one.pending_since is None:
            one.pending_since = now
        due = one.pending_since is not None and now - one.pending_since >= settings.block_interval_s
        ending = closed or one.retired_at is not None
        if pending and (due or ending or pending >= min(settings.block_bytes, one.limit)):
            self._drain(one)
            pending = ring.pending_bytes
            one.pending_since = now if pending else None
        if closed and not pending:
            self._end(one)
            return settings.poll_idle_s
        if ending or now - one.looked_at >= _LIVENESS_S:
            one.looked_at = now
            self._look_at_owner(one, now)
        return self._next_look(one, pending, now)

    def _next_look(self, one: OpenRing, pending: int, now: float) -> float:
        """Soon enough for the block's interval, and well before the ring fills at the pace it fills now."""
        settings = self._settings
        grown, passed = pending - one.seen_bytes, now - one.seen_at
        one.seen_bytes, one.seen_at = pending, now
        pause = settings.poll_idle_s
        if one.pending_since is not None:
            pause = min(pause, one.pending_since + settings.block_interval_s - now)
        if grown > 0 and passed > 0:
            room = min(settings.block_bytes, one.limit) - pending
            pause = min(pause, room * passed / grown / 2)
        return pause

    def _drain(self, one: OpenRing) -> None:
        """Closes blocks of what is published. Raises RingError with everything before the bad bytes kept."""
        if time.monotonic() < self._blocked_until:
            return
        size = min(self._settings.block_bytes, one.limit)
        for _ in range(max(_BLOCKS_A_VISIT, 2 * one.ring.ring_bytes // size)):
            if not one.ring.collect(one.builder, size):
                return
            killpoint("agent.collected")
            if one.builder.records and not self._append(one.destination, one.ring.writer, one.builder):
                one.ring.rollback()
                return
            killpoint("agent.spooled")
            one.ring.commit()
            killpoint("agent.committed")
            self._faults.forget(one.name.path)
            if not one.ring.pending_bytes:
                return

    def _append(self, destination: Destination, writer: int, builder: _core.BlockBuilder) -> bool:
        """False where the spool takes no more now; said once, until it does again."""
        first, last = builder.first_seq, builder.last_seq
        block = seal(builder, self._settings.compression_level)
        try:
            if not self._outlet.room_for(len(block)):
                raise SpoolError(f"the spool has reached spool_bytes_max ({self._settings.spool_bytes_max} bytes)")
            self._outlet.spool(destination).append(writer, first, last, block)
        except (OSError, SpoolError, HomeError) as error:
            self._blocked_until = time.monotonic() + _RETRY_S
            if not self._blocked:
                _log.error("cannot write to the spool: %s; records wait in their rings until there is room", error)
            self._blocked = str(error)
            return False
        if self._blocked:
            _log.info("the spool takes records again")
            self._blocked = ""
        return True

    def _look_at_owner(self, one: OpenRing, now: float) -> None:
        ring = one.ring
        if one.retired_at is None:
            if ring.links == 0 and not one.unlinked:
                one.unlinked = True
                ring.set_control(_core.CONTROL_UNLINKED)
                _log.warning("%s was deleted by somebody; %s is told to make a new ring", ring.path, one.who)
            if not ring.owner_alive and not ring.closed:
                # It may live after all (any close of another fd of the file drops its lock): it sees this bit
                # after its next record, makes a new ring and writes that record again.
                ring.set_control(_core.CONTROL_RETIRED)
                one.retired_at = now
                self._drain(one)
            return
        if now - one.retired_at < self._settings.retire_grace_s:
            return
        self._drain(one)
        if ring.pending_bytes:
            return  # the spool is full
        if one.main and not ring.closed and not one.crash_written:
            if not self._write_crash(one):
                return
            one.crash_written = True
        self._end(one)

    def _write_crash(self, one: OpenRing) -> bool:
        ring = one.ring
        builder = one.builder_of(ring.writer ^ CRASH_WRITER)
        body = {
            "writer": f"{ring.writer:016x}", "host": host_name(), "last_seq": ring.last_seq, "dropped": ring.dropped,
        }  # fmt: skip
        parts = (b"crash", json.dumps(body).encode())
        builder.add_record(_core.KIND_EVENT, parts, ring.last_seq + 1, 0, time.time_ns() // 1_000_000)
        _log.warning("%s ended without finish after record %d", one.who, ring.last_seq)
        return self._append(one.destination, ring.writer ^ CRASH_WRITER, builder)

    def _end(self, one: OpenRing) -> None:
        """Everything of it is in the spool: the file goes. Its owner, if it waits for acks, is told on."""
        if one.ring.dropped:
            _log.error("%s dropped %d records while the spool or this agent stood still", one.who, one.ring.dropped)
        if one.ring.links:
            one.ring.unlink()
        del self._open[one.name.path]
        self._faults.forget(one.name.path)
        self._ended.append(one)
        self._mailbox.rings()

    def _still_awaited(self, one: OpenRing, now: float) -> bool:
        if one.ring.owner_alive and self._outlet.service(one.destination) != _core.SERVICE_OFFLINE:
            self._beat(one, now)
            if self._outlet.acked_seq(one.destination, one.ring.writer) < one.ring.last_seq:
                return True
        self._beat(one, now)
        one.ring.close()
        return False

    def _give_up(self, one: OpenRing, why: str) -> None:
        """It cannot be drained: a live owner gets a new ring, the file goes to HOME/damaged."""
        path = one.name.path
        self._open.pop(path, None)
        self._faults.forget(path)
        self.given_up += 1
        if one.ring.owner_alive and self._mailbox.kept_of(one.name.writer) >= _KEPT_OF_A_WRITER:
            self._mailbox.pass_over(path)
            _log.error("%s cannot be drained (%s), as %d rings of %s before it; it is left where it is, and its "
                       "process will drop records when it is full", path, why, _KEPT_OF_A_WRITER, one.who)  # fmt: skip
            one.ring.close()
        else:
            one.ring.set_control(_core.CONTROL_RETIRED)
            one.ring.close()
            self._mailbox.set_aside(path, why)
        self._mailbox.rings()

    def _beat(self, one: OpenRing, now: float) -> None:
        one.beaten_at = now
        acked = self._outlet.acked_seq(one.destination, one.ring.writer)
        one.ring.beat(self._outlet.service(one.destination), acked)

    def _tell_stops(self) -> None:
        for one in self._open.values():
            if (one.ring.run, one.ring.attempt) in self._stops:
                one.ring.set_control(_core.CONTROL_STOP)


def _live(rings: Sequence[OpenRing], interval_s: float) -> LiveRun:
    """One run, of the rings of its processes here."""
    newest = max(rings, key=lambda one: one.ring.attempt)
    wanted = newest.system_interval_s
    return LiveRun(
        destination=newest.destination,
        project=newest.project,
        id=newest.id,
        run=newest.ring.run,
        attempt=newest.ring.attempt,
        created_ms=newest.created_ms,
        interval_s=interval_s if wanted is None else wanted,
        pids=tuple(sorted({pid for one in rings if (pid := one.ring.owner_pid)})),
    )
