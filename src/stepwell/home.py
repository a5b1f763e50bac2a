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

__all__ = ["Home", "default_home", "passing_home"]

_SHARED_MEMORY = Path("/dev/shm")


def default_home() -> Path:
    """STEPWELL_HOME, else the platform's folder for a user's data, else (where that cannot be had) one for passing use.

    A container has users without a home and homes that are read-only. A folder that somebody named is never replaced.
    """
    named = os.environ.get("STEPWELL_HOME")
    if named:
        return _absolute(named)
    usual = _usual_home()
    return usual if usual is not None and _can_be_made(usual) else passing_home()


def passing_home() -> Path:
    """Of this user, in the folder for temporary files: the same for every process that has the same TMPDIR."""
    import tempfile  # which nobody needs who has a home

    return Path(tempfile.gettempdir()) / _passing_name()


def _usual_home() -> Path | None:
    """None for a user whom neither HOME nor the password file gives a home."""
    folders = {"darwin": "", "win32": "LOCALAPPDATA"}
    named = os.environ.get(folders.get(sys.platform, "XDG_DATA_HOME"), "")
    if named and os.path.isabs(named):
        return Path(named) / "stepwell"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "stepwell"
    return (home if sys.platform == "win32" else home / ".local" / "share") / "stepwell"


def _can_be_made(folder: Path) -> bool:
    """Whether the nearest folder above that exists may be written; makes nothing. False on a read-only filesystem."""
    for place in (folder, *folder.parents):
        if place.exists():
            return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    return False


def _absolute(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # no home that ~ could mean; no working folder that it could be below
        raise HomeError(f"cannot tell where {os.fspath(path)!r} is: {error}. Give STEPWELL_HOME in full.") from error


def _passing_name() -> str:
    return f"stepwell-home-{_user_id()}"


def _user_id() -> int:
    return os.getuid() if sys.platform != "win32" else 0


class Home:
    """Paths below one STEPWELL_HOME. Nothing is made until `make` or `mailbox` is called."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = _absolute(path) if path is not None else default_home()

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

    @property
    def passing(self) -> bool:
        """It stands in for a home folder that could not be had; see `default_home`."""
        return self.path.name == _passing_name()

    def make(self, *folders: Path) -> None:
        """Makes the home and these folders in it, 0700. Raises HomeError saying what to do."""
        self._check_encoding()
        for folder in (self.path, *folders):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise HomeError(
                    f"cannot make {folder}: {error.strerror or error}. Set STEPWELL_HOME to a folder you can write."
                ) from error
        if self.passing:
            _check_private(self.path)  # its name is known, and everybody may make folders there
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise HomeError(f"cannot write to {self.path}. Set STEPWELL_HOME to a folder you can write.")

    def _check_encoding(self) -> None:
        try:
            str(self.path).encode()
        except UnicodeEncodeError:
            raise HomeError(
                f"the path {str(self.path)!r} cannot be read as UTF-8 here. Set PYTHONUTF8=1, or LC_ALL=C.UTF-8, or "
                "STEPWELL_HOME to a folder whose path is UTF-8."
            ) from None

    def mailbox(self, layout: int) -> Path:
        """The folder of this home's rings, made 0700 and checked to be this user's own.

        A batch job has a mailbox of its own, so that its agent lives and dies with it.
        Raises HomeError where the folder belongs to somebody else.
        """
        self._check_encoding()
        key = f"{self.path}\0{os.environ.get('SLURM_JOB_ID', '')}"
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        if not _SHARED_MEMORY.is_dir() or not os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
            self.make(self.rings)
            return self.rings
        folder = _SHARED_MEMORY / f"stepwell-{_user_id()}"
        for part in (folder, folder / str(layout), folder / str(layout) / name):
            try:
                part.mkdir(mode=0o700, exist_ok=True)
            except OSError:
                self.make(self.rings)
                return self.rings
            _check_private(part)
        return folder / str(layout) / name


def _check_private(folder: Path) -> None:
    """Raises HomeError unless it is a folder of this user's that nobody else may enter."""
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != _user_id() or seen.st_mode & 0o077:
        raise HomeError(
            f"{folder} is not a private folder of this user, so nothing is put there. Remove it, or set STEPWELL_HOME "
            "to another folder."
        )
