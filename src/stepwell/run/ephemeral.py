"""Notebook hosts that forget: their disk goes when the session ends, and what was recorded on it.

Decides from the environment and from what kind of filesystem the home lies on; `lifetime` does so for any container.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..filesystems import dies_with_its_container, filesystem_of
from ..home import Home

__all__ = ["forgotten"]


class _Host(NamedTuple):
    """variables: any of them names it. kept: folders below which it keeps files; lasting: what to set the home to."""

    name: str
    variables: tuple[str, ...]
    kept: tuple[str, ...]
    lasting: str
    first: str = ""


_HOSTS = (
    _Host(
        "Colab",
        ("COLAB_RELEASE_TAG", "COLAB_BACKEND_VERSION", "COLAB_JUPYTER_IP"),
        ("/content/drive",),
        "/content/drive/MyDrive/stepwell",
        "from google.colab import drive; drive.mount('/content/drive'); ",
    ),
    _Host("Kaggle", ("KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_URL_BASE"), ("/kaggle/working",), "/kaggle/working/stepwell"),
    _Host("Binder", ("BINDER_SERVICE_HOST", "BINDER_LAUNCH_HOST"), (), ""),
)


def forgotten(home: Home, path: str, env: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """What will be lost and the line that avoids it; "" where the home outlasts the machine. None on any other machine.

    path: of the run, "project/id".
    """
    host = next((host for host in _HOSTS if any(env.get(name) for name in host.variables)), None)
    if host is None:
        return None
    if any(home.path.is_relative_to(folder) for folder in host.kept):
        return ""
    if not dies_with_its_container(filesystem_of(home.path, root / "proc/mounts")):
        return ""  # a network share, a disk of its own
    ways = [f'server="https://..." in init; or at the end `!stepwell export {path}` and a download of its file']
    if host.lasting:
        ways.insert(0, f"before init `import os; {host.first}os.environ['STEPWELL_HOME'] = '{host.lasting}'`")
    return (
        f"this is a {host.name} machine, and {home.path} goes with it: what is recorded is lost when the session ends. "
        f"To keep it: {'; or '.join(ways)}."
    )
