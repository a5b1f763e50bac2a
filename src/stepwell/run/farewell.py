"""What `finish` says: where the run is, and what has not arrived yet and how it will.

Only tells; the wait is `waiting`'s.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import _core
from ..address import find_service, shown
from ..home import Home
from ..ids import run_bytes
from .notices import say, warn
from .waiting import Left

if TYPE_CHECKING:
    from .run import Run

__all__ = ["tell_what_is_left"]


def tell_what_is_left(run: Run, left: Left, recorder: _core.Recorder, home: Home, *, quiet: bool) -> None:
    """A warning where something was dropped or is stuck; a note otherwise, none if `quiet`."""
    tell: Callable[[str], None] = (lambda _: None) if quiet else say
    if recorder.dropped:
        warn(f"{run.path}: {recorder.dropped} records were dropped: no agent took them in time; see {home.log}")
    if not left.drained:
        warn(
            f"{run.path}: not all of its {recorder.row_seq} records have reached the spool yet; they are in "
            f"{recorder.path}, and the next agent of this home takes them from there. `stepwell sync` does so now; "
            f"{home.log / 'agent.log'} says what is wrong."
        )
    elif run.mode == "offline":
        tell(f"{run.path} is in {home.spool} ({_told(recorder)}); `stepwell sync` sends it")
    elif left.unacked and left.service == _core.SERVICE_CONNECTED:
        tell(
            f"{run.path}: {left.unacked} of {recorder.row_seq} records are not confirmed by the service yet. They "
            f"are kept in {home.spool} and sent by the agent while it runs; `stepwell sync` sends them now."
        )
    elif left.unacked and (run.server or os.environ.get("STEPWELL_SERVER")):
        named = shown(run.server or os.environ["STEPWELL_SERVER"])
        tell(
            f"{run.path} is in {home.spool} ({_told(recorder)}): {named} does not answer. The agent sends it when "
            "it does, while it runs; `stepwell sync` sends it later."
        )
    elif left.unacked:
        tell(f"{run.path} is recorded in {home.path} ({_told(recorder)}); see it: `stepwell ui`")
    else:
        service = find_service(home, run.server)
        where = f" on {shown(service.url)}" if service is not None else ""
        tell(f"{run.path} is stored{where} ({_told(recorder)}){_still_staged(run, recorder, home)}")


def _still_staged(run: Run, recorder: _core.Recorder, home: Home) -> str:
    """What of this process's artifacts the agent has not brought into the store yet; "" where all are."""
    of_process = f"{run_bytes(run.project, run.id).hex()}-{recorder.writer:016x}-*"
    waiting = sum(1 for _ in home.staging.glob(f"{of_process}/manifest.json"))
    if not waiting:
        return ""
    are = "1 artifact is" if waiting == 1 else f"{waiting} artifacts are"
    return (
        f"; {are} still to be uploaded, which the agent does while it runs, from {home.staging} (`stepwell sync` does "
        "it later)"
    )


def _told(recorder: _core.Recorder) -> str:
    """What was recorded, in a few words."""
    records = f"{recorder.row_seq:,} records"
    return records if recorder.last_step is None else f"{records}, up to step {recorder.last_step:,}"
