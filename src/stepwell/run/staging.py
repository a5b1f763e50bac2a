"""Artifacts of every kind on their way out of a training process: files in staging, a record that announces them, a
manifest that says they are whole.

Owns the layout of HOME/staging/<run>-<writer>-<counter>/{data/, manifest.json}. Never hashes, never sends: the agent
does. Order: data, record, manifest; then a new mtime of HOME/staging, by which the agent hears of it at once. Killed
before the manifest, the run shows an artifact that is staged only, and the folder is orphaned. What a kind's files are
made of is the business of whoever calls `stage`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core import KIND_CHECKPOINT, Recorder
from ..errors import InvalidValue, StagingError
from ..home import Home
from ..ids import (
    ALIASES_MAX,
    ARTIFACT_FILES_MAX,
    check_alias,
    check_artifact_name,
    check_file_path,
    check_type,
    version_of,
)
from ..settings import Settings
from .logged import LoggedArtifact
from .plain import as_json, plain
from .sources import Copy, Source, kept_as

__all__ = ["Origin", "Stager"]

_METADATA_BYTES_MAX = 1 << 20
_ANNOUNCED_FILES_MAX = 1000  # of more, the record says how many and their bytes; the manifest names them
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Origin:
    """Whose artifact it is."""

    project: str
    id: str
    run: bytes
    rank: int
    attempt: int
    server: str
    mode: str


@dataclass(frozen=True)
class _Described:
    """What is said of an artifact, checked."""

    kind: str
    type: str
    name: str
    step: int
    aliases: tuple[str, ...]
    metadata: str
    part: int
    parts: int


@dataclass(frozen=True)
class Stager:
    """Keeps artifacts of one run's process."""

    origin: Origin
    recorder: Recorder
    home: Home
    settings: Settings

    def stage(
        self,
        kind: str,
        name: str,
        sources: Sequence[Source],
        *,
        step: int | None = None,
        type: str = "",
        aliases: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        part: int = 0,
        parts: int = 0,
        copy: Copy = True,
    ) -> LoggedArtifact:
        """Returns when every file is in staging and the artifact announced. What was copied may change then.

        kind: how it was logged (checkpoint, artifact, tensor, ...); type: what people call it, the kind if empty.
        step: default: the last one logged, or 0. part of parts: one rank's share; 0 parts: it is whole.
        copy: of files; see `kept_as`.
        Raises StagingError, InvalidValue; then nothing is kept.
        """
        said = self._checked(kind, name, step, type, aliases, metadata, part, parts)
        _check_files(said, sources)
        self.home.make(self.home.path / "staging")
        number = f"{self.origin.run.hex()}-{self.recorder.writer:016x}-{next(_numbers):08d}"
        folder = self.home.path / "staging" / number
        try:
            kept = kept_as(sources, copy, folder.parent, self.settings.staging_fraction)
            _check_room(said, folder.parent, sum(source.size for source in kept), self.settings)
            files = _place_all(kept, folder / "data")
            self._announce(said, files, folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, StagingError) and error.errno is None:
                raise  # it says already which artifact
            raise StagingError(f"{said.kind} {said.name!r} was not kept: {error}") from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)  # Ctrl-C too
            raise
        return LoggedArtifact(folder, self.origin.project, said.name, said.kind, self.origin.mode == "offline")

    def _checked(
        self,
        kind: str,
        name: str,
        step: int | None,
        type: str,
        aliases: Iterable[str],
        metadata: Mapping[str, Any] | None,
        part: int,
        parts: int,
    ) -> _Described:
        at_step = step if step is not None else self.recorder.last_step or 0
        if isinstance(at_step, bool) or not isinstance(at_step, int) or not -(2**63) <= at_step < 2**63:
            raise InvalidValue(f"the step of {kind} {name!r} is a whole number of 64 bits, not {step!r}")
        named = tuple(dict.fromkeys([aliases] if isinstance(aliases, str) else aliases))
        if len(named) > ALIASES_MAX:
            raise InvalidValue(f"{kind} {name!r} is given at most {ALIASES_MAX} aliases, not {len(named)}")
        for alias in named:
            check_alias(alias)
        described = as_json(plain(dict(metadata or {})))
        if len(described) > _METADATA_BYTES_MAX:
            raise InvalidValue(f"metadata of {kind} {name!r} has {len(described)} bytes; at most {_METADATA_BYTES_MAX}")
        if parts < 0 or not 0 <= part < max(1, parts):
            raise InvalidValue(f"{kind} {name!r}: there is no part {part} of {parts}; parts are counted from 0")
        return _Described(
            check_type(kind),
            check_type(type or kind),
            check_artifact_name(name),
            at_step,
            named,
            described,
            part,
            parts,
        )

    def _announce(self, said: _Described, files: list[dict[str, Any]], folder: Path) -> None:
        size = sum(file["size"] for file in files)
        time_ms = self.recorder.now_ms()
        few = files if len(files) <= _ANNOUNCED_FILES_MAX else []
        listed = as_json({"type": said.type, "part": said.part, "parts": said.parts, "files": few})
        record = (said.kind, said.name, listed, said.metadata, str(size))
        row_seq = self.recorder.record(KIND_CHECKPOINT, tuple(part.encode() for part in record), said.step, time_ms)
        if not row_seq:
            raise StagingError(
                f"{said.kind} {said.name!r} was not kept: the ring is full and no agent takes it; see {self.home.log}"
            )
        origin = self.origin
        manifest = {
            "run": origin.run.hex(),
            "writer": self.recorder.writer,
            "row_seq": row_seq,
            "rank": origin.rank,
            "version": version_of(origin.attempt, row_seq),
            "step": said.step,
            "time_ms": time_ms,
            "kind": said.kind,
            "type": said.type,
            "name": said.name,
            "aliases": said.aliases,
            "part": said.part,
            "parts": said.parts,
            "metadata": said.metadata,
            "files": files,
            "project": origin.project,
            "id": origin.id,
            "server": origin.server,
            "mode": origin.mode,
        }
        draft = folder / "manifest.json.tmp"
        draft.write_text(as_json(manifest))
        draft.replace(folder / "manifest.json")
        _tell_agent(folder.parent)


