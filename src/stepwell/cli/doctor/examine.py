"""All checks, in the order in which a person would ask."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ...errors import StepwellError
from ...home import Home
from .agent import agent, agent_log
from .finding import WRONG, Check, Finding
from .hardware import hardware
from .home import home_folder, home_lasts, shared_memory
from .installation import extras, server_parts, versions
from .process import lifetime, network, rank_and_run
from .service import local_clock, service
from .waiting import rings_set_aside, staging, waiting

__all__ = ["CHECKS", "examine"]

_EVERYWHERE: tuple[Check, ...] = (versions, extras, service, local_clock)
_WHERE_RUNS_ARE_RECORDED: tuple[Check, ...] = (
    server_parts, home_folder, home_lasts, shared_memory, agent, agent_log, hardware, network, lifetime, rank_and_run,
    waiting, staging, rings_set_aside,
)  # fmt: skip
CHECKS = _EVERYWHERE if sys.platform == "win32" else (*_EVERYWHERE, *_WHERE_RUNS_ARE_RECORDED)


def examine(home: Home) -> Iterator[Finding]:
    """All findings. A check that fails in a way it did not foresee is a finding too."""
    for check in CHECKS:
        try:
            yield from check(home)
        except (StepwellError, OSError) as error:
            yield Finding(check.__name__.replace("_", " "), WRONG, str(error))
