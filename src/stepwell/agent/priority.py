"""How much of the processor the agent asks for: little, and more while a ring runs full."""

from __future__ import annotations

import os
import resource
import sys
import threading

__all__ = ["NICE", "be_nice", "may_be_nice_and_return", "set_nice"]

NICE = 5


def be_nice() -> None:
    """Lowers this thread (Linux keeps niceness by thread; those it starts inherit it)."""
    set_nice(NICE)


def set_nice(value: int) -> bool:
    """False where the system does not allow it."""
    # Elsewhere a thread's number is no process's, or another one's.
    who = threading.get_native_id() if sys.platform.startswith("linux") else 0
    try:
        os.setpriority(os.PRIO_PROCESS, who, value)
    except (OSError, AttributeError):
        return False
    return True


def may_be_nice_and_return() -> bool:
    """Only a process that may raise its priority again can lower it for a while."""
    if os.geteuid() == 0:
        return True
    limit = getattr(resource, "RLIMIT_NICE", None)
    if limit is None:
        return False
    # The limit is 20 - nice: 20 and above allows nice 0.
    return resource.getrlimit(limit)[0] >= 20 or resource.getrlimit(limit)[0] == resource.RLIM_INFINITY