def _check_files(said: _Described, sources: Sequence[Source]) -> None:
    if not 1 <= len(sources) <= ARTIFACT_FILES_MAX:
        held = f"{len(sources)} files; at most {ARTIFACT_FILES_MAX}" if sources else "no file"
        raise StagingError(f"{said.kind} {said.name!r} was not kept: it holds {held}")
    seen: set[str] = set()
    for source in sources:
        try:
            check_file_path(source.name)
        except InvalidValue as error:
            raise StagingError(f"{said.kind} {said.name!r} was not kept: {error}; rename it") from None
        if source.name in seen:
            raise StagingError(f"{said.kind} {said.name!r} was not kept: two of its files are called {source.name!r}")
        seen.add(source.name)


def _place_all(sources: Sequence[Source], data: Path) -> list[dict[str, Any]]:
    data.mkdir(parents=True, mode=0o700)
    files = []
    for source in sources:
        target = data / source.name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.append(source.place(target))
    return files


def _check_room(said: _Described, staging: Path, wanted: int, settings: Settings) -> None:
    disk = shutil.disk_usage(staging)
    kept_free = settings.bytes_kept_free(disk.total)
    if disk.free - wanted < kept_free:
        raise StagingError(
            f"no room for {said.kind} {said.name!r} of {wanted} bytes: {staging} has {disk.free} free, and {kept_free} "
            "are to stay so (settings staging_free_share_min and staging_free_bytes_max). Free some, or set "
            "STEPWELL_HOME to a larger filesystem."
        )
    waiting = _bytes_below(staging)
    if waiting + wanted > settings.staging_bytes_max:
        raise StagingError(
            f"no room for {said.kind} {said.name!r} of {wanted} bytes: {waiting} already wait for upload in {staging}, "
            f"of at most {settings.staging_bytes_max} (setting staging_bytes_max). Start `stepwell serve`, or run "
            "`stepwell sync`."
        )


def _tell_agent(staging: Path) -> None:
    """A new mtime of the folder, which the agent looks at often. Where none may be set the agent finds out later."""
    now_ns = time.time_ns()  # not the kernel's own, which has one stamp for all of a few milliseconds
    with suppress(OSError):
        os.utime(staging, ns=(now_ns, now_ns))


def _bytes_below(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue  # uploaded meanwhile
    return total
