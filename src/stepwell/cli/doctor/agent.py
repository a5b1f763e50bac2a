"""Is there an agent, is one needed, and what has it complained of?"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from ...home import Home
from .finding import NOTE, OK, WRONG, Finding

__all__ = ["agent", "agent_log"]

_TAIL_BYTES = 64 << 10
_LINES_SHOWN = 3
_RECENT_S = 3600.0


def agent(home: Home) -> Iterator[Finding]:
    from ... import _core
    from ...launch import AGENT_LOCK, agent_is_there

    mailbox = home.mailbox(_core.RING_LAYOUT)
    rings = sum(1 for folder in {mailbox, home.rings} if folder.is_dir() for _ in folder.glob("*.ring"))
    looked = str(mailbox / AGENT_LOCK)
    if agent_is_there(home):
        yield Finding("agent", OK, f"alive, {rings} ring{'' if rings == 1 else 's'}", looked=looked)
    elif rings:
        text = f"{rings} rings in {mailbox} and no agent to drain them; nothing is lost yet"
        do = f"see {home.log / 'agent.log'}; `stepwell sync` takes them in"
        yield Finding("agent", WRONG, text, do, looked)
    else:
        yield Finding("agent", OK, "none needed: nothing is being recorded", looked=looked)


def agent_log(home: Home) -> Iterator[Finding]:
    """What it warned of in the last hour."""
    path = home.log / "agent.log"
    try:
        if time.time() - path.stat().st_mtime > _RECENT_S:
            return
        said = [line for line in _tail(path) if " WARNING " in line or " ERROR " in line]
    except FileNotFoundError:
        return
    if said:
        text = "it said lately:\n" + "\n".join(said[-_LINES_SHOWN:])
        yield Finding("agent's log", NOTE, text, f"the rest is in {path}", str(path))


def _tail(path: Path) -> list[str]:
    """The lines of the last start of an agent, as far as they are among the last bytes of the file."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    starts = [at for at, line in enumerate(lines) if " INFO agent " in line]
    return lines[starts[-1] :] if starts else lines
