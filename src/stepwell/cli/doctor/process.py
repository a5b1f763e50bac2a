"""What a training process started here, as this command was, would be and meet."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from ...address import find_service, is_loopback
from ...home import Home
from ...settings import Settings
from .finding import NOTE, OK, WRONG, Finding

__all__ = ["lifetime", "network", "rank_and_run"]


def lifetime(_: Home) -> Iterator[Finding]:
    from ...run.lifetime import ends_with

    settings = Settings.load()
    what = ends_with(os.environ)
    if what:
        text = (
            f"{what}: the agent ends with the job, so finish waits up to {settings.finish_timeout_dying_s:g} s while "
            f"bytes are being acked, {settings.finish_stall_timeout_s:g} s without progress"
        )
    else:
        text = f"the agent outlives the training process, so finish waits {settings.finish_timeout_s:g} s at most"
    yield Finding("finish", OK, text, looked="the environment, /proc/self/ns/pid, /proc/1/cgroup, /.dockerenv")


def rank_and_run(_: Home) -> Iterator[Finding]:
    from ...run.identity import identify
    from ...run.launcher import Launcher

    found = identify(None, None, None, os.environ, Launcher(os.environ))
    ranks = found.ranks
    who = f"rank {ranks.rank} of {ranks.world_size}" if ranks.world_size > 1 else "one process"
    run = f"run {found.project}/{found.id}" if ranks.world_size > 1 or not found.made_up else "a new run each time"
    looked = "STEPWELL_RUN_ID, RANK and WORLD_SIZE, OMPI_*, PMI_*, SLURM_*, TORCHELASTIC_RUN_ID"
    if found.hint:
        yield Finding("run and rank", NOTE, f"{who}: {found.hint}", "export STEPWELL_RUN_ID=...", looked)
    else:
        yield Finding("run and rank", OK, f"{who}, {run} ({found.why})", looked=looked)


def network(home: Home) -> Iterator[Finding]:
    """Loopback only: whether another machine answers is `service`'s question."""
    errors = []
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as listening, socket.socket(family) as calling:
                listening.bind((host, 0))
                listening.listen(1)
                calling.settimeout(1.0)
                calling.connect(listening.getsockname()[:2])
            yield Finding("network", OK, f"loopback works ({host})", looked=host)
            return
        except OSError as error:
            errors.append(f"{host}: {error.strerror or error}")
    address = find_service(home)
    needed = address is not None and is_loopback(address.url)
    text = f"no loopback ({'; '.join(errors)}): recording goes on, a service on this machine cannot be reached"
    yield Finding("network", WRONG if needed else NOTE, text, "ip link set lo up", "127.0.0.1, ::1")
