"""What a reader hands out about runs: plain frozen data, the same from a local store and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..run_key import RunKey

__all__ = ["ArtifactFile", "ArtifactInfo", "Event", "LastStep", "MetricInfo", "RunInfo", "RunKey", "nested"]


@dataclass(frozen=True)
class RunInfo:
    """One run without its series.

    fields: JSON text by key ("name", "tags", "config/model/depth", "summary/best", "env/...").
    last: the last value of each metric, of its lowest rank; empty where it was not asked for.
    state: running | finished | failed (exit code not 0) | crashed | unknown (no start was seen).
    """

    key: RunKey
    created: datetime
    state: str
    started: datetime | None = None
    ended: datetime | None = None
    attempts: int = 0
    ranks: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)
    last: Mapping[str, float] = field(default_factory=dict)

    def value(self, key: str, default: Any = None) -> Any:
        """The decoded value of one field."""
        text = self.fields.get(key)
        return default if text is None else json.loads(text)

    @property
    def name(self) -> str:
        return str(self.value("name", self.key.id))

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.value("tags", ()))

    @property
    def config(self) -> dict[str, Any]:
        return nested(self.fields, "config")

    @property
    def environment(self) -> dict[str, Any]:
        """What was captured at the start: host, user, versions, git, command line."""
        return nested(self.fields, "env")

    @property
    def summary(self) -> dict[str, Any]:
        """The last value of every metric, under what the user set."""
        return {**self.last, **nested(self.fields, "summary")}


@dataclass(frozen=True)
class MetricInfo:
    """One series of a run. kind: scalar | text | histogram; the values are None where it is not scalar."""

    name: str
    kind: str
    points: int
    ranks: int
    first_step: int
    last_step: int
    last: float | None = None
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened to a run: start, finish, crash, alive, alert, stop, rewind, drop."""

    kind: str
    time: datetime
    rank: int
    attempt: int
    step: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class ArtifactFile:
    """One file of an artifact. digest: blake3 in hexadecimal, empty until it is uploaded. size: bytes.

    uri: of a reference, whose bytes are elsewhere; its digest is what was said of it ("sha256:...").
    """

    path: str
    size: int
    digest: str = ""
    uri: str = ""


@dataclass(frozen=True)
class ArtifactInfo:
    """A named manifest of files.

    state: staged (still on its host) | partial (not all ranks' parts are in) | complete (in the blob store) | deleted.
    version: its number under (project, type, name); None while it is not complete. files: empty in lists of versions.
    key: of its first row in the tables: "run writer row_seq", by which an alias or a use points to it.
    """

    name: str
    kind: str
    step: int
    rank: int
    time: datetime
    state: str
    size: int
    files: tuple[ArtifactFile, ...]
    metadata: Mapping[str, Any]
    type: str = ""
    version: int | None = None
    aliases: tuple[str, ...] = ()
    run: RunKey | None = None
    digest: str = ""
    committed: datetime | None = None
    parts: int = 0
    parts_in: int = 0
    key: str = ""


@dataclass(frozen=True)
class LastStep:
    """What a resume has to know: whether the run exists, this rank's last step, the run's last attempt."""

    exists: bool
    last_step: int | None
    attempt: int


def nested(fields: Mapping[str, str], root: str) -> dict[str, Any]:
    """Puts `root` + JSON pointer keys (RFC 6901) back into the dict they were taken from.

    >>> nested({"config/a/b": "1", "config/c~1d": "[2]"}, "config")
    {'a': {'b': 1}, 'c/d': [2]}
    """
    tree: dict[str, Any] = {}
    for key, text in _under(fields, root):
        at = tree
        *parents, leaf = (part.replace("~1", "/").replace("~0", "~") for part in key.split("/"))
        for parent in parents:
            below = at.get(parent)
            if not isinstance(below, dict):  # a leaf that became a branch: the branch is the later one
                below = at[parent] = {}
            at = below
        value = json.loads(text)
        if not (value == {} and isinstance(at.get(leaf), dict)):
            at[leaf] = value
    return tree


def _under(fields: Mapping[str, str], root: str) -> Iterable[tuple[str, str]]:
    prefix = root + "/"
    found = ((key[len(prefix) :], text) for key, text in fields.items() if key.startswith(prefix))
    return sorted(found, key=lambda item: item[0].count("/"))  # leaves above branches of the same name
