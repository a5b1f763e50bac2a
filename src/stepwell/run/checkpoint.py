"""`run.log_checkpoint`: a copy in staging, a record that announces it, a manifest that says it is whole.

Owns the layout of HOME/staging/<run>-<writer>-<counter>/{data/, manifest.json}. Never hashes, never sends: the agent
does. Order: data, record, manifest. Killed in between, the run shows a checkpoint that is staged only, and the folder
is orphaned.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core import KIND_CHECKPOINT, Recorder
from ..errors import InvalidValue, StagingError
from ..home import Home
from ..ids import version_of
from ..settings import Settings
from .copying import copy_file, files_below
from .plain import as_json, plain

__all__ = ["Origin", "stage_checkpoint"]

_NAME_BYTES_MAX = 512
_METADATA_BYTES_MAX = 1 << 20
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Origin:
    """Whose checkpoint it is."""

    project: str
    id: str
    run: bytes
    rank: int
    attempt: int
    server: str
    mode: str


def stage_checkpoint(
    path: str | os.PathLike[str],
    name: str | None,
    step: int,
    metadata: Mapping[str, Any] | None,
    origin: Origin,
    recorder: Recorder,
    home: Home,
    settings: Settings,
) -> None:
    """Returns when the copy is whole and announced. Raises StagingError, InvalidValue; then nothing is kept."""
    source = Path(path).expanduser().absolute()
    shown = _check_name(name or source.name)
    described = as_json(plain(dict(metadata or {})))
    if len(described) > _METADATA_BYTES_MAX:
        raise InvalidValue(
            f"metadata of checkpoint {shown!r} has {len(described)} bytes; at most {_METADATA_BYTES_MAX}"
        )
    home.make(home.path / "staging")
    folder = home.path / "staging" / f"{origin.run.hex()}-{recorder.writer:016x}-{next(_numbers):08d}"
    try:
        found = list(files_below(source))
        if not found:
            raise StagingError(f"checkpoint {source} holds no file")
        _check_room(folder.parent, sum(size for _, _, size in found), settings)
        files = _copy_all(found, folder / "data")
        size = sum(file["size"] for file in files)
        time_ms = recorder.now_ms()
        parts = ("checkpoint", shown, as_json(files), described, str(size))
        row_seq = recorder.record(KIND_CHECKPOINT, tuple(part.encode() for part in parts), step, time_ms)
        if not row_seq:
            raise StagingError(
                f"checkpoint {shown!r} was not kept: the ring is full and no agent takes it; see {home.log}"
            )
        manifest = {
            "run": origin.run.hex(),
            "writer": recorder.writer,
            "row_seq": row_seq,
            "rank": origin.rank,
            "version": version_of(origin.attempt, row_seq),
            "step": step,
            "time_ms": time_ms,
            "kind": "checkpoint",
            "name": shown,
            "metadata": described,
            "files": files,
            "project": origin.project,
            "id": origin.id,
            "server": origin.server,
            "mode": origin.mode,
        }
        draft = folder / "manifest.json.tmp"
        draft.write_text(as_json(manifest))
        draft.replace(folder / "manifest.json")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, StagingError):
            raise
        raise StagingError(f"checkpoint {source} was not kept: {error}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # Ctrl-C too
        raise


def _copy_all(found: list[tuple[str, Path, int]], data: Path) -> list[dict[str, Any]]:
    data.mkdir(parents=True, mode=0o700)
    files = []
    for name, source, _ in found:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise StagingError(f"the name of file {name!r} is not valid UTF-8; rename it") from None
        target = data / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.append({"path": name, "size": copy_file(source, target)})
    return files


def _check_room(staging: Path, wanted: int, settings: Settings) -> None:
    disk = shutil.disk_usage(staging)
    kept_free = int(disk.total * settings.staging_free_share_min)
    if disk.free - wanted < kept_free:
        raise StagingError(
            f"no room for a checkpoint of {wanted} bytes: {staging} has {disk.free} free, and {kept_free} are to stay "
            "so (setting staging_free_share_min). Free some, or set STEPWELL_HOME to a larger filesystem."
        )
    waiting = _bytes_below(staging)
    if waiting + wanted > settings.staging_bytes_max:
        raise StagingError(
            f"no room for a checkpoint of {wanted} bytes: {waiting} already wait for upload in {staging}, of at most "
            f"{settings.staging_bytes_max} (setting staging_bytes_max). Start `stepwell serve`, or run `stepwell sync`."
        )


def _bytes_below(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue  # uploaded meanwhile
    return total


def _check_name(name: str) -> str:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidValue(f"checkpoint name {name!r} is not valid Unicode") from None
    if not 1 <= size <= _NAME_BYTES_MAX or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise InvalidValue(f"a checkpoint's name has 1 to {_NAME_BYTES_MAX} bytes without control characters")
    return name
