"""Starting a process that outlives this one: the agent of a home, the child that captures the environment.

Neutral ground: used by `run` and by `service`. Never raises, never waits for what it started, leaves no zombie, and
passes on nothing that could hold the caller's pipes open.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import _core
from .errors import HomeError
from .home import Home

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["child_environment", "interpreter", "reap", "start_agent", "start_detached"]

AGENT_LOCK = "agent.lock"
_SHELL = "/bin/sh"
_SHELL_WAIT_S = 5.0
# A background job of a shell that has no job control ignores SIGINT and is adopted by init when the shell ends.
_SCRIPT = 'exec "$@" &'
_LOG_BYTES_MAX = 8 << 20
# Meant for the user's own process; in ours they would change what runs, or keep it from ending.
_DROPPED = (
    "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "PYTHONINSPECT", "PYTHONWARNINGS", "PYTHONSTARTUP",
    "PYTHONPROFILEIMPORTTIME", "PYTHONVERBOSE", "PYTHONBREAKPOINT", "PYTHONASYNCIODEBUG", "PYTHONTRACEMALLOC",
    "PYTHONMALLOC",
)  # fmt: skip
_children: list[Popen[bytes]] = []  # only where nobody adopts them away


def start_agent(home: Home, extra_env: Mapping[str, str] | None = None) -> bool:
    """Makes sure that the home has an agent. False where none could be started; `home.log`/agent.log may say why.

    Does nothing where one holds the mailbox: an agent that is ending looks for new rings once more after it has let go.
    """
    reap()
    try:
        if agent_is_there(home):
            return True
        return start_detached(["stepwell.agent", "--home", str(home.path)], home, "agent.log", extra_env)
    except (OSError, ValueError, HomeError):
        return False


def start_detached(
    module: Sequence[str],
    home: Home,
    log: str,
    extra_env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> bool:
    """`python -m MODULE ARGUMENTS...` in a session of its own, its output appended to a file in `home.log`."""
    import subprocess

    python = interpreter()
    if python is None:
        return False
    reap()
    output = _open_log(home, log)
    command = [python, "-m", *module]
    # A container's pid 1 would itself adopt them, as children that nobody told it of and that it never waits for.
    shell = os.getpid() != 1 and os.access(_SHELL, os.X_OK)
    try:
        child = subprocess.Popen(
            [_SHELL, "-c", _SCRIPT, "sh", *command] if shell else command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            close_fds=True,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            cwd="/",
            env=child_environment(home, extra_env),
        )
    except (OSError, ValueError):
        return False
    finally:
        os.close(output)
    if not shell:
        _children.append(child)
        return True
    try:
        return child.wait(_SHELL_WAIT_S) == 0
    except subprocess.TimeoutExpired:
        _children.append(child)
        return True


def reap() -> None:
    """Lets go of what has ended; for pid 1, whose children nobody else takes."""
    _children[:] = [child for child in _children if child.poll() is None]


def agent_is_there(home: Home) -> bool:
    """Whether some process holds the mailbox of this home. Makes nothing, waits for nothing."""
    try:
        import fcntl

        lock = os.open(home.mailbox(_core.RING_LAYOUT) / AGENT_LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (ImportError, OSError, HomeError):
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)  # and with it the lock
    return False


def interpreter() -> str | None:
    """This Python; where it is embedded in another program, one of the same installation."""
    candidates = [
        sys.executable,
        str(Path(sys.exec_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"),
        str(Path(sys.exec_prefix) / "bin" / "python3"),
        getattr(sys, "_base_executable", None),  # last: it does not see the packages of a virtual environment
    ]
    for candidate in candidates:
        if candidate and os.path.basename(candidate).startswith(("python", "pypy")) and os.access(candidate, os.X_OK):
            return candidate
    return None


def child_environment(home: Home, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment, less what would trouble ours, with the home and a path on which stepwell is found."""
    environment = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    environment["STEPWELL_HOME"] = str(home.path)
    environment["PYTHONSAFEPATH"] = "1"  # from 3.11 on; before, `-m` puts the cwd on the path, and that is /
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(path)]
    ours = str(Path(__file__).resolve().parent.parent)
    if ours not in paths and ours not in _site_folders():
        paths.append(ours)
    environment.pop("PYTHONPATH", None)
    if paths:
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    environment.update(extra or {})
    return environment


def _site_folders() -> list[str]:
    """What every Python of this installation has on its path: named again it would come before the standard library."""
    site = sys.modules.get("site")
    return [*site.getsitepackages(), site.getusersitepackages()] if site is not None else []


def _open_log(home: Home, name: str) -> int:
    try:
        home.make(home.log)
        path = home.log / name
        if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.old"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
