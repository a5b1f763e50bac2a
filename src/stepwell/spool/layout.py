"""Names and small files of a spool folder; docs in spool/__init__.py."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import SpoolError

__all__ = [
    "CURSOR",
    "DESTINATION",
    "LOCK",
    "SYNCED",
    "Destination",
    "Position",
    "boot_id",
    "find_spools",
    "folder_name",
    "host_name",
    "read_json",
    "segment_file",
    "segments_of",
    "write_json",
]

LOCK = "lock"
DESTINATION = "destination.json"
CURSOR = "cursor.json"
SYNCED = "synced.json"
"""How far a `sync` got that may only read, because the folder's owner still writes it."""

_SEGMENT = re.compile(r"(\d{8,})\.seg")


class Position(NamedTuple):
    """A place in a spool: segment number, byte offset in it."""

    segment: int
    offset: int


@dataclass(frozen=True)
class Destination:
    """Where the frames of a spool are to go."""

    server: str = ""
    """The service's URL; "" is the service of this home, found by its service.json."""
    mode: str = "online"
    """"offline": nothing is sent until `stepwell sync`."""

    @property
    def offline(self) -> bool:
        return self.mode == "offline"

    @property
    def key(self) -> str:
        """Short, fit for a file name, the same for the same destination."""
        name = hashlib.sha256(self.server.encode()).hexdigest()[:8] if self.server else "local"
        return f"offline-{name}" if self.offline else name

    @classmethod
    def load(cls, folder: Path) -> Destination:
        """Of a spool folder. Raises SpoolError where it is not one."""
        try:
            values = json.loads((folder / DESTINATION).read_text())
            return cls(server=str(values["server"]), mode=str(values["mode"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SpoolError(f"{folder} is not a spool: its {DESTINATION} cannot be read ({error})") from error

    def save(self, folder: Path) -> None:
        write_json(folder / DESTINATION, {"server": self.server, "mode": self.mode})


def host_name() -> str:
    """Of this machine, as it stands in folder names: letters, digits, dots and dashes, at most 40."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", socket.gethostname())[:40].strip("-.") or "host"


def boot_id() -> str:
    """8 characters that differ from boot to boot of this machine, where the system tells."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return "00000000"


def folder_name(agent: str, destination: Destination) -> str:
    return f"{host_name()}-{boot_id()}-{agent[:8]}-{destination.key}"


def segment_file(folder: Path, segment: int, suffix: str = "seg") -> Path:
    return folder / f"{segment:08d}.{suffix}"


def segments_of(folder: Path) -> list[int]:
    """Numbers of the segments in a folder, ascending."""
    found = (_SEGMENT.fullmatch(entry.name) for entry in os.scandir(folder))
    return sorted(int(match[1]) for match in found if match)


def find_spools(root: Path) -> list[Path]:
    """Spool folders at `root`: itself, of a folder of spools, or of a home. Oldest first."""
    return sorted(set(_spools(root)), key=lambda folder: (_made(folder), folder.name))


def _spools(root: Path) -> Iterator[Path]:
    if (root / DESTINATION).is_file():
        yield root
        return
    for parent in (root, root / "spool"):
        try:
            entries = list(os.scandir(parent))
        except OSError:
            continue  # not there, or not ours to read: no spools in it
        for entry in entries:
            folder = Path(entry.path)
            if (folder / DESTINATION).is_file():
                yield folder


def _made(folder: Path) -> int:
    try:
        return (folder / DESTINATION).stat().st_mtime_ns
    except OSError:
        return 0


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; {} where there is none or it cannot be read."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Whole or not at all: a new file under another name, then a rename."""
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with open(draft, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(value, file)
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
