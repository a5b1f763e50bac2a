"""Who this process is among the writers of a run: its rank, and an id on which ranks agree without talking.

Reads arguments, environment and /proc; writes nothing, asks nobody. The order of the rules is the design's.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import InvalidValue
from ..ids import check_id, check_project, new_id
from .launcher import Launcher

__all__ = ["Identity", "Ranks", "default_project", "find_ranks", "identify"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANK_MAX = 2**32 - 1
# (rank, world size, ranks on this host), by launcher, in the order in which they are believed.
_RANK_VARIABLES = (
    ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"),  # torchrun, accelerate, deepspeed, lightning
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"),
    ("PMIX_RANK", "PMIX_SIZE", "PMIX_LOCAL_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", ""),
)
_OF_ALL_HOSTS = (
    "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_ARRAY_TASK_ID", "TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT",
)  # fmt: skip
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Ranks(NamedTuple):
    rank: int
    world_size: int
    one_host: bool  # all ranks are known to be on this host


class Identity(NamedTuple):
    project: str
    id: str
    ranks: Ranks
    made_up: bool  # the id is ours and new: nothing was recorded under it before
    group: str | None  # set where ranks could not agree on one run
    launch: str  # the same for all ranks of one start on this host; "" for a single process
    start: str  # the same for all ranks of one start on any host, and perhaps of a later one; "" where none is known
    hint: str  # a line for the person, or ""
    why: str  # by what the id was chosen, for `stepwell doctor`


def identify(
    project: str | None,
    id: str | None,
    rank: int | None,
    env: Mapping[str, str],
    launcher: Launcher,
) -> Identity:
    """Raises InvalidValue for a project, id or rank that cannot be."""
    ranks = find_ranks(rank, env)
    name = check_project(project or env.get("STEPWELL_PROJECT") or default_project())
    launch = f"{launcher.key()}/{_restarts(env)}" if ranks.world_size > 1 else ""
    start = _start(env) if ranks.world_size > 1 and not ranks.one_host else ""
    given = id if id is not None else env.get("STEPWELL_RUN_ID")
    if given is not None:
        return Identity(name, check_id(given), ranks, False, None, launch, start, "", "it was given")
    if ranks.world_size == 1:
        return Identity(name, new_id(), ranks, True, None, "", "", "", "no rank is set")
    shared, why = _shared_id(ranks, env, launcher)
    if shared is not None:
        return Identity(name, shared, ranks, _restarts(env) == "0.0", None, launch, start, "", why)
    hint = (
        f"{ranks.world_size} ranks on several hosts and nothing they all know: this rank records a run of its own. "
        "Set STEPWELL_RUN_ID to the same id on all of them for one run."
    )
    return Identity(name, new_id(), ranks, True, _group(env), launch, start, hint, "")


def find_ranks(rank: int | None, env: Mapping[str, str]) -> Ranks:
    """The rank given, else what a launcher says. Numbers that make no sense are passed over."""
    if rank is not None and (isinstance(rank, bool) or not isinstance(rank, int) or not 0 <= rank <= _RANK_MAX):
        raise InvalidValue(f"a rank is a whole number from 0 to {_RANK_MAX}, not {rank!r}")
    for rank_name, size_name, local_name in _RANK_VARIABLES:
        found, size = _number(env, rank_name), _number(env, size_name)
        if found is None or size is None or size < 2 or found >= size:
            continue
        local = _number(env, local_name) if local_name else None
        return Ranks(found if rank is None else rank, size, _on_one_host(env, size, local))
    if rank is not None:
        return Ranks(rank, max(2, rank + 1) if rank else 1, False)
    return Ranks(0, 1, True)


def default_project() -> str:
    """The name of the repository or folder one works in, else of the script, else "default"."""
    try:
        here = Path.cwd()
    except OSError:
        here = Path("/")  # removed under us, or in a folder that we may not see
    anywhere = {Path("/"), Path("/tmp"), Path("/root"), *_home_folder()}
    for folder in (here, *here.parents):
        if folder not in anywhere and (folder / ".git").exists():
            here = folder
            break
    script = Path(sys.argv[0]).stem if sys.argv and sys.argv[0] not in ("", "-c", "-m") else ""
    for name in ("" if here in anywhere else here.name, script):
        cleaned = re.sub(r"[\x00-\x1f\x7f/]+", "-", name).strip()
        try:
            return check_project(cleaned)
        except InvalidValue:
            continue
    return "default"


def _home_folder() -> tuple[Path, ...]:
    try:
        return (Path.home(),)
    except RuntimeError:
        return ()  # HOME is unset, and the user has no entry in the password file


def _shared_id(ranks: Ranks, env: Mapping[str, str], launcher: Launcher) -> tuple[str | None, str]:
    """What all ranks know, and by what."""
    if ranks.one_host:
        return _short(launcher.key()), "all ranks are on this host, and one launcher started them"
    if env.get("SLURM_JOB_ID"):
        array = env.get("SLURM_ARRAY_TASK_ID")
        step = env.get("SLURM_STEP_ID") or env.get("SLURM_STEPID") or "batch"
        return _usable(f"slurm-{env['SLURM_JOB_ID']}.{step}" + (f"-{array}" if array else "")), "SLURM's job and step"
    elastic = env.get("TORCHELASTIC_RUN_ID")
    if elastic and elastic != "none":
        return _usable(elastic), "TORCHELASTIC_RUN_ID"
    return None, ""


def _on_one_host(env: Mapping[str, str], size: int, local: int | None) -> bool:
    if local is not None:
        return local == size
    if _number(env, "SLURM_PROCID") is not None:
        nodes = _number(env, "SLURM_STEP_NUM_NODES") or _number(env, "SLURM_NNODES")
        if nodes is not None:
            return nodes == 1
    return env.get("MASTER_ADDR", "") in _LOOPBACK


def _group(env: Mapping[str, str]) -> str:
    """What the ranks of one start probably share, good enough to show their runs together."""
    address = env.get("MASTER_ADDR")
    return f"ranks-{address}-{env.get('MASTER_PORT', '')}" if address else "ranks"


def _start(env: Mapping[str, str]) -> str:
    names = (
        "SLURM_JOB_ID",
        "SLURM_STEP_ID",
        "SLURM_ARRAY_TASK_ID",
        "TORCHELASTIC_RUN_ID",
        "MASTER_ADDR",
        "MASTER_PORT",
    )
    return " ".join(f"{name}={env[name]}" for name in names if env.get(name))


def _restarts(env: Mapping[str, str]) -> str:
    return f"{_number(env, 'TORCHELASTIC_RESTART_COUNT') or 0}.{_number(env, 'SLURM_RESTART_COUNT') or 0}"


def _usable(id: str) -> str:
    try:
        return check_id(id)
    except InvalidValue:
        return _short(id)


def _short(text: str) -> str:
    """Ten characters that every rank makes of the same text."""
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return "".join(_ALPHABET[number >> (5 * place) & 31] for place in range(9, -1, -1))


def _number(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name, "") if name else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
