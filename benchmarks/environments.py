"""The interpreter in which a peer lives: ours, where it is installed at its pinned version, or one of its own.

Recorders pin libraries that others cannot live with, so those that are not part of `.[bench]` get an environment under
the user's cache folder, made when it is first asked for: `stepwell-bench/mlflow-3.17.2`. It is made aside and renamed,
so what is there is whole; delete the folder to have it made again.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["CACHE", "Absent", "python_with"]

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepwell-bench"
_INSTALL_S = 1800.0


class Absent(Exception):
    """A peer cannot be had here, and why."""


def python_with(package: str, version: str, also: tuple[str, ...] = ()) -> str:
    """An interpreter that has this version. Raises Absent.

    also: what else goes into an environment of its own. With STEPWELL_BENCH_INSTALL set and empty none is made.
    """
    try:
        if importlib.metadata.version(package) == version:
            return sys.executable
    except importlib.metadata.PackageNotFoundError:
        pass
    folder = CACHE / f"{package}-{version}"
    python = folder / "bin" / "python"
    if python.exists():
        return str(python)
    if os.environ.get("STEPWELL_BENCH_INSTALL") == "":
        raise Absent(f"{package} {version} is not installed, and no environment is to be made for it")
    _make(folder, [f"{package}=={version}", *also])
    return str(python)


def _make(folder: Path, packages: list[str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    # Not of any environment that is active: it would be looked at for what is installed.
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    log = folder.parent / f"{folder.name}.log"
    try:
        _call([sys.executable, "-m", "venv", str(aside)], environment, log)
        python = str(aside / "bin" / "python")
        _call([python, "-m", "pip", "install", "--no-input", "--quiet", *packages], environment, log)
        aside.rename(folder)  # `bin/python` is a link to where Python is: it works wherever the folder is
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _call(command: list[str], environment: dict[str, str], log: Path) -> None:
    with log.open("ab") as out:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                check=False,
                timeout=_INSTALL_S,
                env=environment,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Absent(f"no environment could be made: {error}; see {log}") from error
    if done.returncode:
        said = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("ERROR")]
        raise Absent(f"no environment could be made: {said[-1][:200] if said else 'pip failed'}; see {log}")
