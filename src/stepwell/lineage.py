"""`run.use_artifact`: finds it as any reader would. Stands between the run, which reads nothing, and query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .query import Artifact
    from .query.records import ArtifactInfo

__all__ = ["Found", "find_artifact"]


@dataclass(frozen=True)
class Found:
    """event: the body of the event by which the run says that it uses it."""

    artifact: Artifact
    event: Mapping[str, Any]


def find_artifact(path: str, type: str | None, project: str, server: str, home: Path) -> Found:
    """path: "project/name:v3", or "name:v3" of this project. Raises NotFound, ServiceUnavailable, InvalidValue."""
    from .ids import split_artifact
    from .query import Api, Artifact

    named, name, version = split_artifact(path)
    full = path if named is not None else f"{project}/{path}"
    source = {"url": server} if server else {"path": str(home)}
    with Api(**source) as api:
        found = api.artifact(full, type=type)
    run, writer, row_seq = found.info.key.split(" ")
    event = {
        "project": found.run.project,
        "name": found.name,
        "type": found.type,
        "version": found.version,
        "as": f"{found.run.project}/{name}:{version}",
        "run": run,
        "writer": int(writer),
        "row_seq": int(row_seq),
        "digest": found.digest,
    }
    return Found(Artifact(found.run, found.info, _Reopened(source)), event)  # type: ignore[arg-type]


class _Reopened:
    """Opens the store for each question alone: where it is embedded, a training process must not hold it."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = dict(source)

    def blob(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        from .query import Api

        with Api(**self._source) as api:
            yield from api.reader.blob(digest, offset, length)

    def artifact(self, project: str, name: str, selector: str = "latest", *, type: str | None = None) -> ArtifactInfo:
        from .query import Api

        with Api(**self._source) as api:
            return api.reader.artifact(project, name, selector, type=type)
