"""`stepwell.init`: settles who the run is, opens its ring, writes its start, and leaves the rest to other processes.

The order matters: what can be refused is refused before anything is made; the ring is there before the agent is
started. Waits for nobody but a resume.
"""

from __future__ import annotations

import builtins
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from .. import _core
from ..address import find_service, shown
from ..errors import InvalidValue
from ..home import Home
from ..ids import run_bytes
from ..launch import start_agent
from ..platforms import needs_unix
from ..settings import Settings
from ..version import VERSION
from . import live
from .attempts import runs_folder
from .config import load_config
from .console import Console
from .ending import Ending
from .environment import capture_prefix, shown_arguments
from .ephemeral import forgotten
from .fields import field_record
from .identity import Identity, identify
from .labels import tag_list, text_of
from .launcher import Launcher
from .lifetime import soon_gone
from .names import readable_name
from .notices import Once, say, warn
from .redaction import redact_arguments
from .ring import open_recorder
from .run import Run, Terms
from .slow import SlowPath
from .start import Start, decide_start

__all__ = ["init"]

_MODES = ("online", "offline", "disabled")
_RESUMES = (None, "never", "allow", "must")
_ARGUMENTS_SHOWN_MAX = 50  # of the start event; the capture has them all
_lock = threading.Lock()
_process_once = Once()  # of this machine, not of a run


def init(
    project: str | None = None,
    experiment: str | None = None,
    name: str | None = None,
    id: str | None = None,
    config: Any = None,
    group: str | None = None,
    job_type: str | None = None,
    tags: Iterable[str] = (),
    notes: str | None = None,
    mode: Literal["online", "offline", "disabled"] | None = None,
    resume: Literal["never", "allow", "must"] | None = None,
    server: str | None = None,
    rank: int | None = None,
    settings: Mapping[str, Any] | Settings | None = None,
) -> Run:
    """Begins a run, or an attempt of one, and returns it; `stepwell.run` is then the same.

    Where a run is live already it is returned, with a warning; in a notebook it is finished and a new one begun.

    Args:
        project: With `id`, the name of the run; 1 to 128 bytes without "/". Default: STEPWELL_PROJECT, else the name
            of the repository or folder.
        experiment: A text that groups runs of a project. Default: STEPWELL_EXPERIMENT.
        name: What people read. Default: STEPWELL_NAME, else a readable name for an id that was made up.
        id: With `project`, the name of the run; 1 to 128 bytes without "/". Default: STEPWELL_RUN_ID, else a new id,
            on which all ranks of one launch agree.
        config: Hyperparameters: a dict, Namespace, dataclass, OmegaConf, pydantic model, or the path of a YAML or
            JSON file.
        group: A text that runs of one sweep or one launch share.
        job_type: "train", "eval", or what you like.
        tags: Texts to find the run by.
        notes: A text of any length.
        mode: "online" sends to a service when one is there; "offline" keeps everything for `stepwell sync`;
            "disabled" records nothing. Default: STEPWELL_MODE, else "online".
        resume: For an id that was recorded before. None begins a new attempt at step 0 and says so; "never" raises
            RunExists; "allow" goes on after the last step; "must" does so too, and raises where there is none to be
            learnt. Only the last two may wait, for the setting `resume_timeout_s`.
        server: URL of a service, without password. Default: STEPWELL_SERVER, else the service of this STEPWELL_HOME.
        rank: Of this process in the run, from 0. Default: what torchrun, MPI or SLURM say, else 0.
        settings: A `stepwell.Settings`, or a dict of some of its fields.

    Returns:
        The run. As a context manager it is finished at the end of the block.

    Raises:
        InvalidValue: An argument that cannot be recorded, such as an id with a "/".
        SettingsError: A setting that does not exist or cannot be used.
        HomeError: STEPWELL_HOME cannot be written.
        RunExists: With `resume="never"`.
        NotFound: With `resume="must"`, where nothing was recorded under the id.
        RunTrashed: With `resume="allow"` or `"must"`, of a run in the trash.
        ServiceUnavailable: With `resume="must"`, where nobody can tell the last step.

    Example:
        ```python
        with stepwell.init(project="digits", config={"lr": 0.1}) as run:
            run.log({"loss": 0.5})
        ```
    """
    chosen = Settings.load(settings)
    with _lock:
        alive = live.current()
        if alive is not None and alive.owned:
            if not hasattr(builtins, "__IPYTHON__"):
                warn(
                    f"init was called while {alive.path} is live, which is returned; finish() it first to begin another"
                )
                return alive
            alive.finish()
            if not chosen.quiet and alive.mode != "disabled":
                say(f"{alive.path} was still live here, and was finished to begin another run")
        mode_name = _one_of("mode", mode or os.environ.get("STEPWELL_MODE") or "online", _MODES)
        _one_of("resume", resume, _RESUMES)
        identity = identify(project, id, rank, os.environ, Launcher(os.environ))
        fields = _fields(experiment, name, group or identity.group, job_type, tags, notes)
        values = load_config(config)
        if mode_name == "disabled":
            run = _disabled(identity, fields, values, chosen)
        else:
            url = _check_server(server or os.environ.get("STEPWELL_SERVER") or "")
            run = _begin(identity, fields, values, mode_name, resume, url, chosen)
        live.set_current(run)
    return run


