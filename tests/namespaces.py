"""Commands in mount, pid, network, UTS and user namespaces of their own: containers without a container engine.

They need root and `unshare`; in CI a machine without them is a failure.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

import pytest

from support import REQUIRE_ALL

__all__ = ["PRIVATE_SHARED_MEMORY", "as_nobody_known", "in_namespaces", "needs"]

PRIVATE_SHARED_MEMORY = "mount -t tmpfs -o size=64m tmpfs /dev/shm"  # as large as docker makes it


def needs(what: str, there: bool) -> None:
    """Skips the test, or fails it in CI, where something is missing."""
    if there:
        return
    if REQUIRE_ALL:
        pytest.fail(f"this test needs {what}")
    pytest.skip(f"needs {what}")


def in_namespaces(
    setup: Sequence[str],
    command: Sequence[str],
    *,
    flags: Sequence[str] = (),
    env: Mapping[str, str | None] | None = None,
    timeout_s: float = 120.0,
) -> subprocess.CompletedProcess[str]:
    """Runs shell lines as root in a mount namespace and then the command, in further namespaces by `flags` of unshare.

    A variable that is None is taken out of the environment.
    """
    unshare = shutil.which("unshare")
    allowed = unshare is not None and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0
    needs("root and `unshare` (util-linux)", allowed)
    environment = {**os.environ}
    for name, value in (env or {}).items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    script = "\n".join(["set -e", *setup, f"exec {shlex.join(command)}"])
    return subprocess.run(
        ["unshare", "-m", *flags, "sh", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def as_nobody_known(command: Sequence[str], uid: int = 54321) -> list[str]:
    """The command as a user whom no password file knows; what root owns is that user's own in there."""
    return ["unshare", "-U", f"--map-user={uid}", f"--map-group={uid}", *command]
