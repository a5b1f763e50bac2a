"""How an attempt starts: whether the run exists, may be resumed, and at which step it goes on.

Decides and reserves the attempt's number; records nothing.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from ..errors import AuthError, NotFound, RunExists, ServiceUnavailable
from ..home import Home
from ..settings import Settings
from .attempts import KnownRun, begin_attempt, known_run
from .identity import Identity

__all__ = ["Start", "decide_start"]

_RANKS_APART_S = 600.0  # between the first and the last rank of one start, clocks that differ included


class Start(NamedTuple):
    attempt: int
    first_step: int
    needs_step: bool  # the last step is not known: a log call must name one
    resumed: bool
    line: str  # for the person, or ""


def decide_start(home: Home, identity: Identity, resume: str | None, server: str, settings: Settings) -> Start:
    """Raises RunExists (`never`), NotFound or ServiceUnavailable (`must`)."""
    known = known_run(home, identity.project, identity.id)
    path = f"{identity.project}/{identity.id}"
    before = known is not None and not _same_start(known, identity)
    if resume in ("allow", "must"):
        return _resume(home, identity, resume == "must", server, settings, known)
    if resume == "never" and before:
        raise RunExists(
            f'{path} has been recorded before, and resume="never". Take another id, or resume="allow" to go on with it.'
        )
    attempt = begin_attempt(home, identity.project, identity.id, identity.launch, start=identity.start)
    line = (
        f"{path} has been recorded before: this is a new attempt of it, its steps count from 0 again and replace the "
        "old "
        'ones. To go on after the last step: resume="allow".'
    )
    return Start(attempt, 0, False, False, line if before else "")


def _resume(
    home: Home, identity: Identity, must: bool, server: str, settings: Settings, known: KnownRun | None
) -> Start:
    from .resume import ask_progress  # brings in urllib, which nobody else needs

    path = f"{identity.project}/{identity.id}"
    rank = identity.ranks.rank
    seen_here = known.steps.get(str(rank)) if known is not None else None
    at_least, needs_step, exists, line = 0, False, known is not None, ""
    last = seen_here
    try:
        progress = ask_progress(home, server, identity.project, identity.id, rank, settings.resume_timeout_s)
    except (ServiceUnavailable, AuthError) as error:
        if must:
            raise type(error)(f'cannot resume {path}, and resume="must": {error}') from error
        needs_step = last is None and known is not None
        line = f"resuming {path} without an answer about its last step ({error})"
        line += "; give step= to log, rows without one are not recorded until then" if needs_step else ""
    else:
        if known is not None and not progress.exists and known.attempt <= (progress.attempt or 0):
            # Purged, with all that this host remembers of it: what begins now is a new run under its id.
            exists, seen_here, last = False, None, None
        exists = exists or progress.exists
        steps = [step for step in (progress.last_step, seen_here) if step is not None]
        last = max(steps, default=None)
        at_least = (progress.attempt or 0) + 1
    if must and not exists:
        raise NotFound(
            f'{path} has not been recorded, neither on this host nor in the store, or was purged, and resume="must". '
            'Check project and id, or use resume="allow".'
        )
    attempt = begin_attempt(home, identity.project, identity.id, identity.launch, at_least, identity.start)
    first_step = 0 if last is None else last + 1
    if exists and not line:
        line = f"resuming {path} at step {first_step}"
    return Start(attempt, first_step, needs_step, exists, line)


def _same_start(known: KnownRun, identity: Identity) -> bool:
    """Whether another rank of this start, here or on a host that shares the home, or this start before it was
    restarted, has begun the run."""
    if identity.launch and known.launch.rpartition("/")[0] == identity.launch.rpartition("/")[0]:
        return True
    together = bool(identity.start) and known.start == identity.start
    return together and abs(time.time() - known.begun) < _RANKS_APART_S
