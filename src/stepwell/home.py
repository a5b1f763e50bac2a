"""Where things lie on this machine: STEPWELL_HOME and the mailbox of its rings.

Owns the names of folders and files; makes them with the right permissions. Reads nothing in them.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path

from .errors import HomeError

__all__ = ["Home", "default_home"]

# Of the ring files' layout; a second version of the package keeps to its own mailbox.
_SHARED_MEMORY = Path("/dev/shm")


def default_home() -> Path:
    """STEPWELL_HOME, else the platform's folder for a user's data."""
    named = os.environ.get("STEPWELL_HOME")
    if named:
        return Path(named).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "stepwell"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "stepwell"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "stepwell"


class Home:
    """Paths below one STEPWELL_HOME. Nothing is made until `make` or `mailbox` is called."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path).expanduser().absolute() if path is not None else default_home()

    def __repr__(self) -> str:
        return f"Home({str(self.path)!r})"

    @property
    def service_file(self) -> Path:
        """url, gRPC address, token, pid of the service of this home; 0600; there while it runs."""
        return self.path / "service.json"

    @property
    def credentials_file(self) -> Path:
        """Tokens by service address, written by `stepwell login`; 0600."""
        return self.path / "credentials.json"

    @property
    def token_file(self) -> Path:
        return self.path / "token"

    @property
    def spool(self) -> Path:
        return self.path / "spool"

    @property
    def staging(self) -> Path:
        return self.path / "staging"

    @property
    def runs(self) -> Path:
        """One small file a run that was recorded here: its last attempt and how it ended."""
        return self.path / "runs"

    @property
    def rings(self) -> Path:
        """Ring files where there is no shared memory to hold them."""
        return self.path / "rings"

    @property
    def store(self) -> Path:
        return self.path / "store"

    @property
    def log(self) -> Path:
        return self.path / "log"

    def make(self, *folders: Path) -> None:
        """Makes the home and these folders in it, 0700. Raises HomeError saying what to do."""
        for folder in (self.path, *folders):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise HomeError(
                    f"cannot make {folder}: {error.strerror or error}. Set STEPWELL_HOME to a folder you can write."
                ) from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise HomeError(f"cannot write to {self.path}. Set STEPWELL_HOME to a folder you can write.")

    def mailbox(self, layout: int) -> Path:
        """The folder of this home's rings, made 0700 and checked to be this user's own.

        A batch job has a mailbox of its own, so that its agent lives and dies with it.
        Raises HomeError where the folder belongs to somebody else.
        """
        key = f"{self.path}\0{os.environ.get('SLURM_JOB_ID', '')}"
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        if not _SHARED_MEMORY.is_dir() or not os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
            self.make(self.rings)
            return self.rings
        folder = _SHARED_MEMORY / f"stepwell-{os.getuid()}"
        for part in (folder, folder / str(layout), folder / str(layout) / name):
            try:
                part.mkdir(mode=0o700, exist_ok=True)
                seen = part.lstat()
            except OSError:
                self.make(self.rings)
                return self.rings
            if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid() or seen.st_mode & 0o077:
                raise HomeError(
                    f"{part} is not a private folder of this user, so nothing is put there. Remove it, or set "
                    "STEPWELL_HOME to another folder."
                )
        return folder / str(layout) / name
