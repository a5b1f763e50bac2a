"""`log_checkpoint`, `log_artifact`, `log_tensor` of a run: what is to be kept, as files with names, for staging."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValue, StagingError
from .logged import LoggedArtifact
from .reference import Reference
from .sources import Copy, Source, own_part, sources_of
from .tensors import state_source, tensor_source

if TYPE_CHECKING:
    from .run import Run

__all__ = ["AnyPath", "log_files", "log_tensors"]

AnyPath = str | os.PathLike[str] | Reference


def log_files(
    run: Run,
    kind: str,
    what: AnyPath | Sequence[AnyPath] | Mapping[str, Any],
    name: str | None,
    *,
    step: int | None,
    metadata: Mapping[str, Any] | None,
    aliases: Sequence[str],
    type: str = "",
    copy: Copy = "auto",
    sharded: bool | int = False,
) -> LoggedArtifact:
    """Raises StagingError, InvalidValue; then nothing is kept."""
    named = name if name is not None else _name_of(kind, what, sharded=bool(sharded))
    stager = run.stager(f"log_{kind}({named!r})")
    if stager is None:
        return LoggedArtifact(None, run.project, named, kind, offline=False)
    parts = _parts(run, kind, named, sharded)
    try:
        sources = _sources(what, named)
    except OSError as error:
        raise StagingError(f"{kind} {named!r} was not kept: {error}") from error
    if parts > 1 and not isinstance(what, Mapping):
        sources = own_part(sources, run.rank)
    return stager.stage(
        kind, named, sources, step=step, type=type, aliases=aliases, metadata=metadata, copy=copy,
        part=run.rank if parts > 1 else 0, parts=parts if parts > 1 else 0,
    )  # fmt: skip


def log_tensors(
    run: Run, name: str, tensor: Any, *, step: int | None, metadata: Mapping[str, Any] | None
) -> LoggedArtifact:
    """Raises StagingError, InvalidValue; then nothing is kept."""
    stager = run.stager(f"log_tensor({name!r})")
    if stager is None:
        return LoggedArtifact(None, run.project, name, "tensor", offline=False)
    return stager.stage("tensor", name, [tensor_source(tensor, name)], step=step, metadata=metadata)


def _sources(what: AnyPath | Sequence[AnyPath] | Mapping[str, Any], name: str) -> list[Source]:
    if isinstance(what, Mapping):
        return [state_source(what, name)]
    return sources_of([what] if isinstance(what, (str, os.PathLike, Reference)) else what)


def _parts(run: Run, kind: str, name: str, sharded: bool | int) -> int:
    """How many ranks add a part; 0 where it is whole."""
    if sharded is False:
        return 0
    if not isinstance(sharded, int) or (sharded is not True and sharded < 1):
        raise InvalidValue(f"{kind} {name!r}: sharded is True or the number of ranks that add a part, not {sharded!r}")
    distributed = sys.modules.get("torch.distributed")
    parts = run.world_size if sharded is True else sharded
    if sharded is True and parts <= 1 and distributed is not None and distributed.is_initialized():
        parts = int(distributed.get_world_size())
    if run.rank >= max(1, parts):
        raise InvalidValue(f"{kind} {name!r} of {parts} parts is logged by rank {run.rank}: give sharded= all ranks")
    return parts


def _name_of(kind: str, what: AnyPath | Sequence[AnyPath] | Mapping[str, Any], *, sharded: bool) -> str:
    if isinstance(what, Mapping):
        return "model"
    paths = [what] if isinstance(what, (str, os.PathLike, Reference)) else list(what)
    if len(paths) != 1:
        raise InvalidValue(f"{len(paths)} paths at once have no name of their own: give the {kind} one by name=")
    if isinstance(paths[0], Reference):
        return paths[0].name
    path = Path(paths[0]).expanduser().absolute()
    if sharded and not path.is_dir():
        raise InvalidValue(f"the parts of a sharded {kind} go under one name: give all ranks the same name=")
    return path.name
