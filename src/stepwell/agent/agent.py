"""One life of the agent: from the mailbox's lock to its release."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections import deque

from ..home import Home
from ..settings import Settings
from ..spool import FileLock
from .dispatch import Dispatch
from .drain import Drain
from .mailbox import Mailbox, take_mailbox
from .priority import NICE, may_be_nice_and_return, set_nice
from .sampling import Sampling
from .uploads import Uploader

__all__ = ["Agent", "serve_mailbox"]

_log = logging.getLogger("stepwell.agent")

_LOCK_WAIT_S = 5.0
_CHECK_S = 0.2
_TIDY_S = 1.0


class Agent:
    """Drains the rings of one mailbox and sends the spools of its home, until nothing is left to do."""

    def __init__(self, home: Home, settings: Settings, lock: FileLock, once: bool = False) -> None:
        self.lock = lock
        self._home, self._settings, self._once = home, settings, once
        self._wake = threading.Event()
        self._stops: deque[tuple[bytes, str]] = deque()
        self.stopping = False
        self._mailbox = Mailbox(home)
        self._dispatch = Dispatch(home, settings, on_stop=self._on_stop)
        self._drain = Drain(self._mailbox, self._dispatch, settings)
        self._sampling = Sampling(home, settings)
        self._uploader = Uploader(home, settings, lambda: self._dispatch.sending_much)
        self._nice = 0
        self._may_be_nice = may_be_nice_and_return()
        self._idle_since: float | None = None
        self._checked = 0.0
        self._tidied = 0.0
        self._trouble = ""

    def stop(self) -> None:
        """From a signal handler: the loop ends soon, what is published is spooled, scalars are sent for a while."""
        self.stopping = True
        self._wake.set()

    def run(self) -> None:
        try:
            self._mailbox.remove_drafts()
            # Rings first, senders after them: a full ring waits for nobody's network.
            self._drain.tick()
            self._dispatch.start()
            self._uploader.start()
            while not self.stopping and not self._may_end():
                pause = self._drain.tick()
                self._uploader.glance()
                while self._stops:
                    self._drain.stop_run(*self._stops.popleft())
                self._sample()
                self._be_nice(not self._drain.pressed)
                self._wake.wait(pause)
            self._drain.flush()
            self._uploader.stop()
            if self.stopping:
                self._dispatch.wait_idle(self._settings.agent_stop_timeout_s)
        finally:
            self._sampling.close()
            self._drain.close()
            self._uploader.stop()
            self._dispatch.close()
            if self._uploader.is_alive():
                self._uploader.join(timeout=5.0)

    def _sample(self) -> None:
        if self._once:  # it takes what is there and ends
            return
        for sample in self._sampling.tick(self._drain.live):
            self._drain.add(sample)

    def ring_came(self) -> bool:
        return self._drain.ring_came()

    def _may_end(self) -> bool:
        now = time.monotonic()
        if now - self._checked < _CHECK_S:
            return False
        self._checked = now
        self._keep_lock()
        if now - self._tidied >= _TIDY_S:
            self._tidied = now
            self._mailbox.remove_drafts()
        try:
            done = self._done(now)
        except OSError as error:  # a disk that fails must not keep the rings from being drained
            if str(error) != self._trouble:
                _log.error("cannot tell what is left to do: %s", error)
            self._trouble = str(error)
            return False
        self._trouble = ""
        return done

    def _done(self, now: float) -> bool:
        if self._drain.busy and not (self._once and self._drain.empty):
            self._idle_since = None
            return False
        if self._drain.blocked:
            return self._once
        if self._idle_since is None:
            self._idle_since = now
        idle_s = now - self._idle_since
        waiting = self._uploader.waiting()
        if self._dispatch.idle and not waiting:
            return self._once or idle_s >= min(self._settings.agent_settle_s, self._settings.agent_linger_s)
        # What cannot be sent stays on disk; one service that answers is reason enough to stay.
        lost_s = idle_s if self._dispatch.idle else self._dispatch.lost_s
        if waiting:
            lost_s = min(lost_s, self._uploader.lost_s)
        return lost_s > 0 if self._once else min(idle_s, lost_s) >= self._settings.agent_linger_s

    def _keep_lock(self) -> None:
        """A wiped mailbox has a new lock file: without it the rings that come now are another agent's."""
        if self.lock.ours():
            return
        try:
            again = take_mailbox(self._home, 0.0)
        except OSError as error:
            _log.warning("the mailbox is gone and cannot be made again: %s", error)
            again = None
        if again is not None:
            self.lock.release()
            self.lock = again
            _log.info("the mailbox was wiped; this agent has its lock again")
        elif self._drain.adopting:
            _log.warning("the mailbox belongs to another agent now; this one ends with the rings that it has")
        self._drain.adopting = again is not None

    def _be_nice(self, nice: bool) -> None:
        wanted = NICE if nice and self._may_be_nice else 0
        if wanted != self._nice and set_nice(wanted):
            self._nice = wanted

    def _on_stop(self, run: bytes, reason: str) -> None:
        self._stops.append((run, reason))


def serve_mailbox(home: Home, settings: Settings, once: bool = False) -> None:
    """Agent after agent while there is something to do; returns at once where another process is the agent."""
    wait_s = _LOCK_WAIT_S
    while True:
        lock = take_mailbox(home, wait_s)
        if lock is None:
            _log.info("another agent serves this mailbox")
            return
        agent = Agent(home, settings, lock, once)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_, agent=agent: agent.stop())
        try:
            agent.run()
        finally:
            agent.lock.release()
        # A ring that came after the last look and before the release saw a living agent, and started none.
        if once or agent.stopping or not agent.ring_came():
            return
        wait_s = 0.0