def _begin(
    identity: Identity,
    fields: dict[str, Any],
    values: dict[str, Any],
    mode: str,
    resume: str | None,
    server: str,
    settings: Settings,
) -> Run:
    needs_unix("Recording")
    home = Home()
    home.make(runs_folder(home), home.spool, home.log)
    start = decide_start(home, identity, resume, server, settings)
    if "name" not in fields and identity.made_up and not start.resumed:
        fields["name"] = readable_name(identity.id)
    ranks = identity.ranks
    terms = Terms(
        project=identity.project,
        id=identity.id,
        name=str(fields.get("name", identity.id)),
        key=run_bytes(identity.project, identity.id),
        rank=ranks.rank,
        attempt=start.attempt,
        mode=mode,
        server=server,
        needs_step=start.needs_step,
        world_size=ranks.world_size,
    )
    once = Once()
    slow = SlowPath(settings, once)
    described = _describe(terms, _now_ms(), settings)
    recorder = open_recorder(
        home, settings, described, terms.key, terms.rank, terms.attempt, first_step=start.first_step, slow=slow
    )
    slow.recorder = recorder
    run = Run(terms, settings, home, recorder, slow, once)
    run._event("start", _start_body(terms, identity, start))
    for key, value in fields.items():
        recorder.record(_core.KIND_FIELD, field_record(key, value, "user"))
    run.labels.begin(fields)
    run.config.load(values)
    _say_where(run, identity, start, home, settings)
    console = Console(recorder.record, settings.console_bytes_per_s) if settings.console else None
    run.attend(console, Ending(run.finish, run.leave))
    if not start_agent(home):
        warn(f"no agent could be started, so the records stay in {recorder.path} until `stepwell sync`; see {home.log}")
    prefix = capture_prefix(ranks, os.environ)
    if settings.capture and prefix is not None:
        run.capture.start(home, settings, described, terms.key, terms.rank, terms.attempt, prefix)
    return run


def _disabled(identity: Identity, fields: dict[str, Any], values: dict[str, Any], settings: Settings) -> Run:
    terms = Terms(
        project=identity.project,
        id=identity.id,
        name=fields.get("name") or readable_name(identity.id),
        key=run_bytes(identity.project, identity.id),
        rank=identity.ranks.rank,
        attempt=0,
        mode="disabled",
        server="",
    )
    run = Run(terms, settings, None, None, None, Once())
    run.labels.begin(fields)
    run.config.load(values)
    return run


def _fields(
    experiment: str | None,
    name: str | None,
    group: str | None,
    job_type: str | None,
    tags: Iterable[str],
    notes: str | None,
) -> dict[str, Any]:
    """Those that were given. Raises InvalidValue for what is no text."""
    given = {
        "name": name or os.environ.get("STEPWELL_NAME"),
        "experiment": experiment or os.environ.get("STEPWELL_EXPERIMENT"),
        "group": group,
        "job_type": job_type,
        "notes": notes,
    }
    fields: dict[str, Any] = {}
    for key, value in given.items():
        if value is not None and value != "":
            fields[key] = text_of(key, value)
    if listed := tag_list(tags):
        fields["tags"] = listed
    return fields


def _one_of(what: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise InvalidValue(f"{what} is one of {', '.join(map(repr, allowed))}, not {value!r}")
    return value


def _check_server(server: str) -> str:
    """The URL without a slash at the end. It lies in a ring, so it must hold no password."""
    url = server.strip().rstrip("/")
    if url and "://" not in url:
        url = f"http://{url}"
    if not url:
        return ""
    if not url.startswith(("http://", "https://")) or len(url) > 1000:
        raise InvalidValue(f"a server is an http:// or https:// URL, not {shown(url)!r}")
    if shown(url) != url:
        raise InvalidValue(
            f"the URL of server {shown(url)} must hold no user, password or query: give the token in STEPWELL_TOKEN, "
            f"or once by `stepwell login {shown(url)}`"
        )
    return url


def _now_ms() -> int:
    import time

    return time.time_ns() // 1_000_000


def _describe(terms: Terms, started_ms: int, settings: Settings) -> dict[str, Any]:
    """The ring's identity, which the agent reads."""
    return {
        "project": terms.project,
        "id": terms.id,
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "started_ms": started_ms,
        "mode": terms.mode,
        "server": terms.server,
        "version": VERSION,
        "system_interval_s": settings.system_interval_s,
    }


def _start_body(terms: Terms, identity: Identity, start: Start) -> dict[str, Any]:
    return {
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "user": os.environ.get("USER") or str(os.getuid()),
        "argv": redact_arguments(shown_arguments())[:_ARGUMENTS_SHOWN_MAX],
        "version": VERSION,
        "python": ".".join(map(str, sys.version_info[:3])),
        "world_size": identity.ranks.world_size,
        "mode": terms.mode,
        "resumed": start.resumed,
    }


def _say_where(run: Run, identity: Identity, start: Start, home: Home, settings: Settings) -> None:
    """Two lines: what is recorded where, and how to look at it. Before them what is out of the ordinary."""
    service = find_service(home, run._terms.server)
    gone = forgotten(home, run.path, os.environ)
    gone = soon_gone(home) if gone is None else gone
    if gone and service is None:
        _process_once.warn(home.path, gone)
    if settings.quiet:
        if identity.hint:
            warn(identity.hint)
        return
    called = f" ({run.name})" if run.name != run.id else ""
    rank = f", rank {run.rank}" if identity.ranks.world_size > 1 else ""
    until = ", until `stepwell sync`" if run.mode == "offline" else ""
    lines = [identity.hint, start.line, f"recording {run.path}{called}{rank} in {home.path}{until}"]
    if run.rank == 0:  # of 64 ranks one says it
        lines.append(f"see it: {run.url or f'stepwell ui {run.path}'}")
    say(*filter(None, lines))


def _after_fork() -> None:
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    alive = live.current()
    if alive is not None:
        alive.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
