"""`run.log_checkpoint` and `run.log_artifact`: what is to be kept, as files with names, handed to staging."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValue, StagingError
from .logged import LoggedArtifact
from .sources import sources_of

if TYPE_CHECKING:
    from .run import Run

__all__ = ["log_files"]

AnyPath = str | os.PathLike[str]


def log_files(
    run: Run,
    kind: str,
    path: AnyPath | Sequence[AnyPath],
    name: str | None,
    *,
    step: int | None,
    metadata: Mapping[str, Any] | None,
    aliases: Sequence[str],
    type: str = "",
) -> LoggedArtifact:
    """Raises StagingError, InvalidValue; then nothing is kept."""
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    named = name if name is not None else _name_of(kind, paths)
    stager = run.stager(f"log_{kind}({named!r})")
    if stager is None:
        return LoggedArtifact(None, run.project, named, kind, offline=False)
    try:
        sources = sources_of(paths)
    except OSError as error:
        raise StagingError(f"{kind} {named!r} was not kept: {error}") from error
    return stager.stage(kind, named, sources, step=step, type=type, aliases=aliases, metadata=metadata)


def _name_of(kind: str, paths: Sequence[AnyPath]) -> str:
    if len(paths) != 1:
        raise InvalidValue(f"{len(paths)} paths at once have no name of their own: give the {kind} one by name=")
    return Path(paths[0]).expanduser().absolute().name
